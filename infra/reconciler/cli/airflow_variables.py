"""`reconciler airflow-variables`: print the JSON that `airflow variables import` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import live_group, select_fleets
from reconciler.cli.options import environments_option, specs_option, today_option
from reconciler.cli.output import print_json, print_note, progress
from reconciler.health.last_run import all_outputs, mapping_of
from reconciler.lifecycle.airflow import find_obsolete_variables, format_deletion, variables
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model import Fleet, commands
from reconciler.model.errors import ReconcilerError

#: The stack outputs that hold the variables, and the names of those to delete.
_OUTPUT, _DELETIONS = "airflow_variables", "airflow_deletions"


@click.command("airflow-variables")
@specs_option
@today_option
@environments_option
@click.option(
    "--deletions",
    is_flag=True,
    help="Print the variables to delete instead: a JSON list of names, for `airflow variables delete`.",
)
@click.option(
    "--from-outputs",
    "outputs",
    type=click.File("r", encoding="utf-8"),
    multiple=True,
    metavar="FILE",
    help="The output of `pulumi stack output --json`, to read instead of Fivetran; - for stdin; repeatable.",
)
def airflow_variables(
    specs: Path, day: date, environments: tuple[str, ...], deletions: bool, outputs: tuple[IO[str], ...]
) -> int:
    """Print the Airflow variables that hold connection ids, for `airflow variables import`.

    Prints one JSON object. Reads the connections of the files from Fivetran, which needs FIVETRAN_APIKEY and
    FIVETRAN_APISECRET; a read-only key is enough. With --from-outputs it reads the outputs of a Pulumi run, and needs
    no key.

    A connection that its file pauses, or that is expired or retired, has no variable: Airflow would start it again.
    `airflow variables import` never deletes a variable, so the command also prints which to delete, and with
    --deletions only their names. It reads them from the files; --from-outputs also has those of deleted files.

    Exit codes: 0 done, 1 the files have problems, or a connection does not exist yet and its variable is left out, 2
    wrong usage, 3 Fivetran failed.
    """
    if outputs and environments:
        raise click.UsageError("choose either --environment or --from-outputs")
    found = _Found()
    for file in outputs:
        found.add_outputs(_StackOutputs.read(file))
    if not outputs:
        for declared in select_fleets(specs, environments, day):
            staged = apply_expiry(declared, day).fleet
            found.add_deletions(declared, staged)
            if not deletions:
                found.read_connections(staged)
    messages = {name: message for name, message in sorted(found.deletions.items()) if name not in found.ids}
    if deletions:
        print_json(list(messages))
        return Exit.FINE
    print_json(dict(sorted(found.ids.items())))
    for message in messages.values():
        print_note(message)
    for name, environment in sorted(found.missing.items()):
        up = commands.up(environment)
        print_note(f"{name} is left out: Fivetran has no such connection yet, {up} creates it")
    return Exit.FINDINGS if found.missing else Exit.FINE


@dataclass
class _Found:
    """The variables of all environments. One Airflow serves them all, so each variable holds one id."""

    ids: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """The environments of variables whose connection does not exist."""
    deletions: dict[str, str] = field(default_factory=dict)
    """What to do about the variables to delete."""

    def add_outputs(self, outputs: _StackOutputs) -> None:
        """Add the variables of a stack."""
        self._add_ids(outputs.variables, outputs.name)
        reason = f"{outputs.name} lists it under `{_DELETIONS}`"
        self.deletions |= {variable: format_deletion(variable, reason) for variable in outputs.deletions}

    def add_deletions(self, declared: Fleet, staged: Fleet) -> None:
        """Add the variables to delete because of what the files declare."""
        self.deletions |= {each.variable: f"{each.file}: {each}" for each in find_obsolete_variables(declared, staged)}

    def read_connections(self, fleet: Fleet) -> None:
        """Add the variables of an environment, with the ids that Fivetran has."""
        environment = fleet.environment
        with progress(f"Reading connections of {environment.name}"), live_group(environment) as live:
            found = variables(fleet, {unit.name: live.find_connection(unit) for unit in fleet.units})
        self._add_ids({name: each.id for name, each in found.items() if each is not None}, environment.file)
        self.missing |= {name: environment.name for name, each in found.items() if each is None}

    def _add_ids(self, ids: Mapping[str, str], source: str) -> None:
        for name, connection in ids.items():
            if self.ids.setdefault(name, connection) != connection:
                raise ReconcilerError(f"{source}: {name} is {connection} here but {self.ids[name]} elsewhere")


@dataclass(frozen=True)
class _StackOutputs:
    """What the outputs of a stack hold for Airflow. `name` is the file they were read from."""

    name: str
    variables: Mapping[str, str]
    deletions: Sequence[str]

    @classmethod
    def read(cls, file: IO[str]) -> _StackOutputs:
        name = getattr(file, "name", "<stdin>")
        outputs = all_outputs(file)
        variables = mapping_of(outputs, _OUTPUT, name)
        if not all(isinstance(value, str) for value in variables.values()):
            raise ReconcilerError(f"{name}: the output {_OUTPUT!r} has values that are not ids")
        deletions = outputs.get(_DELETIONS, [])
        if not isinstance(deletions, list) or not all(isinstance(value, str) for value in deletions):
            raise ReconcilerError(f"{name}: the output {_DELETIONS!r} is not a list of names")
        return cls(name, dict(variables), deletions)
