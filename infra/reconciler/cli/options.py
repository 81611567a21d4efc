"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from reconciler.model import commands
from reconciler.model.today import VARIABLE, today

F = TypeVar("F", bound=Callable[..., Any])

environment_option = click.option(
    "--environment",
    "-e",
    metavar="NAME",
    help="The environment: the name of its folder.  [default: the only one there is]",
)

environments_option = click.option(
    "--environment",
    "-e",
    "environments",
    multiple=True,
    metavar="NAME",
    help="The environments to look at, by the names of their folders; repeatable.  [default: all]",
)


def _remember_specs(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """Let commands that messages print name the folder, where it was named by hand."""
    by_hand = param.name is not None and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    token = commands.specs.set(str(value) if by_hand else None)
    ctx.call_on_close(lambda: commands.specs.reset(token))
    return value


specs_option = click.option(
    "--specs",
    callback=_remember_specs,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="RECONCILER_SPECS",
    default="connectors",
    show_default=True,
    show_envvar=True,
    help="The folder that holds the environments' folders.",
)

outputs_option = click.option(
    "--from-outputs",
    "outputs",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="What `pulumi stack output --json` printed, to name the setup tests that failed in the last run; - for stdin.",
)


def format_option(text: str, *styles: str) -> Callable[[F], F]:
    """`--format`, as `style`: how a command prints what it found. `text` is its help."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(styles or ("text", "json", "github")),
        default="text",
        show_default=True,
        help=text,
    )


class _Day(click.ParamType[date]):
    """An ISO date."""

    name = "date"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: expected a date such as 2026-12-31", param, ctx)


today_option = click.option(
    "--today",
    "day",
    type=_Day(),
    envvar=VARIABLE,
    default=today,
    show_default="the clock's, in UTC",
    show_envvar=True,
    help="The day to take for today.",
)
