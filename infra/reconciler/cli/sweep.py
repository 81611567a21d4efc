"""`reconciler sweep`: remove the files of units that have ended."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.live import choose_all
from reconciler.cli.options import environments_option, specs_option, today_option
from reconciler.errors import ReconcilerError
from reconciler.expiry import Lives, Stage
from reconciler.model import Fleet, Unit

#: The types whose resources bear the name of a unit or of a dataset, as state has them.
_CONNECTION = "pulumi-python:dynamic/fivetran:Connection"
_DATASET = "gcp:bigquery/dataset:Dataset"


@click.command()
@specs_option
@today_option
@environments_option
@click.option(
    "--state",
    "states",
    type=click.File("r", encoding="utf-8"),
    multiple=True,
    metavar="FILE",
    help="What `pulumi stack export` printed: files that it still needs stay. - for stdin; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
def sweep(specs: Path, day: date, environments: tuple[str, ...], states: tuple[IO[str], ...], *, dry_run: bool) -> int:
    """Remove the files of units whose day of removal has come, and print each.

    A run removes what such a file declared, by the date that an earlier run has seen, whether the file is still there
    or not. With --state a file stays until that has happened.

    Exit codes: 0 done, also when there was nothing to remove, 1 the files have problems, 2 wrong usage.
    """
    held = _held(states)
    for fleet in choose_all(specs, environments, day):
        ended, waits = _ended(fleet, day, held.get(fleet.environment.name, frozenset()))
        for unit in ended:
            if not dry_run:
                (specs / fleet.environment.name / f"{unit.name}.yaml").unlink()
            click.echo(f"{unit.file}: expired on {_last_day(fleet, unit, day)}")
        for unit in waits:
            click.echo(f"{unit.file} stays: the stack still holds what it declared, `pulumi up` removes that", err=True)
    return Exit.FINE


def _ended(fleet: Fleet, day: date, held: frozenset[str]) -> tuple[list[Unit], list[Unit]]:
    """The units of which nothing is to exist any more: those whose files may go, and those that have to wait."""
    lives = Lives(fleet, day)
    over = [unit for unit in fleet.units if _is_over(unit, lives)]
    waits = {unit.name for unit in over if held & _resources(unit)}
    # Whoever stays keeps the file that declares its dataset.
    stay = [unit for unit in fleet.units if unit not in over or unit.name in waits]
    waits |= {unit.dataset_unit for unit in stay if unit.dataset_unit}
    return [unit for unit in over if unit.name not in waits], [unit for unit in over if unit.name in waits]


def _is_over(unit: Unit, lives: Lives) -> bool:
    ends = [lives.of_dataset(unit, dataset) for dataset in unit.all_datasets]
    if unit.connector is not None:
        ends.append(lives.of_connector(unit))
    return all(end.stage is Stage.REMOVED for end in ends)


def _last_day(fleet: Fleet, unit: Unit, day: date) -> date | None:
    return Lives(fleet, day).of_unit(unit).last_day


def _resources(unit: Unit) -> set[str]:
    """The resources that a unit's file stands for, as `_held` names them."""
    connection = {f"{_CONNECTION}::{unit.name}"} if unit.connector is not None else set()
    return connection | {f"{_DATASET}::{dataset.id}" for dataset in unit.all_datasets}


def _held(states: tuple[IO[str], ...]) -> Mapping[str, frozenset[str]]:
    """What stacks hold, as `type::name`, by the name of the stack, which is that of the environment."""
    held: dict[str, set[str]] = defaultdict(set)
    for file in states:
        for urn in _urns(file):
            stack, _, kind, name = urn.removeprefix("urn:pulumi:").split("::", 3)
            held[stack].add(f"{kind.rpartition('$')[2]}::{name}")
    return {stack: frozenset(resources) for stack, resources in held.items()}


def _urns(file: IO[str]) -> list[str]:
    name = getattr(file, "name", "<stdin>")
    try:
        return [resource["urn"] for resource in json.load(file)["deployment"].get("resources") or ()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReconcilerError(f"{name}: expected what `pulumi stack export` prints") from None
