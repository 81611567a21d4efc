"""`reconciler review`: print what a run would do, as consequences for a reviewer."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import only_environment
from reconciler.cli.local_stacks import INSTALL, SPECS_VARIABLE, specs_variable
from reconciler.cli.masked_output import declare_values, mask_engine_message, mask_google_message
from reconciler.cli.options import environment_option, format_option, specs_option, today_option
from reconciler.cli.output import REPORTERS, Reporter, print_note
from reconciler.cli.progress import progress
from reconciler.cli.review_page import LONGEST, build_page, cut_page
from reconciler.cli.write_files import write_file
from reconciler.config import Loaded, load
from reconciler.google.bigquery.api import Datasets
from reconciler.model import commands
from reconciler.model.errors import InvalidSpecs, ReconcilerError, RemoteError
from reconciler.model.today import VARIABLE as TODAY
from reconciler.plan.sources import LOOK_AT_VARIABLE as LOOK_AT
from reconciler.review.consequence import Consequence
from reconciler.review.datasets import deleted_datasets
from reconciler.review.preview import Preview, PreviewError, read_preview
from reconciler.review.quick import QuickPreview, checkpoint, outputs_alone, plan_quick_preview
from reconciler.review.review import find_consequences
from reconciler.review.review_document import ReviewDocument, Scope

#: Where the stacks are.
_BACKEND = "PULUMI_BACKEND_URL"

#: The engine asks for several differences at once in a preview, and works while it waits. Not in an update: there a
#: failed resource would end the run for all others (decision 61).
PARALLEL_DIFF: Mapping[str, str] = {"PULUMI_PARALLEL_DIFF": "true"}

#: The types of resources whose errors are masked already.
_OURS = ("pulumi-python:", "pulumi:pulumi:Stack")

#: The engine's own words for a resource, which no reviewer needs.
_URN = re.compile(r"urn:pulumi:\S+::(\S+)")


@click.command()
@specs_option
@today_option
@environment_option
@click.option(
    "--preview",
    "file",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="The output of `pulumi preview --json`, to read instead of running it; - for stdin.",
)
@click.option(
    "--base",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Simulate: compare with the files of this folder, on local services and without any credential.",
)
@click.option("--refresh", is_flag=True, help="Compare with what exists now, and not only with the last run.")
@click.option(
    "--changed", is_flag=True, help="Review only units whose files differ from those of the last applied run."
)
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also append the whole page to this file, in Markdown: the job summary of GitHub Actions.",
)
@format_option("Print for people, for programs, or in Markdown for a comment on GitHub.")
def review(
    specs: Path,
    day: date,
    environment: str | None,
    *,
    file: IO[str] | None,
    base: Path | None,
    refresh: bool,
    changed: bool,
    summary: Path | None,
    reporter: Reporter,
) -> int:
    """Print what a run would do: access, data, connections, Airflow variables, and dates that move.

    Runs `pulumi preview` for the environment's stack, or reads its output with --preview. It first prints what deletes
    data, syncs a history again, widens access, retires a unit or removes an Airflow variable. Each has a fingerprint,
    which is the same on every run and machine. Values of settings are not printed.

    With --changed it is a quick review: it names the units that it does not cover, and can be neither recorded nor
    compared. It still reads and checks all files.

    Exit codes: 0 done, whatever the run would do; 1 the run is rejected, or the files have problems; 2 wrong usage;
    3 Fivetran or Google failed.
    """
    if sum((file is not None, refresh, base is not None, changed)) > 1:
        raise click.UsageError("choose one of --preview, --refresh, --base and --changed")
    loaded = load(specs, Path.cwd(), day)
    name = environment or only_environment(loaded)
    try:
        fleet = loaded.stack(name)
    except InvalidSpecs as error:
        problems = [str(problem) for problem in error.problems]
        scope = Scope(()) if changed else None
        _print(ReviewDocument.of(name, [], problems, simulated=base is not None, quick=scope), [], reporter, summary)
        return Exit.FINDINGS
    declare_values(fleet.environment, loaded.fleets.values(), loaded.places)
    quick: QuickPreview | None = None
    if file is not None:
        preview = read_preview(file.read(), getattr(file, "name", "<stdin>"), name)
    else:
        with progress(f"Previewing {name}"):
            if changed:
                quick = plan_quick_preview(_pulumi("stack", "export", stack=name), loaded, name)
                others = [each for each in fleet.environment.all_stacks if each != name]
                printed = _run_quick_preview(name, specs, day, quick, others)
            elif base:
                printed = _simulate(name, specs, base, day)
            else:
                printed = _run_preview(name, specs, day, refresh=refresh)
            preview = read_preview(printed, f"the preview of {name}", name)
    scope = None if quick is None else quick.scope
    document, notes = _describe(preview, loaded, name, day, simulated=base is not None, scope=scope)
    _print(document, notes, reporter, summary)
    return Exit.FINDINGS if document.rejected else Exit.FINE


def _describe(
    preview: Preview, loaded: Loaded, stack: str, day: date, *, simulated: bool, scope: Scope | None
) -> tuple[ReviewDocument, list[str]]:
    """Return what a run would do by its preview, and notes about what could not be read.

    `scope` is that of a quick review.
    """
    found: list[Consequence] = []
    notes: list[str] = []
    if not preview.faults:
        project = loaded.stack(stack).environment.gcp_project
        tables, notes = ({}, []) if simulated else _tables(project, preview)
        found = find_consequences(preview, loaded, stack, day, tables)
    if scope is not None:
        # It has not counted the requests of the units that it does not cover.
        found = [each for each in found if each.kind != "quota"]
    faults = [_fault(each) for each in preview.faults]
    document = ReviewDocument.of(stack, found, faults, simulated=simulated, quick=scope)
    deletions = sum(step.operation in {"delete", "replace"} for step in preview.steps)
    return replace(document, changes=len(preview.steps), deletions=deletions), notes


def _tables(project: str, preview: Preview) -> tuple[dict[str, int], list[str]]:
    """Return how many tables each dataset holds that would be deleted, and why some are missing."""
    deleted = deleted_datasets(preview)
    found: dict[str, int] = {}
    if not deleted:
        return found, []
    try:
        with Datasets(project) as datasets:
            for dataset in deleted:
                found[dataset] = datasets.table_count(dataset)
    except RemoteError as error:
        return found, [str(error)]
    return found, []


def _simulate(environment: str, specs: Path, base: Path, day: date) -> str:
    try:
        from reconciler.cli.simulate import Stop  # noqa: PLC0415 (a production install has no local services)
        from reconciler.cli.simulated_preview import preview_simulated  # noqa: PLC0415
    except ImportError:
        raise ReconcilerError("the local services are not installed\n    Install the extra `simulator`.") from None
    try:
        return preview_simulated(environment, specs, base, day)
    except Stop:
        raise click.Abort from None


def _run_preview(stack: str, specs: Path, day: date, *, refresh: bool) -> str:
    return _pulumi("preview", "--json", *(["--refresh"] if refresh else []), stack=stack, variables=_of_run(specs, day))


def _run_quick_preview(stack: str, specs: Path, day: date, quick: QuickPreview, others: Iterable[str]) -> str:
    """Preview with a copy of the state in a backend of its own, which nothing can be applied to."""
    if quick.names is None:
        return _run_preview(stack, specs, day, refresh=False)
    with tempfile.TemporaryDirectory(prefix="reconciler-review-") as folder:
        stacks = Path(folder) / ".pulumi" / "stacks" / quick.project
        stacks.mkdir(parents=True)
        (stacks / f"{stack}.json").write_text(checkpoint(quick.deployment, quick.project, stack), encoding="utf-8")
        for other in others:
            # The program reads what the environment's other stacks have recorded in their outputs.
            with contextlib.suppress(RemoteError):
                outputs = outputs_alone(_pulumi("stack", "export", stack=other))
                (stacks / f"{other}.json").write_text(checkpoint(outputs, quick.project, other), encoding="utf-8")
        (stacks.parents[1] / "meta.yaml").write_text("version: 1\n", encoding="utf-8")
        backend = {_BACKEND: f"{Path(folder).as_uri()}?metadata=skip"}
        names = Path(folder) / "units"
        names.write_text(" ".join(quick.names), encoding="utf-8")
        variables = {**_of_run(specs, day), **backend, LOOK_AT: str(names)}
        return _pulumi("preview", "--json", stack=stack, variables=variables)


def _of_run(specs: Path, day: date) -> dict[str, str]:
    faster = {name: os.environ.get(name, value) for name, value in PARALLEL_DIFF.items()}
    return {**specs_variable(specs), TODAY: day.isoformat(), **faster}


def _pulumi(*arguments: str, stack: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """Run a command of Pulumi that prints JSON, and return that."""
    words = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
    try:
        inherited = {key: value for key, value in os.environ.items() if key not in (SPECS_VARIABLE, LOOK_AT)}
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={**inherited, **variables})
    except OSError as error:
        raise ReconcilerError(f"pulumi: {error.strerror}\n    {INSTALL}") from None
    if not done.stdout.lstrip().startswith("{"):
        reason = mask_engine_message(done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}")
        # GitHub gives a job an empty variable for one that the environment does not have.
        step = "" if os.environ.get(_BACKEND, "unset") else f"Set {_BACKEND}, which is empty"
        raise RemoteError(f"{commands.shell(*words)} failed: {reason}", step=step, speaker="Pulumi")
    return done.stdout


def _fault(fault: PreviewError) -> str:
    """Return an error's text.

    The program and our provider mask theirs; another provider's may quote Google.
    """
    text = fault.text if fault.type.startswith(_OURS) or not fault.type else mask_google_message(fault.text)
    return _URN.sub(r"\1", text)


def _print(document: ReviewDocument, notes: Sequence[str], reporter: Reporter, summary: Path | None) -> None:
    """Print the page, cut to what a comment holds; append the whole to the job's summary.

    JSON goes to a file in a workflow, so why a run is rejected is in the log too.
    """
    page, github = replace(build_page(document), notes=notes), REPORTERS["github"]
    if summary is not None:
        before = summary.read_text(encoding="utf-8") if summary.is_file() else ""
        write_file(summary, f"{before}{github.format_page(page)}\n")
    reporter.report(cut_page(page, LONGEST) if reporter is github else page)
    if reporter is REPORTERS["json"]:
        for each in document.rejected:
            print_note(each)
