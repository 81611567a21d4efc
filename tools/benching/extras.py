"""Measure set-up, reviews, validation, large files and the editor, beside the table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from benching.fleet import ENVIRONMENT, unit
from benching.measuring import ROOT, Cost, outside
from reconciler.config import load
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model.today import today
from reconciler.plan.inventory import declarations


def editor() -> str:
    """Measure an editor's server of YAML on the unit files, if npm is installed."""
    if shutil.which("npm") is None:
        return "editor: not measured, because npm is not on PATH"
    done = subprocess.run(
        [sys.executable, "-m", "clients.editor.server"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def validation(size: int) -> str:
    """Measure `validate` for files with one problem each, beside PyYAML's parser alone."""
    text = "description: x\nowners: [a@example.com]\nconnector:\n  service: stripe\n  destination: {schema: u%d}\n"
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        folder = Path(name) / "specs" / "dev"
        folder.mkdir(parents=True)
        (folder / "environment.yaml").write_text(yaml.safe_dump(ENVIRONMENT))
        files = [folder / f"u{number}.yaml" for number in range(size)]
        for number, file in enumerate(files):
            file.write_text(f"{text % number}  config: {{api_kye: {{env: KEY}}}}\ndataset: {{}}\n")
        command = [str(Path(sys.executable).with_name("reconciler")), "validate", "--specs", str(folder.parent)]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        taken = time.perf_counter() - started
        noun = "problem" if size == 1 else "problems"
        if done.returncode != 1 or not done.stderr.startswith(f"{size:,} {noun} in "):
            raise SystemExit(f"validate did not find the {size:,} problems: {done.stderr[-500:]}")
        started = time.perf_counter()
        for file in files:
            yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
        alone = time.perf_counter() - started
    return f"validate of {size:,} files: {taken:.1f} s, {taken / alone:.1f} times PyYAML's parser alone"


def commands() -> Iterator[str]:
    """Measure what people wait for at the prompt beside Python alone: the least CPU of several."""
    reconciler, file = str(Path(sys.executable).with_name("reconciler")), "connectors/dev/casa.yaml"
    completing = {"_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": "reconciler st", "COMP_CWORD": "1"}
    measured: dict[str, tuple[list[str], dict[str, str]]] = {
        "`python -c pass`": ([sys.executable, "-c", "pass"], {}),
        "`reconciler --help`": ([reconciler, "--help"], {}),
        "completion in the shell": ([reconciler], completing),
        f"`reconciler validate {file}`": ([reconciler, "validate", file], {}),
    }
    least = {name: float("inf") for name in measured}
    for _ in range(7):
        for name, (command, variables) in measured.items():
            cost = Cost.of(command, ROOT, {**outside(as_it_comes=True), **variables})
            least[name] = min(least[name], cost.cpu_s)
    alone = least["`python -c pass`"]
    yield from (f"{name}: {cpu:.2f} s of CPU, {cpu / alone:.0f} times Python alone" for name, cpu in least.items())


def set_up() -> Iterator[str]:
    """Measure from a fresh clone to a command that works, with pip's cache and the engine on the machine."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        clone = Path(name) / "clone"
        outside = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
        steps = {
            "git clone": ["git", "clone", "--quiet", str(ROOT), str(clone)],
            "first `make env`, with warm caches": ["make", "-s", "env"],
            "later `make env`": ["make", "-s", "env"],
            "`reconciler validate`": [str(clone / ".venv" / "bin" / "reconciler"), "validate"],
        }
        for title, command in steps.items():
            yield f"{title}: {Cost.of(command, clone if clone.exists() else Path(name), outside)}"


def reviewing(size: int) -> str:
    """Measure a review of one change, with its preview in a file, beside `validate` of the same files."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        folder = Path(name)
        specs = folder / "connectors" / "bench"
        specs.mkdir(parents=True)
        (specs / "environment.yaml").write_text(yaml.safe_dump(ENVIRONMENT))
        for number in range(size):
            (specs / f"unit_{number:04}.yaml").write_text(yaml.safe_dump(unit(number)))
        (folder / "preview.json").write_text(json.dumps(preview_of_one_change(folder)))
        command = str(Path(sys.executable).with_name("reconciler"))
        validate = Cost.of([command, "validate"], folder)
        review = Cost.of([command, "review", "--preview", "preview.json", "--format", "github"], folder)
    ratio = review.cpu_s / validate.cpu_s
    return f"review of one change among {size:,} units, beyond its preview: {review}; {ratio:.1f} times `validate`"


def preview_of_one_change(folder: Path) -> dict[str, object]:
    """Return what `pulumi preview --json` prints if one unit of a stack gets another schedule and expiry."""
    fleet = load(folder / "connectors", folder).fleet("bench")
    units = {name: each.as_property() for name, each in declarations(apply_expiry(fleet, today())).items()}
    changed = {**units, "unit_0000": {**units["unit_0000"], "ending": {"removed_on": "2027-02-01"}}}
    schedules = [{"schedule": {"by": "fivetran", "every": every}} for every in ("6h", "1h")]
    urn = "urn:pulumi:bench::fivetran-reconciler::"
    outputs = {"units": {name: {"outcome": "connected", "messages": []} for name in units}, "airflow_variables": {}}
    steps = {
        "pulumi:pulumi:Stack::stack": ("same", {"outputs": outputs}, {"outputs": outputs}),
        "pulumi-python:dynamic/reconciler:Preflight::bench": (
            "update",
            {"inputs": {"units": units}},
            {"inputs": {"units": changed}},
        ),
        "pulumi-python:dynamic/fivetran:Activation::unit_0000": (
            "update",
            {"inputs": schedules[0]},
            {"inputs": schedules[1]},
        ),
    }
    return {
        "steps": [
            {"op": operation, "urn": urn + name, "oldState": old, "newState": new}
            for name, (operation, old, new) in steps.items()
        ]
    }


def growth() -> Iterator[str]:
    """Return how much longer ten times as many problems in a file take. More than about 10 is not linear."""
    for name, head, line in (
        ("invalid labels", "dataset:\n labels:\n", "  A{}: b\n"),
        ("invalid grants", "dataset:\n access:\n", "  - x{}\n"),
        ("unknown keys", "dataset: {{}}\n", "descriptio{}: 1\n"),
        ("open brackets", "x: ", "["),
    ):
        few, many = (_time_to_load(head.format() + "".join(map(line.format, range(n)))) for n in (2_000, 20_000))
        yield f"20,000 {name} in one file take {many / few:.1f} times as long as 2,000"


def _time_to_load(text: str) -> float:
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
        folder = Path(name) / "dev"
        folder.mkdir()
        (folder / "environment.yaml").write_text(yaml.safe_dump(ENVIRONMENT))
        (folder / "shop.yaml").write_text(f"description: x\nowners: [a@example.com]\n{text}")
        started = time.perf_counter()
        loaded = load(Path(name), Path(name))
        taken = time.perf_counter() - started
    if not loaded.problems:
        raise SystemExit("a file with problems passed")
    return taken
