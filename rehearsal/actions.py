"""Run the repository's workflow files on this machine, with act and stand-ins for the pinned actions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
STAND_INS = Path(__file__).resolve().parent / "stand_ins"

#: act, of the version whose behaviour the rehearsal knows.
ACT = "github.com/nektos/act@v0.2.89"

#: The label of the runners that the workflows ask for: they run here, without a container.
RUNNER = "ubuntu-24.04"

#: A pinned action: owner and name, a path within, and the commit.
_USES = re.compile(r"uses: ([\w.-]+/([\w.-]+))((?:/[\w.-]+)*)@([0-9a-f]{40})")

#: Keys that act rejects: they keep all waiting runs, and list no deployment on the repository's page.
_UNKNOWN = re.compile(r"^ *(?:queue: max|deployment: false) *(?:#.*)?\n", re.MULTILINE)


#: What act prints when a step begins and ends, and how many of its last lines a failure shows.
_STEPS = re.compile(r"^\[([^\]\n]+)\] +(?:(\u2b50) Run |\S+ +(?:Success|Failure) - )(.*)$", re.MULTILINE)
_LINES = 40

#: act gives the jobs of a matrix the outputs of the one that ends first, where GitHub takes what each of them has.
#: Jobs that end at the same time would also write one map at once.
_OUTPUTS = "pkg/runner/run_context.go"
#: act reads a step's terminal until the character that it writes there after the step's end, and takes that for the end
#: only as the last of what it reads at once. Where more follows, it would wait for ever.
_TERMINAL = "pkg/container/host_environment.go"
_CORRECTIONS = (
    (_OUTPUTS, "if v != interpolated {", 'if v != interpolated && (interpolated != "" || len(rc.Matrix) == 0) {'),
    (
        _OUTPUTS,
        "for k, v := range rc.Run.Job().Outputs {",
        "writesOutputs <- true\n\t\tdefer func() { <-writesOutputs }()\n\t\tfor k, v := range rc.Run.Job().Outputs {",
    ),
    (_OUTPUTS, "type RunContext struct {", "var writesOutputs = make(chan bool, 1)\n\ntype RunContext struct {"),
    (
        _TERMINAL,
        "\t<-logctx.Done()",
        "\tselect {\n\tcase <-logctx.Done():\n\tcase <-time.After(10 * time.Second):\n\t}",
    ),
)

#: How long a workflow may print nothing. The longest step that waits, waits a few minutes.
SILENCE_S = 600.0


def install_act(folder: Path) -> Path:
    """Build act with Go, so that the jobs of a matrix have outputs as on GitHub, and return the program."""
    program = folder / "act-corrected"
    if program.is_file():
        return program
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise RuntimeError("Go builds act, and there is no `go` on PATH\n    Install Go: https://go.dev/doc/install")
    folder.mkdir(parents=True, exist_ok=True)
    download = [go, "mod", "download", "-json", ACT]
    listed = subprocess.run(download, cwd=folder, check=True, capture_output=True, timeout=1200)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "act"
        shutil.copytree(json.loads(listed.stdout)["Dir"], source, copy_function=shutil.copyfile)
        for each in (source, *source.rglob("*")):
            each.chmod(0o755 if each.is_dir() else 0o644)
        for name, old, new in _CORRECTIONS:
            file = source / name
            text = file.read_text()
            assert text.count(old) == 1, f"{ACT}: {name} has {text.count(old)} times: {old}"
            file.write_text(text.replace(old, new))
        subprocess.run([go, "build", "-o", str(program), "."], cwd=source, check=True, timeout=1200)
    return program


@dataclass(frozen=True)
class Ran:
    """What a run of a workflow did."""

    code: int
    log: str

    def ok(self) -> Ran:
        """Return it; fails the test, with the log, if the run failed."""
        assert self.code == 0, self.log
        return self


@dataclass(frozen=True)
class Running:
    """A run of a workflow that has begun."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, silence_s: float = SILENCE_S) -> Ran:
        """Return what the run did, once it is over.

        A run that prints nothing for `silence_s` is killed and fails the test, with the step and what it printed last.
        """
        size, since = -1, time.monotonic()
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = self.process.wait(timeout=min(1.0, silence_s))
                return Ran(code, self.log.read_text(errors="replace"))
            now = self.log.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > silence_s:
                self.lose()
                raise AssertionError(_silence(self.log.read_text(errors="replace"), silence_s))

    def lose(self) -> None:
        """Kill everything that the run has started, at once, as when its machine is lost."""
        act = psutil.Process(self.process.pid)
        lost: dict[int, psutil.Process] = {}
        # Stopped first: nothing starts a process, or notices that another one is gone.
        while new := [each for each in (act, *act.children(recursive=True)) if each.pid not in lost]:
            for each in new:
                lost[each.pid] = each
                with suppress(psutil.NoSuchProcess):
                    each.suspend()
        for each in lost.values():
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait(timeout=60)


