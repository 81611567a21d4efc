"""`reconciler check-etl`: compare the queries of bigquery-etl with the units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.options import format_option, specs_option, today_option
from reconciler.cli.output import Entry, Report, Reporter
from reconciler.config import load
from reconciler.etl.check import CrossCheck, Finding
from reconciler.etl.checkout import Scan, scan
from reconciler.model.commands import count
from reconciler.model.errors import InvalidSpecs


@click.command()
@specs_option
@today_option
@format_option("Print findings for people, for programs, or as annotations in GitHub Actions.")
@click.argument(
    "checkouts",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
def check_etl(specs: Path, day: date, reporter: Reporter, checkouts: tuple[Path, ...]) -> int:
    """Check the queries in checkouts of bigquery-etl against the units.

    Each PATH is a checkout, its folder `sql`, or a folder in that; name the public and the private one together.
    Reports tasks under `depends_on_fivetran` without a unit, units with `by: airflow` that no query uses, queries that
    read another environment, and datasets that no file declares, or that expire or retire. `bigquery_etl` in
    environment.yaml names the exceptions. An exception that nothing needs is a finding too.

    Needs no credentials and no network.

    Exit codes: 0 nothing to correct; 1 findings, or the units' files have problems; 2 wrong usage.
    """
    loaded = load(specs, Path.cwd(), day)
    if loaded.problems:
        raise InvalidSpecs(loaded.problems)
    fleets = [loaded.fleets[name] for name in loaded.environments]
    found = scan(checkouts, sorted({fleet.environment.gcp_project for fleet in fleets}))
    findings = CrossCheck(fleets, found, loaded.places, day).findings()
    reporter.report(_report(findings, found))
    return Exit.FINDINGS if any(each.severity != "notice" for each in findings) else Exit.FINE


def _report(findings: Sequence[Finding], found: Scan) -> Report:
    entries = [
        Entry(each.message, each.severity, (each.hint,), each.file, each.line, each.column, each.owners)
        for each in findings
    ]
    return Report(entries, [asdict(each) for each in findings], [_summary(findings, found)])


def _summary(findings: Sequence[Finding], found: Scan) -> str:
    tasks = {task.task_id for file in found.files for task in file.tasks}
    queries = {file.query for file in found.files if file.reads}
    read = f"{count(found.metadata, 'metadata.yaml file')}, {count(len(tasks), 'task')}, "
    read += f"{len(queries):,} {'query that reads' if len(queries) == 1 else 'queries that read'} Fivetran's data"
    if not findings:
        return f"{read}: no problems"
    return f"{read}: {count(len(findings), 'finding')} in {count(len({each.file for each in findings}), 'file')}"
