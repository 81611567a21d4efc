"""`reconciler rotate`: raise the version of a unit's secret."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from reconciler.cli.edit_files import Finish, edit_options, edit_unit, read_unit
from reconciler.edits import rotate as rotation
from reconciler.model import Reference, commands


@click.command()
@edit_options
@click.option("--version", type=click.IntRange(min=1), metavar="N", help="The version.  [default: the next one]")
@click.argument("name")
@click.argument("key", required=False)
@click.argument("unexpected", nargs=-1, metavar="")
def rotate(
    specs: Path,
    day: date,
    environment: str | None,
    finish: Finish,
    *,
    version: int | None,
    name: str,
    key: str | None,
    unexpected: tuple[str, ...],
) -> int:
    """Raise the version of a secret in the file of the unit NAME.

    The next run sends the new value.

    KEY is the key in `config` or `auth`, such as api_key; it can be left out if the file has one secret. Checks that
    Secret Manager has the version, which needs Google credentials with `roles/secretmanager.viewer`.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    if unexpected:
        step = commands.reconciler("secret put", "NAME", environment=environment)
        raise click.UsageError(f"the value must not be an argument: leave it out, and write it with {step}")
    unit = read_unit(specs, environment, name, day)
    edited = rotation.rotate(unit.source, unit.environment, unit.name, key, version, find_fault=_find_fault)
    return edit_unit(unit, specs, day, edited, finish)


def _find_fault(reference: Reference) -> str | None:
    """Return why Secret Manager cannot give this version of a secret; None if it can."""
    from reconciler.secrets.secret_manager import TimeLimits, connect  # noqa: PLC0415 (slow to import)

    found = connect().state(reference, TimeLimits())
    return None if found is None else found.message
