"""Run the published gcp plugin on `infra/bootstrap`: each resource passes its own check."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.engine.bootstrap_program import BootstrapProgram


@pytest.fixture
def plugin_home(tmp_path: Path) -> Path:
    """Return a home of Pulumi's with the plugin, unless PATH has it: the engine takes that one."""
    home = tmp_path / "home"
    if shutil.which("pulumi-resource-gcp") is None:
        done = subprocess.run(
            ["pulumi", "plugin", "install", "resource", "gcp", version("pulumi-gcp")],  # noqa: S607 (on PATH)
            env={**os.environ, "PULUMI_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            pytest.skip("the gcp plugin cannot be downloaded from here")
    return home


def test_real_plugin_accepts_the_bootstrap(tmp_path: Path, plugin_home: Path):
    # With a token the plugin does not look for credentials; a preview of new resources asks Google nothing.
    variables = {"PULUMI_HOME": str(plugin_home), "GOOGLE_OAUTH_ACCESS_TOKEN": "none"}
    shown = BootstrapProgram(tmp_path, variables).pulumi("preview", "--suppress-outputs")
    assert re.search(r"\+ \d{2,} to create", shown)
