"""The entry point: finds the command, runs it, and turns what it raises into a line and an exit code.

A command is a click command of its own name in its own module, imported when it is called: `validate` works without
Pulumi, and quickly. It returns its exit code.
"""

from __future__ import annotations

import importlib
import keyword
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from reconciler.cli import Exit
from reconciler.model.errors import InvalidSpecs, OtherSideFailed, ReconcilerError

#: Every command: its module, and its line in `reconciler --help`.
COMMANDS = {
    "validate": ("reconciler.cli.validate", "Check every file of the specs and print all that is wrong."),
    "import": ("reconciler.cli.import_", "Write files for what lives in Fivetran and BigQuery and is in none yet."),
    "status": ("reconciler.cli.status", "How the connections of an environment are, and what is awaited."),
    "doctor": ("reconciler.cli.doctor", "Whether an environment has what it needs, and who reads sensitive data."),
    "authorise": ("reconciler.cli.authorise", "Print a link under which a person authorises a connection."),
    "airflow-variables": (
        "reconciler.cli.airflow_variables",
        "Print the variables by which Airflow finds connections.",
    ),
    "expiring": ("reconciler.cli.expiring", "What ends when, and in which stage of that it is."),
    "sweep": ("reconciler.cli.sweep", "Remove the files of units that have ended."),
    "report": ("reconciler.cli.report", "The page for a weekly look: what ends, waits, fails, lapses, is in no file."),
    "unmanaged": ("reconciler.cli.unmanaged", "What lives in the group and the project and is in no file."),
    "services": ("reconciler.cli.services", "What Fivetran's services take, and asking Fivetran for it anew."),
    "simulate": ("reconciler.cli.simulate", "Serve a local Fivetran and a local GCP."),
}

#: With a value, an unexpected error shows its traceback.
DEBUG_VARIABLE = "RECONCILER_DEBUG"

_INTERNAL_ERROR = 70

#: An option that most commands take, with its value where that is in the same word.
_BEFORE = re.compile(r"(?:-e|--environment|--specs)(?P<value>=.*|(?<=-e).+)?$", re.DOTALL)


class _Commands(click.Group):
    """Commands by name, each imported only when it is needed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options of commands before the command's name as well: `reconciler -e dev status`."""
        first = 0
        while first < len(args) and (found := _BEFORE.match(args[first])):
            first += 1 if found["value"] else 2
        if 0 < first < len(args):
            args = [args[first], *args[:first], *args[first + 1 :]]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        name = cmd_name.replace("-", "_")
        name += "_" if keyword.iskeyword(name) else ""
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _silence_stdout()
            return 128 + signal.SIGPIPE
        return result


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="reconciler", message="%(prog)s %(version)s")
def cli() -> None:
    """Fivetran and BigQuery as YAML files say.

    Exit codes: 0 fine, 1 findings, 2 wrong usage, 3 the other side failed.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. Nothing escapes as a traceback, unless RECONCILER_DEBUG asks for it."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=arguments, prog_name="reconciler", standalone_mode=False)
    except click.Abort:
        click.echo("interrupted", err=True)
        return 128 + signal.SIGINT
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except InvalidSpecs as error:
        click.echo(str(error), err=True)
        return Exit.FINDINGS
    except ReconcilerError as error:
        from reconciler.cli.foreign_text import explain  # noqa: PLC0415 (only what failed needs it)

        click.echo(f"Error: {explain(error)}", err=True)
        return Exit.OTHER_SIDE_FAILED if isinstance(error, OtherSideFailed) else Exit.USAGE
    except Exception as error:
        return _unexpected(error)
    return Exit.FINE if code is None else int(code)


def _unexpected(error: Exception) -> int:
    """A fault of ours. Its text could quote anything, so only its type and place are shown."""
    if os.environ.get(DEBUG_VARIABLE):
        from reconciler.cli.foreign_text import trace  # noqa: PLC0415

        click.echo(trace(error), err=True)
    else:
        frame = traceback.extract_tb(error.__traceback__, limit=-1)[0]
        place = f"{frame.name} ({os.path.basename(frame.filename)}:{frame.lineno})"  # noqa: PTH119
        click.echo(f"Error: {type(error).__name__} in {place}: this is a bug. {DEBUG_VARIABLE}=1 shows more.", err=True)
    return _INTERNAL_ERROR


def _silence_stdout() -> None:
    """Nobody reads on: what is still in the buffer goes nowhere when the interpreter flushes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
