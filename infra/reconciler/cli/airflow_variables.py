"""`reconciler airflow-variables`: the flat JSON that `airflow variables import` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.airflow import variables
from reconciler.cli import Exit
from reconciler.cli.live import choose_all, live_group
from reconciler.cli.options import environments_option, specs_option, today_option
from reconciler.cli.progress import progress
from reconciler.cli.recorded import outputs_of
from reconciler.errors import ReconcilerError
from reconciler.expiry import stage

#: The stack output that holds them (`program`).
_OUTPUT = "airflow_variables"


@click.command("airflow-variables")
@specs_option
@today_option
@environments_option
@click.option(
    "--from-outputs",
    "outputs",
    type=click.File("r", encoding="utf-8"),
    multiple=True,
    metavar="FILE",
    help="What `pulumi stack output --json` printed, to read instead of asking Fivetran; - for stdin; repeatable.",
)
def airflow_variables(specs: Path, day: date, environments: tuple[str, ...], outputs: tuple[IO[str], ...]) -> int:
    """Print the Airflow variables that hold connection ids: one flat object, for `airflow variables import`.

    Asks Fivetran for the connections that the files declare, which needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a
    read-only key is enough. With --from-outputs it reads what a run of Pulumi left, and needs no key. What has expired
    or retires has no variable: Airflow would start it again.

    Exit codes: 0 done, 1 a connection is not there yet, so that its variable is left out, 2 wrong usage, 3 Fivetran
    failed.
    """
    if outputs and environments:
        raise click.UsageError("either --environment or --from-outputs")
    found: dict[str, str] = {}
    missing: list[str] = []
    if outputs:
        for file in outputs:
            name = getattr(file, "name", "<stdin>")
            _merge(found, _of_stack(file, name), name)
    else:
        for fleet in (stage(fleet, day).fleet for fleet in choose_all(specs, environments, day)):
            with progress(f"Reading connections of {fleet.environment.name}"), live_group(fleet.environment) as live:
                ids = {unit.name: live.of(unit) for unit in fleet.units}
                said = variables(fleet, ids)
            _merge(found, {name: each.id for name, each in said.items() if each is not None}, fleet.environment.file)
            missing += [name for name, each in said.items() if each is None]
    click.echo(json.dumps(dict(sorted(found.items())), indent=2))
    for name in sorted(missing):
        click.echo(f"{name} is left out: Fivetran has no such connection yet, `pulumi up` makes it", err=True)
    return Exit.FINDINGS if missing else Exit.FINE


def _merge(found: dict[str, str], more: Mapping[str, str], source: str) -> None:
    """Add variables to those found. One Airflow serves all environments: a variable can hold one id."""
    for name, connection in more.items():
        if found.setdefault(name, connection) != connection:
            raise ReconcilerError(f"{source}: {name} is {connection} here and {found[name]} elsewhere")


def _of_stack(file: IO[str], name: str) -> dict[str, str]:
    """The variables in the outputs of a stack."""
    said = outputs_of(file, _OUTPUT)
    if not all(isinstance(value, str) for value in said.values()):
        raise ReconcilerError(f"{name}: in its output {_OUTPUT!r} is something else than ids")
    return dict(said)
