"""The entry point: find the command, run it, and turn what it raises into a line and an exit code.

Each command is a click command in a module of its own, which is imported when the command is called, so that `validate`
starts quickly and needs no Pulumi. It returns its exit code.
"""

from __future__ import annotations

import importlib
import itertools
import keyword
import os
import re
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import Exit
from reconciler.cli.interrupts import handling_interrupts

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: Every command: its module, and its line in `reconciler --help`.
COMMANDS = {
    "validate": ("reconciler.cli.validate", "Check every file and print all problems."),
    "init": ("reconciler.cli.init", "Write the files of a new environment."),
    "new": ("reconciler.cli.new", "Write the file of a new connector."),
    "promote": ("reconciler.cli.promote", "Write a unit's file for another environment."),
    "propose": ("reconciler.cli.propose", "Open a pull request with the files that were changed by hand."),
    "extend": ("reconciler.cli.extend", "Move a unit's last day to a later date."),
    "grant": ("reconciler.cli.grant", "Give a member access to a dataset for a time."),
    "revoke": ("reconciler.cli.revoke", "Revoke a member's access to a dataset."),
    "rotate": ("reconciler.cli.rotate", "Raise the version of a unit's secret."),
    "pause": ("reconciler.cli.pause", "Stop the syncs of a connector, with a reason."),
    "resume": ("reconciler.cli.resume", "Start the syncs of a paused connector again."),
    "retire": ("reconciler.cli.retire", "Announce that a unit will be removed."),
    "move": ("reconciler.cli.move", "Move units to another stack of their environment."),
    "import": ("reconciler.cli.import_", "Write files for unmanaged connections and datasets."),
    "status": ("reconciler.cli.status", "Show the status of each connection, and the next step."),
    "doctor": ("reconciler.cli.doctor", "Check what an environment needs, and who reads sensitive data."),
    "authorise": ("reconciler.cli.authorise", "Print a link with which a user authorises a connection."),
    "airflow-variables": ("reconciler.cli.airflow_variables", "Print the Airflow variables with the connection ids."),
    "expiring": ("reconciler.cli.expiring", "List the units that expire, and the stage of each."),
    "sweep": ("reconciler.cli.sweep", "Delete the files of units whose removal is due."),
    "head-files": ("reconciler.cli.head_files", "Write the YAML files of a commit that is not checked out."),
    "review": ("reconciler.cli.review", "Print what a run would do, for a reviewer."),
    "report": ("reconciler.cli.report", "Print what needs attention, as a weekly report."),
    "who-can-read": ("reconciler.cli.who_can_read", "List who can read a dataset, or what a member can read."),
    "unmanaged": ("reconciler.cli.unmanaged", "List the connections and datasets that no file declares."),
    "changed": ("reconciler.cli.changed", "Print the environments that a change touches."),
    "comment": ("reconciler.cli.comment", "Write a review as a comment on a pull request."),
    "record": ("reconciler.cli.record", "Record what a review found as a check run."),
    "agrees": ("reconciler.cli.agrees", "Check that a merge does only what was reviewed."),
    "with-fivetran-key": ("reconciler.cli.with_fivetran_key", "Run a command with an API key from Secret Manager."),
    "issue": ("reconciler.cli.issue", "Open, update or close the issue about what needs attention."),
    "secret": ("reconciler.cli.secret", "Write a secret's value to Secret Manager."),
    "check-etl": ("reconciler.cli.check_etl", "Check the queries of bigquery-etl against the units."),
    "services": ("reconciler.cli.services", "Show the catalogue of Fivetran's services, or update it."),
    "simulate": ("reconciler.cli.simulate", "Serve a local Fivetran and a local Google Cloud."),
}

#: The commands that have commands of their own.
_GROUPS = frozenset({"secret", "services"})

_LAST_WORD = "reconciler.last_word"

#: If it is set, an unexpected error shows its traceback.
DEBUG_VARIABLE = "RECONCILER_DEBUG"

_INTERNAL_ERROR = 70

#: An option that most commands take, with its value if both are one word.
_BEFORE = re.compile(r"(?:-e|--environment|--specs)(?P<value>=.*|(?<=-e).+)?$", re.DOTALL)


