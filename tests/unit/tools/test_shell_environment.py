"""`make env`: commands that any POSIX shell takes, and that do no harm twice."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import environment
import install

ENGINE = Path("/nowhere/an engine")
entries = st.lists(st.sampled_from(["/a", "/b c", str(ENGINE), str(environment.VENV / "bin")]))


@given(entries)
def test_virtual_environment_comes_first_then_the_engine_each_once(path):
    result = environment.path_with(ENGINE, os.pathsep.join(path)).split(os.pathsep)
    assert result[:2] == [str(environment.VENV / "bin"), str(ENGINE)]
    assert result.count(result[0]) == result.count(result[1]) == 1
    assert [entry for entry in result[2:] if entry] == [entry for entry in path if entry in ("/a", "/b c")]


@given(entries)
def test_path_with_the_tools_is_the_same_when_made_twice(path):
    once = environment.path_with(ENGINE, os.pathsep.join(path))
    assert environment.path_with(ENGINE, once) == once


def test_pulumi_that_path_finds_first_stays_where_it_is(machine):
    machine.add("pulumi", "exit 0")
    path = os.pathsep.join(["/usr/local/bin", str(machine.bin), "/elsewhere"])
    assert environment.path_with(machine.bin, path) == f"{environment.VENV / 'bin'}{os.pathsep}{path}"


@pytest.mark.parametrize("name", ["with space", "quote's", "dollar$HOME", 'double"quote'])
def test_shell_reads_back_any_path(machine, name, tmp_path, monkeypatch):
    cache = tmp_path / name
    engine = cache / "engine" / machine.installed.name
    monkeypatch.setattr(install, "engine", lambda: engine)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("RECONCILER_CACHE", str(cache))
    monkeypatch.setenv("HOME", str(tmp_path))
    printed = subprocess.run(
        ["/bin/sh", "-c", f'{environment.commands()}\nprintf %s "$PATH"'], capture_output=True, text=True, check=True
    )
    assert printed.stdout == f"{environment.VENV / 'bin'}:{engine}:/usr/bin:/bin"
