"""`reconciler changed`: print the environments and stacks that a change touches."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.options import specs_option
from reconciler.cli.output import print_json, print_lines, print_note
from reconciler.git.changes import Changes, find_changes
from reconciler.git.repository import Repository
from reconciler.model.commands import count
from reconciler.model.errors import ReconcilerError, printable

#: GitHub's word for no commit.
_NOTHING = "0" * 40


@click.command()
@specs_option
@click.option("--since", metavar="REF", help="What to compare with: a branch, a tag or a commit.")
@click.option("--all", "everything", is_flag=True, help="Compare with nothing: report every stack as touched.")
@click.option("--head", default="HEAD", show_default=True, metavar="REF", help="The commit whose changes are reported.")
@click.option(
    "--format",
    "style",
    type=click.Choice(("text", "json", "github")),
    default="text",
    show_default=True,
    help="Print for people, for programs, or as lines for GITHUB_OUTPUT.",
)
def changed(*, specs: Path, since: str | None, everything: bool, head: str, style: str) -> int:
    """Print the stacks that a change touches, each on its line.

    Compares HEAD, or --head, with its merge base with REF. A unit's file touches its stack: the environment, or
    ENVIRONMENT.FOLDER for a subfolder with a stack of its own. So does Pulumi.STACK.yaml. Other files of an environment
    touch all its stacks. Pages and tests touch nothing. Everything else is code and touches all environments.

    With --format github it prints what jobs are made of. `environments`: a JSON list. `stacks`: a JSON list of objects
    with `stack`, `environment` and a `number`, without the stacks that HEAD ends. `own`: the environments whose own
    stack is touched. `subfolders`: for each environment the list of its other stacks. Three are true or false: `code`
    if code changed, `specs` if files of environments did, `mixed` if both did.

    Exit codes: 0 done; 2 wrong usage, or a commit is missing.
    """
    if (since is None) != everything:
        raise click.UsageError("choose either --since or --all")
    repository = Repository(Path.cwd())
    found = find_changes(repository, _NOTHING if since is None else since, head, _from_the_top(repository, specs))
    if style == "json":
        print_json(_record(found))
    elif style == "github":
        print_lines(f"{name}={json.dumps(value)}" for name, value in _outputs(found).items())
    else:
        print_lines(found.stacks)
        print_note(_summary(found))
    return Exit.FINE


def _from_the_top(repository: Repository, specs: Path) -> str:
    top = Path(repository.run("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n"))
    folder = specs.resolve()
    if not folder.is_relative_to(top.resolve()) or folder == top.resolve():
        raise ReconcilerError(f"{specs} is not a folder of the repository {top}\n    Name one with --specs.")
    return folder.relative_to(top.resolve()).as_posix()


def _record(found: Changes) -> dict[str, object]:
    return {
        "base": found.base,
        "head": found.head,
        "environments": found.environments,
        "stacks": found.stacks,
        "code": [printable(path) for path in found.code],
        "specs": [printable(path) for path in found.specs],
        "mixed": found.is_mixed,
    }


def _outputs(found: Changes) -> dict[str, object]:
    """Return what jobs of a workflow read: nothing in it is a text that an author chose."""
    stacks = [each for each in found.stacks if each not in found.ended]
    pairs = [(each, each.partition(".")[0]) for each in stacks]
    return {
        "environments": found.environments,
        "stacks": [
            {"stack": stack, "environment": environment, "number": number}
            for number, (stack, environment) in enumerate(pairs)
        ],
        "own": [each for each in found.environments if each in stacks],
        "subfolders": {
            name: [stack for stack, environment in pairs if environment == name != stack] for name in found.environments
        },
        "code": bool(found.code),
        "specs": bool(found.specs),
        "mixed": found.is_mixed,
    }


def _summary(found: Changes) -> str:
    since = f"since {found.base[:12]}" if found.base else "in all"
    files, code = count(len(found.specs), "file"), count(len(found.code), "file")
    return f"{files} of environments and {code} of code changed {since}"
