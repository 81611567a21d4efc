"""The home that `make env` gives the CLI: the user's own, without the CLI's log."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from installer import home


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("RECONCILER_CACHE", str(tmp_path / "cache"))
    for name in ("PULUMI_HOME", "PULUMI_CREDENTIALS_PATH"):
        monkeypatch.delenv(name, raising=False)


def test_home_shares_the_folders_of_the_users_home(tmp_path: Path):
    variables = home.variables()

    (Path(variables["PULUMI_HOME"]) / "plugins" / "new").write_text("")
    assert (tmp_path / "user" / ".pulumi" / "plugins" / "new").exists()
    assert variables["PULUMI_CREDENTIALS_PATH"] == str(tmp_path / "user" / ".pulumi")


def test_home_is_made_twice_without_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = home.variables()
    for name, value in first.items():
        monkeypatch.setenv(name, value)

    assert home.variables() == first
    assert sorted(each.name for each in Path(first["PULUMI_HOME"]).iterdir()) == sorted([*home.SHARED, "logs"])


def test_home_is_left_alone_when_the_user_chose_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "chosen"))

    assert home.variables() == {}
    assert not (tmp_path / "cache").exists()


def test_cli_keeps_no_log_in_the_home(tmp_path: Path):
    """Through the real CLI, which would otherwise write a file there with every command."""
    variables = {**os.environ, **home.variables(), "PULUMI_BACKEND_URL": tmp_path.as_uri()}

    pulumi = shutil.which("pulumi") or "pulumi"
    done = subprocess.run([pulumi, "stack", "ls"], env=variables, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not (tmp_path / "user" / ".pulumi" / "logs").exists()
