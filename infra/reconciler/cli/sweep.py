"""`reconciler sweep`: delete the files of units whose removal is due."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Any

import click

from reconciler.cli import Exit
from reconciler.cli.environments import select_fleets
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import Entry, Page, Report, Reporter, Section
from reconciler.health.expiring import ExpiredFile, expired_files, resources
from reconciler.model import Fleet, commands
from reconciler.model.environment import stack_name
from reconciler.model.errors import ReconcilerError
from reconciler.state.resources import STACK

#: The output of an environment's own stack with the subfolders that have one.
STACKS = "stacks"


@dataclass
class _State:
    """What a stack's state has, as far as this command reads it."""

    resources: set[str] = field(default_factory=set)
    """As `type::name`."""
    subfolders: set[str] = field(default_factory=set)
    """In an environment's own stack: the subfolders that had a stack in its last run."""


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
    read = _read_states(states)
    found: list[ExpiredFile] = []
    for fleet in select_fleets(specs, environments, day):
        folders = {unit.name: unit.folder for unit in fleet.units}
        listed = [each for stack in fleet.environment.all_stacks for each in _expired(fleet, stack, day, read)]
        for each in listed:
            if each.removed and not dry_run:
                (specs / each.environment / folders[each.unit] / f"{each.unit}.yaml").unlink()
        found += listed
    found.sort(key=lambda each: not each.removed)
    reporter.report(_report(found))
    return Exit.FINE


def _expired(fleet: Fleet, stack: str, day: date, states: Mapping[str, _State]) -> list[ExpiredFile]:
    """Return the expired files of a stack.

    No file may be deleted if only other stacks of the environment have a list, or if a stack has ended: its units may
    be in these files.
    """
    own, stacks = fleet.of_stack(stack), fleet.environment.all_stacks
    state = states.get(stack, _State())
    ended = {stack_name(stack, folder) for folder in state.subfolders} - set(stacks)
    stored = state.resources.union(*(states[each].resources for each in ended & states.keys()))
    is_unknown = stack not in states and any(each in states for each in stacks)
    if is_unknown or ended - states.keys():
        stored |= {name for unit in own.units for name in resources(unit)}
    return expired_files(own, day, stored)


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


def _read_states(files: tuple[IO[str], ...]) -> Mapping[str, _State]:
    """Return what is in each state, by the name of the stack."""
    states: dict[str, _State] = defaultdict(_State)
    for file in files:
        for resource in _read_resources(file):
            stack, _, kind, name = resource["urn"].removeprefix("urn:pulumi:").split("::", 3)
            kind = kind.rpartition("$")[2]
            states[stack].resources.add(f"{kind}::{name}")
            if kind == STACK:
                states[stack].subfolders |= {str(each) for each in (resource.get("outputs") or {}).get(STACKS) or ()}
    return states


def _read_resources(file: IO[str]) -> list[dict[str, Any]]:
    name = getattr(file, "name", "<stdin>")
    try:
        found = json.load(file)["deployment"].get("resources") or []
        if all(isinstance(resource["urn"], str) for resource in found):
            return list(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ReconcilerError(f"{name}: expected what `pulumi stack export` prints")
