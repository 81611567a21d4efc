"""`reconciler review --base`: a pull request of a stranger, previewed with the real engine and without a credential."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from workspace import ENVIRONMENT, ROOT, Tools, stripe

TODAY = "2026-12-01"
CANARY = "canary-of-the-user"

#: What a user or a job may have set, and no process of a simulation may get.
CREDENTIALS = {
    "FIVETRAN_APIKEY": CANARY,
    "FIVETRAN_APISECRET": CANARY,
    "FIVETRAN_API_URL": "http://127.0.0.1:1/v1",
    "GOOGLE_APPLICATION_CREDENTIALS": f"/{CANARY}.json",
    "GOOGLE_OAUTH_ACCESS_TOKEN": CANARY,
    "PULUMI_ACCESS_TOKEN": CANARY,
    "PULUMI_BACKEND_URL": f"file:///{CANARY}",
    "PULUMI_CONFIG_PASSPHRASE": CANARY,
    "GITHUB_TOKEN": CANARY,
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": CANARY,
    "STRIPE_KEY": CANARY,
}


@pytest.fixture
def estate(tmp_path: Path, tools: Tools) -> Estate:
    return Estate(tmp_path, tools.path)


@pytest.fixture
def unforked(tmp_path: Path) -> Estate:
    """One whose processes the engine starts itself, so that each has the variables that it was given."""
    return Estate(tmp_path, os.environ["PATH"])


class Estate:
    """The specs of a base branch and of a pull request, with `stripe` and `shop` in both."""

    def __init__(self, folder: Path, path: str) -> None:
        self.path = path
        self.base, self.head = folder / "base" / "connectors", folder / "head" / "connectors"
        self.temporary = folder / "temporary"
        self.home = folder / "home"
        for each in (self.temporary, self.home):
            each.mkdir()
        members = {"role": "Edit Destination", "members": ["user:ann@example.com", "team:Data Engineering"]}
        environment = {**ENVIRONMENT, "fivetran": {**ENVIRONMENT["fivetran"], "access": [members]}}
        for name, content in {"environment": environment, "stripe": stripe(), "shop": stripe("shop")}.items():
            self.write(name, content, self.base, self.head)

    def write(self, name: str, content: Mapping[str, Any], *folders: Path) -> Path:
        """Write a file of `dev`; in the pull request, unless folders are named."""
        for folder in folders or (self.head,):
            file = folder / "dev" / f"{name}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump(dict(content), sort_keys=False))
        return file

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start the command, with credentials that it must not use."""
        command = ["reconciler", "review", "-e", "dev", "--specs", str(self.head), "--base", str(self.base)]
        own = {"PATH": self.path, "HOME": str(self.home), "TMPDIR": str(self.temporary)}
        return subprocess.Popen(
            [*command, "--today", TODAY, *arguments],
            cwd=ROOT,
            env={**own, **CREDENTIALS, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def review(self, **variables: str) -> dict[str, Any]:
        """Run the command and return its JSON."""
        out, err = self.start("--format", "json", **variables).communicate(timeout=180)
        assert CANARY not in out + err
        assert out, err
        assert self.is_clean()
        return json.loads(out)

    def processes(self) -> list[psutil.Process]:
        """Return the processes of simulations of this estate, which all have its folder in their variables."""
        found = []
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                if each.environ().get("TMPDIR") == str(self.temporary) and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
        return found

    def engine(self) -> list[psutil.Process]:
        """Return the engine and its plugins, once the plugin of our resources runs."""
        others = ("reconciler", "simulator")
        commands = {}
        for each in self.processes():
            with suppress(psutil.NoSuchProcess):  # it ended since it was listed
                commands[each] = each.cmdline()
        found = {each: words for each, words in commands.items() if not any(name in " ".join(words) for name in others)}
        return list(found) if any("pulumi.dynamic" in words for words in found.values()) else []

    def is_clean(self) -> bool:
        """Return whether no process, no temporary folder and nothing in the home folder is left."""
        return not self.processes() and not any(self.temporary.iterdir()) and not any(self.home.iterdir())


def until(condition: Callable[[], bool], seconds: int) -> bool:
    """Return whether a condition is met in time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)  # each look is at all processes of the machine
    return condition()


def test_review_of_a_fork_shows_what_its_files_change_and_rejects_a_removal(estate: Estate):
    adopted = stripe("adopted", adopt={"connection": "speak_menacing"})
    adopted["connector"]["config"] = {"api_key": {"held_by": "fivetran"}}
    estate.write("adopted", adopted, estate.base, estate.head)
    grant = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"]}
    changed = stripe(paused="INC-1")
    changed["connector"]["config"]["api_key"] = {"secret": "stripe-key", "version": 2}
    changed["dataset"]["access"] = [{**grant, "until": "2027-01-15", "ticket": "T-1"}]
    file = estate.write("stripe", changed)
    estate.write("new", stripe("new"))
    members = [
        {"role": "Edit Destination", "members": ["team:Data Engineering"]},
        {"role": "View Destination", "members": ["user:bob@example.com"]},
    ]
    estate.write("environment", {**ENVIRONMENT, "fivetran": {**ENVIRONMENT["fivetran"], "access": members}})
    (estate.head / "dev" / "shop.yaml").unlink()
    found = estate.review(RECONCILER_REMOVALS="allow")
    assert found["simulated"] is True
    assert found["rejected"] == []
    assert {each["unit"] for each in found["consequences"]} - {""} == {"stripe", "new", "shop"}, "not adopted"
    kinds = {(each["class"], each["kind"], each["object"]) for each in found["consequences"]}
    assert {
        ("stop", "connection_deleted", "connection shop"),
        ("stop", "dataset_deleted", "dataset shop"),
        ("stop", "dataset_shared", "dataset new"),
        ("note", "connection_created", "connection new"),
    } <= kinds
    fivetran = [each["text"] for each in found["consequences"] if each["kind"].startswith("fivetran_access")]
    assert sorted(text.partition(" in the ")[0] for text in fivetran) == [
        "grants View Destination",
        "revokes Edit Destination",
    ]
    (granted,) = (each for each in found["consequences"] if each["kind"] == "access_granted")
    assert granted["file"] == "connectors/dev/stripe.yaml"
    assert "user:a@example.com" in file.read_text().splitlines()[granted["line"] - 1]
    assert any("sends version 2 of the secret stripe-key" in each["text"] for each in found["consequences"])

    rejected = estate.review()
    assert rejected["consequences"] == []
    assert "this run would delete the connection shop" in rejected["rejected"][0]


def test_review_of_a_fork_has_the_tables_and_columns_that_files_name(estate: Estate):
    tables = {"orders": {"columns": {"iban": "hashed", "id": "excluded"}}, "own": "included", "old": "excluded"}
    selection = {"sync": {"new": "block_all", "schemas": {"shop": {"tables": tables}}}}
    estate.write("shop", stripe("shop", **selection), estate.base)
    tables["orders"] = {"columns": {"iban": "included", "id": "excluded", "bic": "hashed"}}
    estate.write("shop", stripe("shop", **selection))
    found = estate.review()
    widened = {each["object"]: each["class"] for each in found["consequences"] if each["kind"].startswith("tables")}
    assert widened.get("connection shop: the column `iban` of `shop.orders`") == "stop", found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_killed_review_of_a_fork_leaves_no_process_and_no_folder(unforked: Estate, number: signal.Signals):
    process = unforked.start()
    try:
        assert until(lambda: bool(unforked.engine()), 60)
        assert not any(CANARY in value for each in unforked.engine() for value in each.environ().values())
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert process.returncode == (-number if number == signal.SIGKILL else 130)
        assert "Traceback" not in out + err
        assert until(unforked.is_clean, 20), [each.cmdline() for each in unforked.processes()]
    finally:
        process.kill()
        process.wait()
