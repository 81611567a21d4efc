"""Test how a run of a workflow ends that act does not end."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from .actions import RUNNER, Running, install_act

WORKFLOW = """
name: merge
on: push
jobs:
  apply:
    runs-on: ubuntu-24.04
    steps:
      - name: Apply
        run: |
          trap '' HUP
          sleep 600 &
          echo $! >"$CHILD"
          echo last words
          wait
"""

#: Two jobs at once: `apply` hangs within a composite action, and `find` ends after it began.
LOG = """\
[merge/apply       ] \u2b50 Run Main Set up
[merge/apply       ] \u2b50 Run Main Use the cache
[merge/find        ] \u2b50 Run Main Find
[merge/find        ]   \u2705  Success - Main Find [1s]
[merge/find        ] \u2b50 Run Main Report
[merge/find        ]   \u274c  Failure - Main Report [1s]
"""


def test_step_of_act_that_prints_nothing_is_killed_with_its_children_and_named(tmp_path: Path):
    file, child, log = tmp_path / "merge.yml", tmp_path / "child", tmp_path / "log.txt"
    file.write_text(WORKFLOW)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "Start"], check=True)
    command = [
        str(install_act(Path.home() / ".cache" / "reconciler" / "act")),
        "push",
        "--workflows",
        str(file),
        "--env",
        f"CHILD={child}",
    ]
    command += ["--platform", f"{RUNNER}=-self-hosted", "--no-cache-server", "--pull=false"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, stdout=output, stderr=subprocess.STDOUT
        )
    with pytest.raises(AssertionError, match=r"in: \[merge/apply\] Main Apply\n(?s:.*)last words"):
        Running(process, log).wait(silence_s=5)
    assert not psutil.pid_exists(process.pid)
    assert not _runs(int(child.read_text()))


def test_killed_run_names_the_step_that_did_not_end_when_another_job_began_later(tmp_path: Path):
    log = tmp_path / "log.txt"
    log.write_text(LOG)
    process = subprocess.Popen(["sleep", "600"])
    with pytest.raises(AssertionError, match=r"in: \[merge/apply\] Main Use the cache\n"):
        Running(process, log).wait(silence_s=1)


def test_run_that_prints_now_and_then_is_not_killed(tmp_path: Path):
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(["sh", "-c", "for n in 1 2 3 4 5 6; do echo $n; sleep 0.5; done"], stdout=output)
    assert Running(process, log).wait(silence_s=2).code == 0


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
