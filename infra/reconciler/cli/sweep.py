"""`reconciler sweep`: delete the files of units whose removal is due."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import select_fleets
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import Entry, Page, Report, Reporter, Section
from reconciler.health.expiring import ExpiredFile, expired_files, resources
from reconciler.model import Fleet, commands
from reconciler.model.errors import ReconcilerError


@click.command()
@specs_option
@today_option
@environments_option
@click.option(
    "--state",
    "states",
    type=click.File("r", encoding="utf-8", errors="replace"),
    multiple=True,
    metavar="FILE",
    help="Keep files whose resources are still in this output of `pulumi stack export`; - for stdin; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Only print the files that would be deleted.")
@format_option("Print for people, for programs, or in Markdown as the body of a pull request on GitHub.")
def sweep(
    specs: Path,
    day: date,
    environments: tuple[str, ...],
    states: tuple[IO[str], ...],
    *,
    dry_run: bool,
    reporter: Reporter,
) -> int:
    """Delete the files of units whose day of removal has come, and print each.

    A run removes the resources of such a unit on the date that an earlier run recorded, even if the file is deleted
    before. With --state, a file stays until its resources are removed. No other file changes.

    Exit codes: 0 done, also if no file was deleted; 1 the files have problems; 2 wrong usage.
    """
    stored = _read_states(states)
    found: list[ExpiredFile] = []
    for fleet in select_fleets(specs, environments, day):
        folders = {unit.name: unit.folder for unit in fleet.units}
        listed = [each for stack in fleet.environment.all_stacks for each in _expired(fleet, stack, day, stored)]
        for each in listed:
            if each.removed and not dry_run:
                (specs / each.environment / folders[each.unit] / f"{each.unit}.yaml").unlink()
        found += listed
    found.sort(key=lambda each: not each.removed)
    reporter.report(_report(found))
    return Exit.FINE


def _expired(fleet: Fleet, stack: str, day: date, stored: Mapping[str, frozenset[str]]) -> list[ExpiredFile]:
    """Return the expired files of a stack.

    They all stay if only other stacks of the environment have a list.
    """
    own = fleet.of_stack(stack)
    unknown = any(each in stored for each in fleet.environment.all_stacks)
    everything = frozenset(name for unit in own.units for name in resources(unit)) if unknown else frozenset()
    return expired_files(own, day, stored.get(stack, everything))


def _report(found: Sequence[ExpiredFile]) -> Report:
    deleted = [Entry(f"expired on {each.expired}", file=each.file) for each in found if each.removed]
    notes = [f"{each.file} {_why_it_stays(each)}" for each in found if not each.removed]
    return Report(deleted, found, notes, page=_pull_request(found))


def _pull_request(found: Sequence[ExpiredFile]) -> Page:
    """Return the body of the pull request that deletes the files; empty if it deletes none."""
    deleted = [
        Entry(f"expired on {each.expired}", file=each.file, owners=each.owners) for each in found if each.removed
    ]
    staying = [
        Entry(f"expired on {each.expired}, and {_why_it_stays(each)}", file=each.file)
        for each in found
        if not each.removed
    ]
    sections = (
        Section("These units expired, and their resources are removed by a run:", deleted),
        Section("To be deleted later:", staying),
    )
    return Page(sections if deleted else ())


def _why_it_stays(each: ExpiredFile) -> str:
    return f"stays until {commands.up(commands.stack_of(each.file))} has removed its resources"


def _read_states(states: tuple[IO[str], ...]) -> Mapping[str, frozenset[str]]:
    """Return the resources in each state, as `type::name`, by the name of the stack."""
    stored: dict[str, set[str]] = defaultdict(set)
    for file in states:
        for urn in _read_urns(file):
            stack, _, kind, name = urn.removeprefix("urn:pulumi:").split("::", 3)
            stored[stack].add(f"{kind.rpartition('$')[2]}::{name}")
    return {stack: frozenset(resources) for stack, resources in stored.items()}


def _read_urns(file: IO[str]) -> list[str]:
    name = getattr(file, "name", "<stdin>")
    try:
        return [resource["urn"] for resource in json.load(file)["deployment"].get("resources") or ()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReconcilerError(f"{name}: expected what `pulumi stack export` prints") from None
