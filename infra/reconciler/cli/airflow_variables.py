"""`reconciler airflow-variables`: the flat JSON that `airflow variables import` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import choose_all, live_group
from reconciler.cli.options import environments_option, specs_option, today_option
from reconciler.cli.output import progress
from reconciler.lifecycle.airflow import delete_variable, variables, withdrawals
from reconciler.lifecycle.expiry import stage
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError
from reconciler.stack.outputs import all_outputs, mapping_of

#: The stack outputs that hold the variables, and the names of those to delete (`program`).
_OUTPUT, _DELETIONS = "airflow_variables", "airflow_deletions"


@click.command("airflow-variables")
@specs_option
@today_option
@environments_option
@click.option(
    "--deletions",
    is_flag=True,
    help="Print what Airflow must not have any more instead: a JSON list of names, for `airflow variables delete`.",
)
@click.option(
    "--from-outputs",
    "outputs",
    type=click.File("r", encoding="utf-8"),
    multiple=True,
    metavar="FILE",
    help="What `pulumi stack output --json` printed, to read instead of asking Fivetran; - for stdin; repeatable.",
)
def airflow_variables(
    specs: Path, day: date, environments: tuple[str, ...], deletions: bool, outputs: tuple[IO[str], ...]
) -> int:
    """Print the Airflow variables that hold connection ids: one flat object, for `airflow variables import`.

    Asks Fivetran for the connections that the files declare, which needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a
    read-only key is enough. With --from-outputs it reads what a run of Pulumi left, and needs no key.

    A connection that is paused by its file, expired or retired has no variable: Airflow would start it again. `airflow
    variables import` never deletes a variable, so the command also prints which to delete; --deletions prints their
    names alone. It reads them from the files, and with --from-outputs also those of units whose files are gone.

    Exit codes: 0 done, 1 a connection is not there yet, so that its variable is left out, 2 wrong usage, 3 Fivetran
    failed.
    """
    if outputs and environments:
        raise click.UsageError("either --environment or --from-outputs")
    found: dict[str, str] = {}
    missing: dict[str, str] = {}
    withdrawn: dict[str, str] = {}
    if outputs:
        for file in outputs:
            stack = _Stack.read(file)
            _merge(found, stack.variables, stack.name)
            withdrawn |= {variable: delete_variable(variable) for variable in stack.deletions}
    else:
        for declared in choose_all(specs, environments, day):
            fleet = stage(declared, day).fleet
            withdrawn |= {each.variable: f"{each.file}: {each}" for each in withdrawals(declared, fleet)}
            if deletions:
                continue
            with progress(f"Reading connections of {fleet.environment.name}"), live_group(fleet.environment) as live:
                ids = {unit.name: live.of(unit) for unit in fleet.units}
                said = variables(fleet, ids)
            _merge(found, {name: each.id for name, each in said.items() if each is not None}, fleet.environment.file)
            missing |= {name: fleet.environment.name for name, each in said.items() if each is None}
    withdrawn = {variable: text for variable, text in sorted(withdrawn.items()) if variable not in found}
    if deletions:
        click.echo(json.dumps(list(withdrawn), indent=2))
        return Exit.FINE
    click.echo(json.dumps(dict(sorted(found.items())), indent=2))
    for text in withdrawn.values():
        click.echo(text, err=True)
    for name, environment in sorted(missing.items()):
        up = commands.up(environment)
        click.echo(f"{name} is left out: Fivetran has no such connection yet, {up} makes it", err=True)
    return Exit.FINDINGS if missing else Exit.FINE


def _merge(found: dict[str, str], more: Mapping[str, str], source: str) -> None:
    """Add variables to those found. One Airflow serves all environments: a variable can hold one id."""
    for name, connection in more.items():
        if found.setdefault(name, connection) != connection:
            raise ReconcilerError(f"{source}: {name} is {connection} here and {found[name]} elsewhere")


@dataclass(frozen=True)
class _Stack:
    """What the outputs of a stack hold for Airflow. `name` is the file they were read from."""

    name: str
    variables: Mapping[str, str]
    deletions: Sequence[str]

    @classmethod
    def read(cls, file: IO[str]) -> _Stack:
        name = getattr(file, "name", "<stdin>")
        outputs = all_outputs(file)
        variables = mapping_of(outputs, _OUTPUT, name)
        if not all(isinstance(value, str) for value in variables.values()):
            raise ReconcilerError(f"{name}: in its output {_OUTPUT!r} is something else than ids")
        deletions = outputs.get(_DELETIONS, [])
        if not isinstance(deletions, list) or not all(isinstance(value, str) for value in deletions):
            raise ReconcilerError(f"{name}: its output {_DELETIONS!r} is not a list of names")
        return cls(name, dict(variables), deletions)