class _Commands(click.Group):
    """Commands by name, each imported only when it is needed."""

    words: Sequence[str] = ()
    """The command line."""
    meta: Mapping[str, Any] = MappingProxyType({})
    """What the command's context knows."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Accept the common options also before the command's name: `reconciler -e dev status`."""
        ctx.meta[_LAST_WORD] = args[-1] if args else ""
        first = 0
        while first < len(args) and (found := _BEFORE.match(args[first])):
            first += 1 if found["value"] else 2
        if 0 < first < len(args):
            command, after = args[first], args[first + 1 :]
            # The options are those of `put`, not of `secret`.
            name, rest = ([command, *after[:1]], after[1:]) if command in _GROUPS else ([command], after)
            args = [*name, *args[:first], *rest]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, text = COMMANDS[cmd_name]
        if ctx.resilient_parsing:  # a shell asks what comes next, and does not wait for imports
            from reconciler.cli.completion import stand_in  # noqa: PLC0415 (only completion needs it)

            if (found := stand_in(cmd_name, text)) is not None:
                return found
        name = cmd_name.replace("-", "_")
        name += "_" if keyword.iskeyword(name) else ""
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Offer the commands, or environments after `reconciler -e`."""
        if ctx.meta[_LAST_WORD] in ("-e", "--environment"):
            from reconciler.cli.completion import environments  # noqa: PLC0415 (only completion needs it)

            return environments(ctx, incomplete)
        return super().shell_complete(ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        self.meta = ctx.meta
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            from reconciler.cli.output import close_stdout  # noqa: PLC0415 (help imports no other module)

            close_stdout()  # the interpreter must not flush to a reader that has left
            return 128 + signal.SIGPIPE
        except click.Abort:
            if sys.stdin.isatty():
                click.echo(err=True)  # the cursor is behind the question
            raise
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            return _failed(error)  # while the command's context knows the environment
        return result


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="reconciler", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep Fivetran connectors and BigQuery datasets as YAML files declare them.

    Exit codes: 0 fine; 1 findings; 2 wrong usage; 3 Fivetran or Google failed.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. It prints a traceback only if RECONCILER_DEBUG is set."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    cli.words, cli.meta = list(sys.argv[1:] if arguments is None else arguments), {}
    try:
        with handling_interrupts() as interrupts:
            code = cli.main(args=arguments, prog_name="reconciler", standalone_mode=False)
    except click.Abort:
        click.echo("interrupted", err=True)
        code = _ended(interrupts.code, "interrupted", "interrupted")
        if interrupts.received:
            sys.stdout.flush()
            os._exit(code)  # the interpreter would wait for threads that wait for an answer
        return code
    except click.ClickException as error:
        error.show()
        return _ended(Exit.USAGE, "usage", error.format_message())
    except Exception as error:
        return _failed(error)
    return Exit.FINE if code is None else int(code)


def _ended(code: int, kind: str, message: str, problems: Sequence[object] = ()) -> int:
    """Print an error as JSON too, if the command line asks for it; return the exit code."""
    if _asks_for_json(cli.words):
        from reconciler.cli.output import HAS_PRINTED, print_json  # noqa: PLC0415 (only a failure needs them)

        if not cli.meta.get(HAS_PRINTED):
            print_json({"error": {"kind": kind, "exit_code": code, "message": message, "problems": list(problems)}})
    return code


def _asks_for_json(words: Sequence[str]) -> bool:
    """Return whether the last `--format` names JSON. The words may be wrong, so that click parsed none."""
    formats = [
        word.removeprefix("--format=") if word.startswith("--format=") else following
        for word, following in itertools.pairwise([*words, ""])
        if word == "--format" or word.startswith("--format=")
    ]
    return formats[-1:] == ["json"]


def _failed(error: Exception) -> int:
    """Print an error; return the exit code."""
    from reconciler.cli.output import print_note  # noqa: PLC0415 (only a failure needs them)
    from reconciler.model.errors import InvalidSpecs, ReconcilerError, RemoteError  # noqa: PLC0415

    if isinstance(error, InvalidSpecs):
        print_note(str(error))
        return _ended(Exit.FINDINGS, "files", "the files have problems", error.problems)
    if isinstance(error, ReconcilerError):
        from reconciler.cli.masked_output import format_error  # noqa: PLC0415

        text = format_error(error)
        print_note(f"Error: {text}")
        if isinstance(error, RemoteError):
            return _ended(Exit.REMOTE_FAILED, "remote", text)
        return _ended(Exit.USAGE, "usage", text)
    return _ended(_unexpected(error), "bug", f"{type(error).__name__}: this is a bug")


def _unexpected(error: Exception) -> int:
    """Print the type and place of an unexpected error. Its text could quote a secret."""
    if os.environ.get(DEBUG_VARIABLE):
        from reconciler.cli.masked_output import format_traceback  # noqa: PLC0415

        click.echo(format_traceback(error), err=True)
    else:
        frame = traceback.extract_tb(error.__traceback__, limit=-1)[0]
        place = f"{frame.name} ({os.path.basename(frame.filename)}:{frame.lineno})"  # noqa: PTH119
        click.echo(f"Error: {type(error).__name__} in {place}: this is a bug. {DEBUG_VARIABLE}=1 shows more.", err=True)
    return _INTERNAL_ERROR
