"""`reconciler promote`: write a unit's file for another environment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.edit_files import (
    FileChange,
    Finish,
    UnitFile,
    apply_changes,
    edit_options,
    new_file,
    print_steps,
    read_unit,
)
from reconciler.cli.output import print_note
from reconciler.config.build.to_yaml import fit_schema_comment
from reconciler.edits import promote as promotion
from reconciler.edits.new import secret_prefix
from reconciler.etl.metadata import scheduling_snippet
from reconciler.fivetran import catalog
from reconciler.model import Environment, commands
from reconciler.model.commands import count


@click.command()
@edit_options
@click.option("--to", metavar="NAME", help="The other environment.  [default: the only other one]")
@click.option("--task-id", metavar="TASK", help="The Airflow task there.  [default: the same, without _dev]")
@click.option(
    "--sql",
    "checkouts",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A checkout of bigquery-etl: its queries that read the first environment are listed. Repeatable.",
)
@click.argument("name")
def promote(
    specs: Path,
    day: date,
    environment: str | None,
    finish: Finish,
    *,
    to: str | None,
    task_id: str | None,
    checkouts: tuple[Path, ...],
    name: str,
) -> int:
    """Write the file of the unit NAME for another environment, such as prod.

    The first file stays as it is.

    Leaves out what belongs to the first environment: the last day, temporary access, and settings of its connection.
    Adds what the policy of the other one requires, copies code and certificates that the file names, and prints the
    commands that write its secrets.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    unit = read_unit(specs, environment, name, day)
    others = [each for each in unit.loaded.environments if each != unit.environment.name]
    if to is None and len(others) != 1:
        raise click.UsageError(f"choose the other environment with --to: {', '.join(others)}")
    fleet = unit.loaded.fleet(to or others[0])
    other, prefix = fleet.environment, secret_prefix([fleet])
    if other.name == unit.environment.name:
        raise click.UsageError(f"{unit.name} is in {other.name} already: name another environment with --to")
    found = promotion.promote(unit.source, unit.name, unit.environment, other, day, task_id=task_id, prefix=prefix)
    raw = fit_schema_comment(found.source.raw, unit.path.parent, specs / other.name)
    changes = [new_file(specs, other, unit.name, raw), *_named_files(unit, specs, other)]
    reads = list(_reads(checkouts, unit.environment, unit.datasets))
    code = apply_changes(changes, specs, day, finish, meaning=f"Promote {unit.name} to {other.name}", notes=found.notes)
    if code == Exit.FINE:
        for each in reads:
            print_note(each)
        if checkouts:
            projects = f"from {unit.environment.gcp_project} to {other.gcp_project}"
            print_note(f"{count(len(reads), 'place')} in SQL to change {projects}")
        steps = [commands.reconciler("secret put", each.name, environment=other.name) for each in found.secrets]
        if not finish.as_pull_request:  # otherwise the work tree does not have the file
            steps += [commands.reconciler("validate", environment=other.name)]
        connector = found.source.data.get("connector")
        if connector and catalog.needs_consent(connector["service"], connector.get("config", {}), "auth" in connector):
            steps += [commands.reconciler("authorise", unit.name, environment=other.name)]
        print_steps(steps, scheduling_snippet(found.task_id) if found.task_id is not None else None)
    return code


def _named_files(unit: UnitFile, specs: Path, other: Environment) -> Iterator[FileChange]:
    """Yield the code, certificates and keys that a unit names and the other environment lacks."""
    for below, units in unit.loaded.named_files.items():
        folder, _, path = below.partition("/")
        target = specs / other.name / path
        if folder == unit.environment.name and unit.name in units and not target.exists():
            shown = (Path(other.file).parent / path).as_posix()
            yield FileChange(target, shown, None, (specs / below).read_bytes())


def _reads(checkouts: tuple[Path, ...], environment: Environment, datasets: frozenset[str]) -> Iterator[str]:
    """Yield each place in SQL that reads one of the unit's datasets in the first environment."""
    if not checkouts:
        return
    from reconciler.etl.checkout import scan  # noqa: PLC0415 (only with --sql)

    for file in scan(checkouts, [environment.gcp_project]).files:
        for read in file.reads:
            if read.dataset is None or read.dataset in datasets:
                dataset = read.dataset or "a dataset of a template"
                yield f"{file.file}:{read.line}:{read.column}: reads {environment.gcp_project}.{dataset}"
