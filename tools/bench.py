"""Measure time, memory and Fivetran calls of the main commands with 10, 100 and 1,000 units.

Run by `make bench`, against the simulators, with `--latency-ms` on each of their answers. Each size also runs a Pulumi
program with as many resources that do nothing, to show the engine's share. Times depend on the machine: compare them
within one run. Every call to Fivetran is printed with its reason, and a call without a reason ends the benchmark. At
the end, the time of a drift check beyond a no-op preview is compared with its limit, calls / 16 * latency.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import yaml
from rich.console import Console

from reconciler.config import load
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model.today import today
from reconciler.plan.inventory import declarations
from simulator.process import running

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1024 * 1024
SAMPLE_S = 0.1

ENVIRONMENT = {
    "gcp_project": "bench-project",
    "fivetran": {
        "group": "Bench",
        "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
    },
    "automation": [{"role": "roles/bigquery.dataOwner", "members": ["serviceAccount:r@b.iam.gserviceaccount.com"]}],
}

#: One unit of this many has a `sync`.
SYNC_EVERY = 10

#: The factor by which a drift check may be slower than its reads alone, and how many of them run at once.
READS_AT_ONCE, LEEWAY = 16, 1.3

DRIFT_CHECK = "drift check (preview --refresh)"

#: Why each command makes each call.
REASONS: Mapping[str, Mapping[str, str]] = {
    "first up": {
        "GET /v1/groups": "does the group exist: for new units, before its create and after it",
        "POST /v1/groups": "the group",
        "GET /v1/destinations/{destination_id}": "does the destination exist, and does it work",
        "POST /v1/destinations": "the destination",
        "POST /v1/destinations/{destination_id}/test": "its setup tests, once Fivetran's account has its role",
        "GET /v1/groups/{group_id}/service-account": "who writes the datasets",
        "GET /v1/connections": "one for the group, and one per create: has another process created the same connection",
        "POST /v1/connections": "one per unit: created paused, untested",
        "POST /v1/connections/{connection_id}/test": "one per unit: the setup tests",
        "POST /v1/connections/{connection_id}/schemas/reload": "one per `sync`: the schemas of the source",
        "GET /v1/connections/{connection_id}/schemas/{schema}/tables/{table}/columns": (
            "one per table with a hashed or excluded column: does the column exist"
        ),
        "PATCH /v1/connections/{connection_id}/schemas": "one per `sync`: the whole selection",
        "GET /v1/connections/{connection_id}/schemas": "one per `sync`: read back before the first sync",
        "PATCH /v1/connections/{connection_id}": "one per unit: its schedule, and its start",
    },
    "no-op preview": {},
    "one-field change, up": {"PATCH /v1/connections/{connection_id}": "the change only"},
    DRIFT_CHECK: {
        "GET /v1/groups/{group_id}": "is the group there",
        "GET /v1/destinations/{destination_id}": "two: the destination's settings, and whether it works",
        "GET /v1/groups/{group_id}/service-account": "who writes the datasets",
        "GET /v1/connections": "one per 1,000 connections: the connections of the group",
        "GET /v1/connections/{connection_id}": "one per unit, because Fivetran's lists have no config",
        "GET /v1/connections/{connection_id}/schemas": "one per `sync`: the selection",
    },
}

#: As many resources as the units have (each a dataset, its access, a connection and an activation), with the same
#: dependencies, that do nothing.
EMPTY_PROGRAM = """
import pulumi, empty
guard = empty.Nothing("guard", {})
for number in range(COUNT):
    first = empty.Nothing(f"first-{number}", {"n": number}, pulumi.ResourceOptions(depends_on=[guard]))
    second = empty.Nothing(f"second-{number}", {"n": number}, pulumi.ResourceOptions(depends_on=[guard, first]))
    third = empty.Nothing(f"third-{number}", {"n": number}, pulumi.ResourceOptions(depends_on=[guard, second]))
    empty.Nothing(f"fourth-{number}", {"n": number}, pulumi.ResourceOptions(depends_on=[guard, third]))
"""
EMPTY_MODULE = """
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider
class NothingProvider(ResourceProvider):
    serialize_as_secret_always = False
    def diff(self, _id, _olds, _news): return DiffResult(changes=False)
    def create(self, props): return CreateResult("nothing", props)
    def read(self, id_, props): return ReadResult(id_, props)
class Nothing(Resource, module="bench", name="Nothing"):
    def __init__(self, name, props, opts=None): super().__init__(NothingProvider(), name, props, opts)
