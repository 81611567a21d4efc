"""A copy of `infra/bootstrap` with the config of the page, to be run by the engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "set-up-ci-identities.md"
IDS = {"ORGANISATION_ID": "1001", "REPOSITORY_ID": "2002"}
FUNCTIONS = [{"name": "casa", "region": "us-central1"}, {"name": "run", "region": "us-east4", "generation": 2}]
PROJECTS = {"dev": "dev-fivetran", "prod": "moz-fx-data-bq-fivetran"}


def config_on_the_page() -> dict[str, Any]:
    """The stack's config as the page shows it, with ids in place of its capitals."""
    block = re.search(r"```yaml\n# infra/bootstrap/Pulumi.ci.yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block is not None
    text = block[1]
    for word, number in IDS.items():
        assert word in text
        text = text.replace(word, number)
    config: dict[str, Any] = yaml.safe_load(text)["config"]
    config["reconciler-bootstrap:environments"]["dev"] = {
        "functions": FUNCTIONS,
        "other_secrets_projects": ["example-shared"],
    }
    return config


class BootstrapProgram:
    """The program in a folder of its own, with a stack `ci`."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.program = folder / "infra" / "bootstrap"
        shutil.copytree(ROOT / "infra" / "bootstrap", self.program)
        for name in PROJECTS:
            shutil.copytree(ROOT / "connectors" / name, folder / "connectors" / name)
        (folder / "state").mkdir()
        (self.program / "Pulumi.ci.yaml").write_text(yaml.safe_dump({"config": config_on_the_page()}))
        self.variables = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            **variables,
        }
        self.pulumi("stack", "init", stack="ci")

    def pulumi(self, *arguments: str, stack: str = "--stack=ci") -> str:
        """Run a command that has to succeed, and return what it prints."""
        done = subprocess.run(
            ["pulumi", *arguments, stack, "--non-interactive", "--color", "never"],  # noqa: S607 (on PATH)
            cwd=self.program,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
