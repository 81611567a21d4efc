"""`reconciler revoke`: revoke a member's access to a dataset."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from reconciler.cli.edit_files import Finish, edit_options, edit_unit, read_unit
from reconciler.edits import access


@click.command()
@edit_options
@click.option("--role", metavar="ROLE", help="Only this role.  [default: all]")
@click.option("--dataset", "key", metavar="KEY", help="The dataset, if the file has several: its key in `datasets`.")
@click.argument("name")
@click.argument("member")
def revoke(
    specs: Path,
    day: date,
    environment: str | None,
    finish: Finish,
    *,
    role: str | None,
    key: str | None,
    name: str,
    member: str,
) -> int:
    """Remove MEMBER from the grants on the dataset of the unit NAME.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    unit = read_unit(specs, environment, name, day)
    path = access.find_dataset(unit.source, unit.name, key)
    edited = access.revoke(unit.source, unit.environment, unit.name, path, member=member, role=role)
    return edit_unit(unit, specs, day, edited, finish)