"""


@dataclass(frozen=True)
class Measured:
    """A command: wall seconds, requests by route, and the peak memory in MB by kind of process."""

    title: str
    wall_s: float
    calls: Mapping[str, int] = field(default_factory=dict)
    peak_mb: Mapping[str, int] = field(default_factory=dict)


def main() -> None:
    """Measure each size, and print each command when it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument(
        "--latency-ms", type=int, default=20, help="milliseconds added to every answer of the simulators (20)"
    )
    parser.add_argument(
        "--no-empty", dest="empty", action="store_false", help="leave out the resources that do nothing"
    )
    parser.add_argument(
        "--skip-checkpoints",
        action="store_true",
        help="write the state once, at the end: a first up of 1,000 units is then bound by Fivetran's quota for tests",
    )
    parser.add_argument(
        "--set-up", action="store_true", help="measure only how long a fresh clone takes until its commands work"
    )
    parser.add_argument("--reviews", action="store_true", help="measure only what a review takes beyond its preview")
    arguments = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    if arguments.set_up or arguments.reviews:
        for line in (
            *(set_up() if arguments.set_up else ()),
            *(map(reviewing, arguments.sizes) if arguments.reviews else ()),
        ):
            console.print(line)
        return
    for size in arguments.sizes:
        console.print(f"\n[bold]{size} units, {arguments.latency_ms} ms a call[/]\n{'':<38}{'wall s':>8}  peak MB")
        done: dict[str, Measured] = {}
        with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
            for each in itertools.chain(
                ours(Path(folder), size, arguments.latency_ms, skip_checkpoints=arguments.skip_checkpoints),
                empty(Path(folder), size, skip_checkpoints=arguments.skip_checkpoints) if arguments.empty else (),
            ):
                peak = ", ".join(f"{kind} {megabytes}" for kind, megabytes in sorted(each.peak_mb.items()))
                console.print(f"{each.title:<38}{each.wall_s:>8.1f}  {peak}")
                for line in calls(each, size):
                    console.print(f"    [dim]{line}")
                done[each.title] = each
        console.print(promise(done["no-op preview"], done[DRIFT_CHECK], arguments.latency_ms))
        console.print(validation(size))
        console.print(reviewing(size))
    for line in growth():
        console.print(line)
    console.print(editor())


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


