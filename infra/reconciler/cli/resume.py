"""`reconciler resume`: start the syncs of a paused connector again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from reconciler.cli.edit_files import Finish, edit_options, edit_unit, read_unit
from reconciler.edits import lifecycle


@click.command()
@edit_options
@click.argument("name")
def resume(specs: Path, day: date, environment: str | None, finish: Finish, *, name: str) -> int:
    """Remove `paused` from a connector's file. The next run starts the syncs again.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    unit = read_unit(specs, environment, name, day)
    return edit_unit(unit, specs, day, lifecycle.resume(unit.source, unit.name, day), finish)
