"""`reconciler extend`: move a unit's last day to a later date."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta
from pathlib import Path

import click

from reconciler.cli.edit_files import Finish, edit_options, edit_unit, read_unit
from reconciler.cli.options import Day, Days
from reconciler.edits import lifecycle


class _DaysOrDay(click.ParamType["timedelta | date"]):
    name = "days"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta | date:
        for kind in (Days(), Day()):
            with contextlib.suppress(click.BadParameter):
                return kind.convert(value, param, ctx)
        message = f"{value!r}: expected a number of days such as 30d, or a date such as 2026-12-31"
        raise click.BadParameter(message, ctx, param)


@click.command()
@edit_options
@click.argument("name")
@click.argument("by", type=_DaysOrDay(), metavar="DAYS|DATE")
def extend(specs: Path, day: date, environment: str | None, finish: Finish, *, name: str, by: timedelta | date) -> int:
    """Move the last day of a unit to a later date: by a number of days (30d), or to a date.

    Days count from the unit's last day, or from today if it has expired. The environment's policy limits how far
    ahead the last day may be.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    unit = read_unit(specs, environment, name, day)
    days, to = (by, None) if isinstance(by, timedelta) else (None, by)
    edited = lifecycle.extend(unit.source, unit.environment, unit.name, day, by=days, to=to)
    return edit_unit(unit, specs, day, edited, finish)
