"""`reconciler sweep`: remove the files of units that have ended."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import choose_all
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import item
from reconciler.lifecycle.expiry import Lives, Stage
from reconciler.model import Fleet, Unit, commands
from reconciler.model.errors import ReconcilerError

#: The types whose resources bear the name of a unit or of a dataset, as state has them.
_CONNECTION = "pulumi-python:dynamic/fivetran:Connection"
_DATASET = "gcp:bigquery/dataset:Dataset"


@dataclass(frozen=True)
class Over:
    """A unit that has ended. Dates are ISO."""

    environment: str
    unit: str
    file: str
    expired: str
    """Its last good day."""
    owners: tuple[str, ...]
    removed: bool
    """Whether the file goes; it stays while the stack holds what it declared."""


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
@format_option("For people, for programs, or in Markdown as the body of a pull request on GitHub.")
def sweep(
    specs: Path,
    day: date,
    environments: tuple[str, ...],
    states: tuple[IO[str], ...],
    *,
    dry_run: bool,
    style: str,
) -> int:
    """Remove the files of units whose day of removal has come, and print each.

    A run removes what such a file declared, by the date that an earlier run has seen, whether the file is still there
    or not. With --state a file stays until that has happened. No other file is touched.

    Exit codes: 0 done, also when there was nothing to remove, 1 the files have problems, 2 wrong usage.
    """
    held = _held(states)
    found: list[Over] = []
    for fleet in choose_all(specs, environments, day):
        ended, waits = _ended(fleet, day, held.get(fleet.environment.name, frozenset()))
        found += [_over(fleet, unit, day, removed=True) for unit in ended]
        found += [_over(fleet, unit, day, removed=False) for unit in waits]
    for each in found:
        if each.removed and not dry_run:
            (specs / each.environment / f"{each.unit}.yaml").unlink()
    report = _REPORTS[style](found)
    if report:
        click.echo(report)
    for each in found:
        if not each.removed:
            click.echo(f"{each.file} {_stays(each)}", err=True)
    return Exit.FINE


def _stays(each: Over) -> str:
    return f"stays: the stack still holds what it declared, {commands.up(each.environment)} removes that"


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


def _over(fleet: Fleet, unit: Unit, day: date, *, removed: bool) -> Over:
    last_day = Lives(fleet, day).of_unit(unit).last_day
    return Over(fleet.environment.name, unit.name, unit.file, str(last_day), unit.owners, removed)


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


def _text(found: Sequence[Over]) -> str:
    return "\n".join(f"{each.file}: expired on {each.expired}" for each in found if each.removed)


def _json(found: Sequence[Over]) -> str:
    return json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False)


def _github(found: Sequence[Over]) -> str:
    """Nothing where no file goes: then there is no pull request to open."""
    gone = [item(each.file, f"expired on {each.expired} ({', '.join(each.owners)})") for each in found if each.removed]
    stay = [item(each.file, f"expired on {each.expired}, and {_stays(each)}") for each in found if not each.removed]
    if not gone:
        return ""
    intro = "What these files declared has ended and is removed, or will be by the next run:"
    return "\n".join([intro, "", *gone, *(["", "For a later time:", "", *stay] if stay else [])])


_REPORTS = {"text": _text, "json": _json, "github": _github}
