"""What the engine starts as Python answers as Python does."""

from __future__ import annotations

import json
import subprocess
import sys

import environment

PYTHON = str(environment.ROOT / "tools" / "engine-python")
LISTING = ("-m", "pip", "list", "-v", "--format", "json")


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def of_pulumi(listing: str) -> list[tuple[str, str, str]]:
    """What the engine reads of Pulumi's packages."""
    found = ((each["name"].replace("_", "-"), each["version"], each["location"]) for each in json.loads(listing))
    return sorted(each for each in found if each[0].startswith("pulumi"))


def test_engine_python_lists_pulumis_packages_as_pip_does():
    listed = of_pulumi(output(PYTHON, *LISTING))

    assert len(listed) > 1
    assert listed == of_pulumi(output(sys.executable, *LISTING))


def test_engine_python_runs_anything_else():
    assert output(PYTHON, "-c", "import sys; print(sys.argv[1:])", "a b", "") == "['a b', '']\n"


def test_engine_python_is_named_unless_the_user_named_one(monkeypatch):
    monkeypatch.setenv(environment.PYTHON, "/another/checkout/tools/engine-python")
    assert environment.own_settings()[environment.PYTHON] == PYTHON

    monkeypatch.setenv(environment.PYTHON, "/a/python")
    assert environment.own_settings()[environment.PYTHON] == "/a/python"
