"""The options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from reconciler.cli.output import REPORTERS
from reconciler.model import commands
from reconciler.model.today import VARIABLE, today

F = TypeVar("F", bound=Callable[..., Any])

_APP_VARIABLE = "RECONCILER_GITHUB_APP"

environment_option = click.option(
    "--environment",
    "-e",
    metavar="NAME",
    help="The environment, by the name of its folder.  [default: the only one]",
)

#: For commands that find a unit by its name.
unit_environment_option = click.option(
    "--environment",
    "-e",
    metavar="NAME",
    help="The unit's environment, by the name of its folder.  [default: the only one that has the unit]",
)


def _matches(pattern: str, wanted: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a check of an option's value."""

    def check(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
        if value and not re.fullmatch(pattern, value):
            raise click.BadParameter(f"expected {wanted}")
        return value

    return check


def _named_option(text: str, *, required: bool) -> Callable[[F], F]:
    """Return an option for commands that read no files, and so cannot tell which environments there are."""
    return click.option(
        "--environment",
        "-e",
        required=required,
        metavar="NAME",
        callback=_matches(r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)?", "a folder's name, or a stack's"),
        help=f"The environment, by the name of its folder; or a subfolder's stack, as ENVIRONMENT.FOLDER.{text}",
    )


named_environment_option = _named_option("", required=True)
optional_stack_option = _named_option(" Needed with FILE.", required=False)


def sha_option(name: str, text: str, *, required: bool = False) -> Callable[[F], F]:
    """Return an option that takes a commit; empty if it is left out."""
    check = _matches(r"[0-9a-f]{40}", "40 hexadecimal digits")
    if required:
        return click.option(name, required=True, metavar="SHA", callback=check, help=text)
    return click.option(name, default="", metavar="SHA", callback=check, help=text)


commit_option = sha_option("--commit", "The commit: 40 hexadecimal digits.", required=True)


def _reject_empty_app(_ctx: click.Context, _param: click.Parameter, value: int | None) -> int | None:
    """Reject an empty variable."""
    # GitHub gives a job that for one that does not exist, and without an App the checks of any workflow count.
    if value is None and os.environ.get(_APP_VARIABLE) == "":
        step = "Set it to the App's id. The workflows take it from the repository's variable RECONCILER_APP_ID."
        raise click.UsageError(f"{_APP_VARIABLE} is empty\n    {step}")
    return value


app_option = click.option(
    "--app",
    type=click.IntRange(min=1),
    envvar=_APP_VARIABLE,
    callback=_reject_empty_app,
    metavar="ID",
    show_envvar=True,
    help="The id of the GitHub App that writes check runs.  [default: that of GitHub Actions]",
)

run_url_option = click.option(
    "--run-url",
    default="",
    metavar="URL",
    callback=_matches(r"https?://[^\s()<>]+", "an address"),
    help="The address of the run, which the comment links to.",
)

environments_option = click.option(
    "--environment",
    "-e",
    "environments",
    multiple=True,
    metavar="NAME",
    help="An environment to read, by the name of its folder; repeatable.  [default: all]",
)


def _remember_specs(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """Record the folder that the command line names, so that commands in messages name it too."""
    by_hand = param.name is not None and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    token = commands.specs.set(str(value) if by_hand else None)
    # The root is closed also when another argument is wrong.
    ctx.find_root().call_on_close(lambda: commands.specs.reset(token))
    return value


def _remember_existing_specs(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """Do the same with a folder that has to exist."""
    if not value.exists():
        step = f"Write a first environment with {commands.reconciler('init', 'NAME')}, or name another folder."
        raise click.BadParameter(f"Directory {str(value)!r} does not exist.\n    {step}", ctx, param)
    return _remember_specs(ctx, param, value)


def _specs_option(*, may_be_missing: bool) -> Callable[[F], F]:
    return click.option(
        "--specs",
        callback=_remember_specs if may_be_missing else _remember_existing_specs,
        type=click.Path(file_okay=False, path_type=Path),
        envvar="RECONCILER_SPECS",
        default="connectors",
        show_default=True,
        show_envvar=True,
        help="The folder that contains one folder per environment.",
    )


specs_option = _specs_option(may_be_missing=False)

#: For the command that writes the first files of the folder.
new_specs_option = _specs_option(may_be_missing=True)

outputs_option = click.option(
    "--from-outputs",
    "outputs",
    type=click.File("r", encoding="utf-8", errors="replace"),
    multiple=True,
    metavar="FILE",
    help="The output of `pulumi stack output --json`, which names failed setup tests; - for stdin. Repeatable, for an "
    "environment of several stacks.",
)


def format_option(text: str, *formats: str) -> Callable[[F], F]:
    """Return the option `--format`, which a command gets as `reporter`.

    Args:
        text: The option's help.
        formats: The formats to choose from, unless the command has all of them.
    """
    return click.option(
        "--format",
        "reporter",
        type=click.Choice(formats or tuple(REPORTERS)),
        callback=lambda _ctx, _param, value: REPORTERS[value],
        default="text",
        show_default=True,
        help=text,
    )


#: Git has no commit of a day before 1970.
_FIRST_YEAR, _LAST_YEAR = 1970, 9000


class Day(click.ParamType[date]):
    """An ISO date."""

    name = "date"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date of an argument. Weeks and years can be added to it."""
        try:
            found = value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: expected a date such as 2026-12-31", param, ctx)
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            self.fail(f"{found}: expected a year between {_FIRST_YEAR} and {_LAST_YEAR}", param, ctx)
        return found


_DAYS = re.compile(r"([1-9][0-9]{0,4})d")


class Days(click.ParamType[timedelta]):
    """A number of days such as `30d`."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse it."""
        if isinstance(value, timedelta):
            return value
        found = _DAYS.fullmatch(value)
        if found is None:
            self.fail(f"{value!r}: expected a number of days such as 30d", param, ctx)
        return timedelta(days=int(found[1]))


def until_option(text: str, help_until: str) -> Callable[[F], F]:
    """Return the options `--for` and `--until`: a number of days from today, or a day."""

    def add(command: F) -> F:
        for_ = click.option("--for", "days", type=Days(), metavar="DAYS", help=text)
        until = click.option("--until", type=Day(), metavar="DATE", help=help_until)
        return for_(until(command))

    return add


today_option = click.option(
    "--today",
    "day",
    type=Day(),
    envvar=VARIABLE,
    default=today,
    show_default="the current date in UTC",
    show_envvar=True,
    help="The date to use as today.",
)
