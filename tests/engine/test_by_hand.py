"""`reconciler simulate` by hand: after its exports plain Pulumi commands work in the repository's root."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from workspace import ENVIRONMENT, ROOT, Tools, stripe

COMMANDS = """
eval "$(reconciler simulate &)"
pulumi stack select dev &&
pulumi up --yes --skip-preview --non-interactive &&
pulumi preview --stack prod --non-interactive &&
pulumi preview --expect-no-changes --refresh --non-interactive
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """Two environments with a unit each."""
    folder = tmp_path / "specs"
    for name in ("dev", "prod"):
        (folder / name).mkdir(parents=True)
        environment = {**ENVIRONMENT, "gcp_project": f"{name}-project"}
        environment["fivetran"] = {**ENVIRONMENT["fivetran"], "group": f"Group_{name}"}
        (folder / name / "environment.yaml").write_text(yaml.safe_dump(environment))
        (folder / name / "stripe.yaml").write_text(yaml.safe_dump(stripe()))
    return folder


def settings() -> dict[str, bytes]:
    """What Pulumi could write to in the checkout."""
    return {file.name: file.read_bytes() for file in ROOT.glob("Pulumi*.yaml")}


def test_plain_pulumi_works_in_the_root_and_leaves_the_checkout_as_it_was(tmp_path: Path, specs: Path, tools: Tools):
    before = settings()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    variables = {
        **{name: os.environ[name] for name in ("HOME",) if name in os.environ},
        "PATH": tools.path,
        "RECONCILER_SPECS": str(specs),
        "PULUMI_HOME": str(tools.pulumi_home),
        "TMPDIR": str(scratch),
    }
    with subprocess.Popen(
        ["/bin/sh", "-c", COMMANDS],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        assert shell.stdout is not None
        assert shell.stderr is not None
        output = shell.stdout.read()
        code = shell.wait(timeout=60)
        os.killpg(shell.pid, signal.SIGTERM)  # the simulators serve on when the shell is gone
        errors = shell.stderr.read()  # ends when they do
    assert code == 0, output + errors
    assert output.count("unchanged") >= 1
    assert settings() == before
    assert list(scratch.iterdir()) == []
