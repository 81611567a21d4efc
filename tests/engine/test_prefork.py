"""The forked processes behave as those that the engine starts itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import pytest
from admin import PATIENCE_S
from workspace import Tools

PROGRAM = """\
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["SHOWN"], "HIDDEN" in os.environ, sys.stdin.read(), sep="|")
print("to stderr", file=sys.stderr)
sys.exit(7)
"""


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