@dataclass(frozen=True)
class Cost:
    """What a command took.

    CPU seconds, with those of its children, tell less of what else the machine does.
    """

    wall_s: float
    cpu_s: float

    @classmethod
    def of(cls, command: list[str], cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
        """Run a command that succeeds."""
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed: {done.stderr[-500:]}")
        return cls(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def __str__(self) -> str:
        return f"{self.wall_s:.1f} s, {self.cpu_s:.1f} s of CPU"


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


def calls(measured: Measured, units: int) -> Iterator[str]:
    """Format the number of calls per route with their reasons.

    A route without a reason ends the benchmark.
    """
    reasons = REASONS.get(measured.title, {})
    for route, count in sorted(measured.calls.items()):
        if route not in reasons:
            raise SystemExit(f"{measured.title} asks {count} times without a known reason: {route}")
        yield f"{count:>6} {route}: {reasons[route]}"
    if measured.calls:
        yield f"{sum(measured.calls.values()) / units:>6.2f} a unit"


def promise(preview: Measured, drift_check: Measured, latency_ms: int) -> str:
    """Compare the time of a drift check beyond a no-op preview with its limit."""
    took = drift_check.wall_s - preview.wall_s
    may = LEEWAY * sum(drift_check.calls.values()) / READS_AT_ONCE * latency_ms / 1000
    return (
        f"a drift check takes {took:.2f} s more than a no-op preview; {LEEWAY} * (calls / 16) * latency is {may:.2f} s"
    )


def ours(folder: Path, size: int, latency_ms: int, *, skip_checkpoints: bool) -> Iterator[Measured]:
    """Yield the commands a user runs, in the order of a unit's life."""
    specs = folder / "specs"
    (specs / "bench").mkdir(parents=True)
    (specs / "bench" / "environment.yaml").write_text(yaml.safe_dump(ENVIRONMENT))
    for number in range(size):
        (specs / "bench" / f"unit_{number:04}.yaml").write_text(yaml.safe_dump(unit(number)))
    with running(latency_ms=latency_ms) as simulators:
        settings = {**simulators.environment, "RECONCILER_SPECS": str(specs), "BENCH_KEY": "secret"}
        project = Project(folder / "ours", "bench", settings, skip_checkpoints=skip_checkpoints)
        with httpx.Client(base_url=simulators.admin_url) as admin:
            yield measure("reconciler validate", ["reconciler", "validate", "--specs", str(specs)], project.env, admin)
            yield project.measure("first up", "up", "--yes", "--skip-preview", admin=admin)
            yield project.measure("no-op preview", "preview", "--expect-no-changes", admin=admin)
            changed = unit(0)
            changed["connector"]["schedule"] = {"by": "fivetran", "every": "1h"}  # type: ignore[index]
            (specs / "bench" / "unit_0000.yaml").write_text(yaml.safe_dump(changed))
            yield project.measure("one-field change, up", "up", "--yes", "--skip-preview", admin=admin)
            yield project.measure(DRIFT_CHECK, "preview", "--refresh", "--expect-no-changes", admin=admin)


def empty(folder: Path, size: int, *, skip_checkpoints: bool) -> Iterator[Measured]:
    """Run the program with resources that do nothing."""
    program = folder / "empty-program"
    program.mkdir()
    (program / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
    (program / "__main__.py").write_text(EMPTY_PROGRAM.replace("COUNT", str(size)))
    (program / "empty.py").write_text(EMPTY_MODULE)
    project = Project(
        folder / "empty", "bench", {"PYTHONPATH": str(program)}, root=program, skip_checkpoints=skip_checkpoints
    )
    yield project.measure("empty resources: first up", "up", "--yes", "--skip-preview")
    yield project.measure("empty resources: no-op preview", "preview", "--expect-no-changes")
    yield project.measure("empty resources: preview --refresh", "preview", "--refresh", "--expect-no-changes")


def unit(number: int) -> dict[str, object]:
    """Return a unit with a Stripe connector and its dataset; one of ten has a hashed column."""
    name = f"unit_{number:04}"
    tables = {"customer": {"columns": {"email": "hashed"}}, "charge": "excluded"}
    sync = {"new": "allow_columns", "schemas": {name: {"tables": tables}}}
    return {
        "description": f"Unit {number}.",
        "owners": ["owner@example.com"],
        "connector": {
            "service": "stripe",
            "destination": {"schema": name},
            "config": {"api_key": {"env": "BENCH_KEY", "version": 1}},
            **({"sync": sync} if number % SYNC_EVERY == 0 else {}),
        },
        "dataset": {"friendly_name": name},
    }


#: For a state that is thrown away after the measurement.
SKIPPING = {
    "PULUMI_EXPERIMENTAL": "1",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "RECONCILER_STATE_IS_DISPOSABLE": "true",
}


class Project:
    """A stack in its own backend."""

    def __init__(
        self,
        folder: Path,
        stack: str,
        environment: Mapping[str, str],
        root: Path = ROOT,
        *,
        skip_checkpoints: bool = False,
    ) -> None:
        (folder / "state").mkdir(parents=True)
        copy = folder / "project"
        copy.mkdir()
        shutil.copy(root / "Pulumi.yaml", copy)
        settings = folder / "settings.yaml"
        settings.write_text(
            'config:\n  gcp:addPulumiAttributionLabel: "false"\n  gcp:disableGlobalProjectWarning: "true"\n'
        )
        self.root, self.stack = root, stack
        self.env = {
            **os.environ,
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_OPTION_CONFIG_FILE": str(settings),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_CONTINUE_ON_ERROR": "true",
            # Also for the program without a gcp provider, because the engine would look for a download otherwise.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            **(SKIPPING if skip_checkpoints else {}),
            **environment,
        }
        init = ["pulumi", "--cwd", str(copy), "stack", "init", stack, "--non-interactive"]
        subprocess.run(init, env=self.env, check=True, capture_output=True)

    def measure(self, title: str, *arguments: str, admin: httpx.Client | None = None) -> Measured:
        """Run a Pulumi command of this stack."""
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never", "--stack", self.stack]
        return measure(title, command, self.env, admin, cwd=self.root)


def measure(
    title: str, command: list[str], env: Mapping[str, str], admin: httpx.Client | None, cwd: Path = ROOT
) -> Measured:
    """Run a command. If it fails, print its output and end the benchmark."""
    if admin is not None:
        admin.delete("requests").raise_for_status()
    peak: dict[str, int] = {}
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            sample(process.pid, peak)
            time.sleep(SAMPLE_S)
        wall_s = time.monotonic() - began
        output.seek(0)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{output.read()[-4000:]}")
    calls = admin.get("requests/counts").raise_for_status().json() if admin is not None else {}
    return Measured(title, wall_s, calls, {kind: size // MEGABYTE for kind, size in peak.items()})


def sample(pid: int, peak: dict[str, int]) -> None:
    """Update the peaks with the current memory of a process tree."""
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in tree:
            kind = kind_of(process.cmdline())
            peak[kind] = max(peak.get(kind, 0), process.memory_info().rss)
    except psutil.NoSuchProcess:
        return


def kind_of(command: list[str]) -> str:
    """Return the kind of a process."""
    words = " ".join(command)
    if "pulumi-language-python-exec" in words:
        return "program"
    if "pulumi.dynamic" in words or "pulumi-resource-pulumi-python" in words:
        return "provider"
    return "validate" if "validate" in command else "engine"


if __name__ == "__main__":
    main()
