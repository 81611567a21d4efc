"""Test how a run of a workflow ends that act does not end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest

from .actions import Running

HANGS = "echo '[merge/apply] ⭐ Run Main Apply'; sleep 600 & echo $! >child; echo last words; wait"


def test_run_that_prints_nothing_is_killed_with_its_children_and_names_the_step(tmp_path: Path):
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(["sh", "-c", HANGS], cwd=tmp_path, stdout=output)
    with pytest.raises(AssertionError, match=r"in: \[merge/apply\] Main Apply\n(?s:.*)last words"):
        Running(process, log).wait(silence_s=1)
    assert not psutil.pid_exists(process.pid)
    assert not _runs(int((tmp_path / "child").read_text()))


def test_run_that_prints_now_and_then_is_not_killed(tmp_path: Path):
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(["sh", "-c", "for n in 1 2 3 4 5 6; do echo $n; sleep 0.5; done"], stdout=output)
    assert Running(process, log).wait(silence_s=2).code == 0


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
