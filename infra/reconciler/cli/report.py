"""`reconciler report`: the page for a weekly look at an environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import Chosen, choose, live_group
from reconciler.cli.foreign_text import standing_of
from reconciler.cli.options import environment_option, format_option, outputs_option, specs_option, today_option
from reconciler.cli.output import item, progress
from reconciler.cli.unmanaged import findings
from reconciler.google.bigquery.access import lapses
from reconciler.google.bigquery.api import Datasets
from reconciler.health.expiring import endings
from reconciler.health.unit_status import PAUSED_BY_HAND, Standing
from reconciler.model import Fleet
from reconciler.stack.outputs import Recorded, recorded

#: The sections of the page, in its order, and their headings.
_HEADINGS = {
    "to_see_to": "To see to",
    "awaited": "Awaited",
    "paused_by_hand": "Paused by hand",
    "ends": "Ends",
    "access": "Access that ends",
    "undeclared": "In no file",
}


@dataclass(frozen=True)
class Line:
    """One thing to look at. What is in no file has neither file nor owners."""

    text: str
    file: str | None = None
    owners: tuple[str, ...] = ()

    def __str__(self) -> str:
        owners = f" ({', '.join(self.owners)})" if self.owners else ""
        return f"{self.text}{owners}"


#: Lines by section.
Page = Mapping[str, Sequence[Line]]


@click.command()
@specs_option
@today_option
@environment_option
@click.option("--offline", is_flag=True, help="Only what the files say: what ends, and whose access does.")
@outputs_option
@format_option("For people, for programs, or in Markdown for a page on GitHub.")
def report(
    specs: Path, day: date, environment: str | None, *, offline: bool, outputs: IO[str] | None, style: str
) -> int:
    """Print what to look at in an environment every week.

    What fails, what is awaited, what somebody paused by hand; which units end when, and whose access does; what lives
    in the group and the project and is in no file. Needs what `status` and `unmanaged` need: FIVETRAN_APIKEY and
    FIVETRAN_APISECRET, and Google's application-default credentials; with --offline nothing.

    Exit codes: 0 done, whatever there is to look at, 1 the files have problems, 2 wrong usage, 3 Fivetran or Google
    failed.
    """
    if offline and outputs is not None:
        raise click.UsageError("either --offline or --from-outputs")
    chosen = choose(specs, environment, day)
    found: Page = {"ends": list(_ends(chosen.fleet, day)), "access": list(_access(chosen.fleet, day))}
    if not offline:
        found = {**found, **_live(chosen, day, recorded(outputs) if outputs is not None else {})}
    page = {section: found.get(section, ()) for section in _HEADINGS}
    click.echo(_FORMATS[style](chosen, day, page))
    return Exit.FINE


def _ends(fleet: Fleet, day: date) -> Iterator[Line]:
    """The next one first; then what only waits for its file to be deleted."""
    for end in sorted(endings(fleet, day), key=lambda each: (each.removed_on, each.file)):
        dated = f"the last good day is {end.expires}, it is removed on {end.removed_on}"
        yield Line(f"{end.stage}: {end.words or dated}", end.file, end.owners)
    for unit in fleet.units:
        if unit.retire is not None:
            yield Line(f"retires by {unit.retire.ticket}: delete the file", unit.file, unit.owners)


def _access(fleet: Fleet, day: date) -> Iterator[Line]:
    """As `validate` tells of it."""
    for unit in fleet.units:
        for grant in (grant for dataset in unit.datasets for grant in dataset.access):
            if words := lapses(grant, fleet.environment.policy.people, day):
                yield Line(words, unit.file, unit.owners)


def _live(chosen: Chosen, day: date, last: Mapping[str, Recorded]) -> Page:
    """What only Fivetran and BigQuery know."""
    with progress("Reading connections"), live_group(chosen.environment) as live:
        connections = live.connections
        units = [
            (unit, standing_of(unit, unit.connector, live.of(unit), day, last.get(unit.name)))
            for unit in chosen.fleet.units
            if unit.connector is not None
        ]
    with progress("Reading datasets"), Datasets(chosen.environment.gcp_project) as all_of:
        undeclared = findings(chosen, connections, all_of.all())
    paused = [unit for unit, stands in units if PAUSED_BY_HAND in stands.findings]
    return {
        "to_see_to": [
            Line(text, unit.file, unit.owners) for unit, stands in units if (text := "; ".join(_to_see_to(stands)))
        ],
        "awaited": [
            Line(f"awaits {stands.awaiting}", unit.file, unit.owners) for unit, stands in units if stands.awaiting
        ],
        "paused_by_hand": [Line(PAUSED_BY_HAND, unit.file, unit.owners) for unit in paused],
        "undeclared": [Line(str(each)) for each in undeclared],
    }


def _to_see_to(stands: Standing) -> Iterator[str]:
    yield from (finding for finding in stands.findings if finding != PAUSED_BY_HAND)
    if stands.findings:
        yield from (f"Fivetran: {task}" for task in stands.tasks)


def _text(chosen: Chosen, day: date, page: Page) -> str:
    lines = [f"{chosen.environment.name} on {day}"]
    for section, found in page.items():
        if found:
            lines += ["", _HEADINGS[section]]
            lines += [f"  {each.file}: {each}" if each.file else f"  {each}" for each in found]
    return "\n".join(lines if len(lines) > 1 else [f"{lines[0]}: nothing to look at"])


def _json(chosen: Chosen, day: date, page: Page) -> str:
    sections = {section: [asdict(each) for each in found] for section, found in page.items()}
    return json.dumps({"environment": chosen.environment.name, "day": str(day), **sections}, indent=2)


def _github(chosen: Chosen, day: date, page: Page) -> str:
    lines = [f"## {chosen.environment.name} on {day}"]
    for section, found in page.items():
        if found:
            lines += ["", f"### {_HEADINGS[section]}", "", *(item(each.file, str(each)) for each in found)]
    return "\n".join(lines if len(lines) > 1 else [*lines, "", "Nothing to look at."])


_FORMATS = {"text": _text, "json": _json, "github": _github}
