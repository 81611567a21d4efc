"""Run commands, and measure wall seconds, CPU seconds and memory by kind of process."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1024 * 1024

#: How many reads of datasets BigQuery answers a user a second.
BIGQUERY_A_SECOND = 100
SAMPLE_S = 0.05

#: What `make env` sets to make the engine faster, and what the floor therefore runs without. Python writes its compiled
#: files, as in a user's shell.
OUR_ENGINE = ("PULUMI_HOME", "PULUMI_CREDENTIALS_PATH", "GOGC", "PULUMI_PYTHON_CMD")


#: Else the engine writes its whole state after each resource. The state is thrown away after the measurement.
SKIPPING = {
    "PULUMI_EXPERIMENTAL": "1",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "RECONCILER_STATE_IS_DISPOSABLE": "true",
}


@dataclass(frozen=True)
class Measured:
    """What a command and its children took: requests by route, CPU seconds and MB by process."""

    title: str
    wall_s: float
    cpu_s: float = 0.0
    calls: Mapping[str, int] = field(default_factory=dict)
    cpu_by_kind: Mapping[str, float] = field(default_factory=dict)
    peak_mb: Mapping[str, int] = field(default_factory=dict)
    dataset_reads: int = 0
    """Reads of datasets in BigQuery: the gcp plugin's and ours."""
    rejected_reads: int = 0
    """Reads that BigQuery rejected for its quota."""
    runs: int = 1
    """How often the command ran until it succeeded. The other figures are sums."""


class CommandFailed(SystemExit):
    """A command failed. Its output ends the benchmark, unless the caller runs the command again.

    Args:
        command: The command.
        measured: What it took until it failed.
        output: All that it printed.
    """

    def __init__(self, command: list[str], measured: Measured, output: str) -> None:
        super().__init__(f"{' '.join(command)} failed:\n{output[-4000:]}")
        self.measured, self.output = measured, output


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


def outside(*, as_it_comes: bool) -> dict[str, str]:
    """Return the variables of this process that a command gets."""
    left_out = {"PYTHONDONTWRITEBYTECODE", *(OUR_ENGINE if as_it_comes else ())}
    return {name: value for name, value in os.environ.items() if name not in left_out}


class Project:
    """A stack in its own backend.

    `as_it_comes` runs it as a program without `make env` would run: the engine with its log.
    """

    def __init__(
        self,
        folder: Path,
        stack: str,
        environment: Mapping[str, str],
        root: Path = ROOT,
        *,
        as_it_comes: bool = False,
    ) -> None:
        (folder / "state").mkdir(parents=True)
        copy = folder / "project"
        copy.mkdir()
        shutil.copy(root / "Pulumi.yaml", copy)
        settings = folder / "settings.yaml"
        settings.write_text(
            'config:\n  gcp:addPulumiAttributionLabel: "false"\n  gcp:disableGlobalProjectWarning: "true"\n'
        )
        self.root, self.stack, self.folder = root, stack, folder
        self.env = {
            **outside(as_it_comes=as_it_comes),
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_OPTION_CONFIG_FILE": str(settings),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_CONTINUE_ON_ERROR": "true",
            # Also for the program without a gcp provider, because the engine would look for a download otherwise.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            **SKIPPING,
            **environment,
        }
        init = ["pulumi", "--cwd", str(copy), "stack", "init", stack, "--non-interactive"]
        subprocess.run(init, env=self.env, check=True, capture_output=True)

    def state_bytes(self) -> int:
        """Return the size of the stack's state."""
        return next((self.folder / "state").rglob(f"stacks/**/{self.stack}.json")).stat().st_size

    def run(
        self, title: str, *arguments: str, admin: httpx.Client | None = None, env: Mapping[str, str] | None = None
    ) -> Measured:
        """Run a Pulumi command of this stack."""
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never", "--stack", self.stack]
        return measure(title, command, {**self.env, **(env or {})}, admin, cwd=self.root)


def measure(
    title: str, command: list[str], env: Mapping[str, str], admin: httpx.Client | None = None, cwd: Path = ROOT
) -> Measured:
    """Run a command. If it fails, print its output and end the benchmark."""
    if admin is not None:
        for path in ("requests", "gcp/calls"):
            admin.delete(path).raise_for_status()
        admin.put("gcp/quota", json={"per_second": BIGQUERY_A_SECOND}).raise_for_status()
    samples = Samples()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                samples.take(process.pid)
                time.sleep(SAMPLE_S)
        finally:
            end(process)
        wall_s = time.monotonic() - began
        output.seek(0)
        text = output.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    calls = admin.get("requests/counts").raise_for_status().json() if admin is not None else {}
    reads, rejected = dataset_reads(admin) if admin is not None else (0, 0)
    measured = Measured(title, wall_s, cpu_s, calls, samples.cpu_by_kind, samples.peak_mb, reads, rejected)
    if process.returncode != 0:
        raise CommandFailed(command, measured, text)
    return measured


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, since the benchmark was interrupted. It is killed after 10 seconds."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def dataset_reads(admin: httpx.Client) -> tuple[int, int]:
    """Return how many datasets were read, by the plugin and by us, and how many reads BigQuery rejected."""
    counted = admin.get("gcp/calls").raise_for_status().json()
    kinds = {("Read", "gcp:bigquery/dataset:Dataset"), ("GET", "bigquery:datasets")}
    reads = sum(each["count"] for each in counted if (each["method"], each["type"]) in kinds)
    return reads, admin.get("gcp/quota").raise_for_status().json()["rejected"].get("datasets.get", 0)


class Samples:
    """CPU seconds and peak memory of a process tree, as seen now and then."""

    def __init__(self) -> None:
        self._cpu: dict[tuple[str, int], float] = {}
        self._peak: dict[str, int] = {}

    def take(self, pid: int) -> None:
        """Look at each process of the tree."""
        try:
            root = psutil.Process(pid)
            tree = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in tree:
            try:
                kind, times = kind_of(process.cmdline()), process.cpu_times()
                self._cpu[kind, process.pid] = times.user + times.system
                self._peak[kind] = max(self._peak.get(kind, 0), process.memory_info().rss)
            except psutil.Error:
                continue

    @property
    def cpu_by_kind(self) -> dict[str, float]:
        """CPU seconds by kind of process."""
        found: dict[str, float] = {}
        for (kind, _), seconds in self._cpu.items():
            found[kind] = round(found.get(kind, 0.0) + seconds, 2)
        return found

    @property
    def peak_mb(self) -> dict[str, int]:
        """Peak megabytes by kind of process."""
        return {kind: size // MEGABYTE for kind, size in self._peak.items()}


def kind_of(command: list[str]) -> str:
    """Return the kind of a process."""
    words = " ".join(command)
    if "pulumi-language-python-exec" in words:
        return "program"
    if "pulumi.dynamic" in words or "pulumi-resource-pulumi-python" in words:
        return "provider"
    return "validate" if "validate" in command else "engine"
