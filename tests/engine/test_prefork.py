"""The forked processes behave as those that the engine starts itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from admin import PATIENCE_S
from tests.engine.prefork import IMPORTED_LATER, forked_for, preforked
from workspace import Tools, Workspace, kill, stripe

PROGRAM = """\
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["SHOWN"], "HIDDEN" in os.environ, sys.stdin.read(), sep="|")
print("to stderr", file=sys.stderr)
sys.exit(7)
"""

WAITING = "import os, signal; os.write(1, b'ready\\n'); os.close(1); signal.pause()"


def python(tools: Tools) -> str:
    return str(Path(tools.path.split(os.pathsep)[0]) / "python3")


def test_preforked_process_has_what_its_engine_gives_it(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HIDDEN", "set in the tests' own process")
    program = tmp_path / "pulumi-language-python-exec"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [python(tools), str(program), "--stack", "a b"],
        cwd=tmp_path,
        env={"SHOWN": "x=y"},
        input="typed",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"['--stack', 'a b']|{tmp_path}|x=y|False|typed\n"
    assert (done.stderr, done.returncode) == ("to stderr\n", 7)


def test_preforked_plugin_ends_when_the_engine_kills_it(tools: Tools):
    command = [python(tools), "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as plugin:
        assert plugin.stdout is not None
        assert int(plugin.stdout.readline()) > 0  # its port, by which the engine calls it
        plugin.send_signal(signal.SIGKILL)
        ended, _, _ = select.select([plugin.stdout], [], [], PATIENCE_S)
        assert ended  # since no process can write to it any more
        assert plugin.stdout.read() == b""


def test_preforked_process_gets_the_signals_of_its_front(tools: Tools):
    with preforked("signal") as command, subprocess.Popen([*command, "-c", WAITING], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"ready\n"  # and the end, since the program has closed its stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 128 + signal.SIGTERM


def test_kill_ends_the_processes_behind_fronts_before_it_returns(tools: Tools, tmp_path: Path):
    with preforked("signal") as command:
        process = subprocess.Popen(
            [sys.executable, "-c", f"import subprocess; subprocess.run({[*command, '-c', WAITING]})"],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            (front,) = psutil.Process(process.pid).children()
            kill(process, group=True)
            assert forked_for(front.pid) not in {each.info["name"] for each in psutil.process_iter(["name"])}


def test_preforked_process_has_its_arguments_where_a_module_kept_the_list(tools: Tools):
    with preforked("reconciler.resources.run.engine") as command:
        code = "from reconciler.resources.run.engine import address; print(address())"
        done = subprocess.run([*command, "-c", code, "127.0.0.1:1"], capture_output=True, text=True, check=True)
    assert done.stdout == "127.0.0.1:1\n"


def test_programs_and_plugins_import_nothing_themselves(workspace: Workspace, tmp_path: Path):
    imported = tmp_path / "imported-later"
    workspace.env[IMPORTED_LATER] = str(imported)
    workspace.write("stripe", stripe())
    workspace.up().ok()
    workspace.assert_settled()
    assert imported.read_text() == ""


@pytest.mark.parametrize(
    ("code", "expected", "printed"),
    [("", 0, ""), ("sys.exit()", 0, ""), ("sys.exit(5)", 5, ""), ("sys.exit('why')", 1, "why\n")],
)
def test_preforked_process_ends_as_python_does(tools: Tools, code: str, expected: int, printed: str):
    at_the_end = "import atexit, sys, threading; atexit.register(print, 'registered'); print('said', end='|')"
    with preforked("signal", "atexit", "logging") as command:
        done = subprocess.run(
            [*command, "-c", f"{at_the_end}; threading.Timer(0.1, print, ['thread']).start(); {code}"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (expected, "said|thread\nregistered\n", printed)
