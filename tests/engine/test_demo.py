"""`make demo`: what the README promises first."""

import os
import subprocess
import sys

from workspace import ROOT, Tools


def test_the_demo_deploys_every_environment_and_finds_it_unchanged(tools: Tools):
    ran = subprocess.run(
        [sys.executable, ROOT / "tools" / "demo.py"],
        env={**os.environ, "PATH": tools.path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 stacks previewed, deployed and unchanged" in ran.stdout
