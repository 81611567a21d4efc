"""`reconciler retire`: announce that a unit will be removed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import click

from reconciler.cli.edit_files import Finish, edit_options, edit_unit, read_unit
from reconciler.edits import lifecycle


@click.command()
@edit_options
@click.option("--ticket", required=True, metavar="TICKET", help="The ticket that requests the retirement.")
@click.option(
    "--data",
    type=click.Choice(("keep", "delete")),
    help="Whether to keep or delete its tables, if the policy allows deletion.  [default: keep]",
)
@click.argument("name")
def retire(
    specs: Path,
    day: date,
    environment: str | None,
    finish: Finish,
    *,
    ticket: str,
    data: Literal["keep", "delete"] | None,
    name: str,
) -> int:
    """Write `retire` with the ticket into a unit's file.

    The next run pauses its connector. After that run the file may be deleted.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    unit = read_unit(specs, environment, name, day)
    edited = lifecycle.retire(unit.source, unit.environment, unit.name, ticket, data)
    return edit_unit(unit, specs, day, edited, finish)