def _silence(log: str, silence_s: float) -> str:
    steps = ", ".join(_open_steps(log)) or "no step was running"
    last = "\n".join(log.splitlines()[-_LINES:])
    return f"act printed nothing for {silence_s:g} s, and was killed, in: {steps}\n{last}"


def _open_steps(log: str) -> list[str]:
    """Return the steps that began and did not end, the innermost of each job, with workflow and job."""
    running: dict[str, list[str]] = {}
    for job, began, name in _STEPS.findall(log):
        steps = running.setdefault(job.rstrip(), [])
        if began:
            steps.append(name)
        elif steps:
            steps.pop()
    return [f"[{job}] {steps[-1]}" for job, steps in running.items() if steps]


@dataclass(frozen=True)
class Actions:
    """GitHub Actions for one bare repository."""

    program: Path
    origin: Path
    folder: Path
    variables: Mapping[str, str]
    """What steps find in their environment beside GitHub's own: the addresses of the local services."""
    vars: Mapping[str, str]
    """The repository's variables, `vars.NAME` in a workflow."""
    secrets: Mapping[str, str]

    def start(
        self, workflow: str, event: str, commit: str, payload: Mapping[str, Any], variables: Mapping[str, str]
    ) -> Running:
        """Start a workflow file of a commit for an event, with more variables."""
        folder = self.folder / "runs" / f"{len(list(self.folder.glob('runs/*'))) + 1:02}-{workflow}"
        clone = folder / "clone"
        clone.parent.mkdir(parents=True)
        git = ["git", "-C", str(clone)]
        subprocess.run(["git", "clone", "--quiet", str(self.origin), str(clone)], check=True)
        subprocess.run([*git, "checkout", "--quiet", "-B", "main", commit], check=True)
        subprocess.run([*git, "remote", "set-url", "origin", "https://github.com/example/data"], check=True)
        file = clone / ".github" / "workflows" / workflow
        file.write_text(_UNKNOWN.sub("", file.read_text()))
        event_file = folder / "event.json"
        event_file.write_text(json.dumps(payload))
        command = [str(self.program), event, "--workflows", str(file), "--eventpath", str(event_file)]
        command += ["--platform", f"{RUNNER}=-self-hosted", "--no-cache-server", "--pull=false"]
        command += [f"--action-cache-path={folder / 'act'}"]
        for key, value in {**self._environment(folder), **variables}.items():
            command += ["--env", f"{key}={value}"]
        for key, value in self.vars.items():
            command += ["--var", f"{key}={value}"]
        for key, value in self.secrets.items():
            command += ["--secret", f"{key}={value}"]
        for uses in sorted(self._uses(clone)):
            command += ["--local-repository", uses]
        log = folder / "log.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=clone,
                env={**os.environ, "HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Running(process, log)

    def _environment(self, folder: Path) -> dict[str, str]:
        return {
            **self.variables,
            "REHEARSAL_ORIGIN": str(self.origin),
            "REHEARSAL_PACKAGES": str(ROOT / ".venv"),
            "REHEARSAL_PACKAGES_PATH": str(ROOT),
            "REHEARSAL_ARTIFACTS": str(folder / "artifacts"),
        }

    @staticmethod
    def _uses(clone: Path) -> set[str]:
        """Return the pinned actions with the folders that stand in for them."""
        files = [*clone.glob(".github/workflows/*.yml"), *clone.glob(".github/actions/*/action.yml")]
        found = set()
        for file in files:
            for repository, name, _, commit in _USES.findall(file.read_text()):
                folder = STAND_INS / name
                assert folder.is_dir(), f"{file}: no stand-in for {repository}"
                found.add(f"{repository}@{commit}={folder}")
        return found
