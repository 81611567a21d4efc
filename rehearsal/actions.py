"""Run the repository's workflow files on this machine, with act and stand-ins for the pinned actions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
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


#: act gives the jobs of a matrix the outputs of the one that ends first, where GitHub takes what each of them has.
#: Jobs that end at the same time would also write one map at once.
_OUTPUTS = "pkg/runner/run_context.go"
_CORRECTIONS = (
    ("if v != interpolated {", 'if v != interpolated && (interpolated != "" || len(rc.Matrix) == 0) {'),
    (
        "for k, v := range rc.Run.Job().Outputs {",
        "writesOutputs <- true\n\t\tdefer func() { <-writesOutputs }()\n\t\tfor k, v := range rc.Run.Job().Outputs {",
    ),
)


def install_act(folder: Path) -> Path:
    """Build act with Go, so that the jobs of a matrix have outputs as on GitHub, and return the program."""
    program = folder / "act-merged"
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
        file = source / _OUTPUTS
        text = file.read_text()
        for old, new in _CORRECTIONS:
            assert text.count(old) == 1, f"{ACT}: {_OUTPUTS} has {text.count(old)} times: {old}"
            text = text.replace(old, new)
        file.write_text(f"{text}\nvar writesOutputs = make(chan bool, 1)\n")
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

    def wait(self) -> Ran:
        """Return what the run did, once it is over."""
        code = self.process.wait(timeout=1800)
        return Ran(code, self.log.read_text(errors="replace"))

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
