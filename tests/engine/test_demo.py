"""`make demo`: what the README promises first."""

import os
import subprocess
import sys

from workspace import ROOT, Tools

import environment


def test_demo_deploys_every_environment_and_finds_it_unchanged(tools: Tools):
    ran = subprocess.run(
        [sys.executable, ROOT / "tools" / "demo.py"],
        # `make env` names a Python for the engine, which would start without what is imported already.
        env={**os.environ, "PATH": tools.path, environment.PYTHON: tools.python},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 stacks previewed, deployed and unchanged" in ran.stdout
