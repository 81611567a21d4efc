"""`reconciler services`, with the local Fivetran to ask."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli
from reconciler.fivetran import catalog
from simulator.process import Simulators, running

ENVIRONMENT = """
gcp_project: example-dev
fivetran: {group: Dev, destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}}
"""
UNIT = """
description: A unit.
owners: [a@example.com]
connector: {service: slack, destination: {schema: slack, table: all}}
dataset: {}
"""


@pytest.fixture(scope="module")
def fivetran() -> Iterator[Simulators]:
    with running() as simulators:
        yield simulators


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "connectors"
    (folder / "dev").mkdir(parents=True)
    (folder / "dev" / "environment.yaml").write_text(ENVIRONMENT)
    (folder / "dev" / "slack.yaml").write_text(UNIT)
    return folder


@pytest.fixture
def pull(fivetran: Simulators, specs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in fivetran.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        options = ["--specs", str(specs), "--folder", str(tmp_path / "services")]
        return CliRunner().invoke(cli, ["services", "pull", *options, *arguments], standalone_mode=False)

    return run


def test_a_service_that_is_new_gets_a_file_and_its_consent_to_check(pull, tmp_path: Path):
    result = pull("zendesk", "stripe")
    assert (result.return_value, result.stdout) == (
        0,
        "stripe: new; check by hand: consent: never\nzendesk: new; check by hand: consent: unless auth\n",
    )
    assert result.stderr == "2 asked for, 2 changed, 0 not to be had\n"
    text = (tmp_path / "services" / "stripe.yaml").read_text()
    assert text.startswith(
        "# yaml-language-server: $schema=../service.schema.json\n"
        "name: Stripe\nstatus: general_availability\ndestination: schema\nconsent: never\nconfig:\n"
    )
    assert "  api_key (nullable): secret\n" in text
    assert [file.name for file in sorted((tmp_path / "services").iterdir())] == ["stripe.yaml", "zendesk.yaml"]


def test_a_second_pull_writes_nothing(pull, tmp_path: Path):
    pull("stripe")
    file = tmp_path / "services" / "stripe.yaml"
    before = file.stat()
    result = pull("stripe")
    assert (result.return_value, result.stdout) == (0, "")
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_ino == before.st_ino


def test_what_changed_is_printed_and_what_is_kept_by_hand_stays(pull, tmp_path: Path):
    pull("stripe")
    file = tmp_path / "services" / "stripe.yaml"
    text = file.read_text()
    file.write_text(
        text.replace("name: Stripe", "name: Strip")
        .replace("consent: never", "consent: always\nsecret: [backward_sync_limit]")
        .replace("  api_key (nullable): secret\n", "  api_kye: secret\n")
        .replace("[ALL_TIME, DATE_LIMIT]", "[ALL_TIME, NEVER]")
        .replace("support_connected_accounts_sync (nullable): boolean", "support_connected_accounts_sync[]: string")
    )
    result = pull("stripe")
    assert result.stdout == (
        "stripe:\n"
        "    ~ name: Strip → Stripe\n"
        "    + config.api_key: secret, nullable\n"
        "    - config.api_kye: secret\n"
        "    ~ config.backward_sync_limit: string, nullable → secret, nullable\n"
        "    + config.historical_sync_time_frame: DATE_LIMIT\n"
        "    - config.historical_sync_time_frame: NEVER\n"
        "    ~ config.support_connected_accounts_sync: list of string → boolean, nullable\n"
    )
    assert file.read_text() == text.replace("consent: never", "consent: always\nsecret: [backward_sync_limit]").replace(
        "  backward_sync_limit (nullable): string", "  backward_sync_limit (nullable): secret"
    )


def test_without_names_the_services_with_a_file_and_those_of_the_specs_are_pulled(pull, tmp_path: Path):
    pull("stripe")
    result = pull()
    assert result.stdout == "slack: new; check by hand: consent: never\n"
    assert result.stderr == "2 asked for, 1 changed, 0 not to be had\n"


def test_all_of_them_are_written_and_read_again(pull, tmp_path: Path):
    assert pull("--all").return_value == 0
    files = sorted((tmp_path / "services").iterdir())
    assert len(files) > 50
    for file in files:
        assert catalog.write(catalog.read_file(file)) == file.read_text()


def test_a_service_that_fivetran_does_not_have_is_a_finding_and_keeps_no_other_from_being_pulled(pull, tmp_path: Path):
    (tmp_path / "services").mkdir()
    shutil.copy(catalog.SERVICES / "stripe.yaml", tmp_path / "services" / "made_up.yaml")
    result = pull("made_up", "nothing", "stripe")
    assert result.return_value == 1
    assert result.stderr == (
        "made_up: Fivetran has no such service, or hides it from this key; its file is as it was\n"
        "nothing: Fivetran has no such service, or hides it from this key\n"
        "3 asked for, 1 changed, 2 not to be had\n"
    )
    assert (tmp_path / "services" / "made_up.yaml").read_text() == (catalog.SERVICES / "stripe.yaml").read_text()
    assert not (tmp_path / "services" / "nothing.yaml").exists()


def test_a_file_that_cannot_be_read_is_a_finding_and_stays(pull, tmp_path: Path):
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "stripe.yaml").write_text("name: [")
    result = pull("stripe")
    assert result.return_value == 1
    assert "stripe.yaml: not valid YAML" in result.stderr
    assert (tmp_path / "services" / "stripe.yaml").read_text() == "name: ["


def test_a_folder_that_cannot_be_written_is_a_finding(pull, tmp_path: Path):
    (tmp_path / "file").write_text("")
    result = pull("stripe", "--folder", str(tmp_path / "file" / "inside"))
    assert result.return_value == 1
    assert "stripe.yaml cannot be written: Not a directory" in result.stderr


@pytest.mark.parametrize("arguments", [["../stripe"], ["Stripe"], ["--all", "stripe"]])
def test_what_is_no_service_id_is_wrong_usage(fivetran: Simulators, specs: Path, tmp_path: Path, arguments: list[str]):
    done = run("pull", "--specs", str(specs), "--folder", str(tmp_path), *arguments, environment=fivetran.environment)
    assert done.returncode == 2
    assert sorted(tmp_path.iterdir()) == [specs]


def test_a_key_that_is_refused_is_the_other_side_s_failure(fivetran: Simulators, specs: Path, tmp_path: Path):
    environment = {**fivetran.environment, "FIVETRAN_APISECRET": "wrong-canary"}
    done = run("pull", "--specs", str(specs), "--folder", str(tmp_path / "x"), "stripe", environment=environment)
    assert done.returncode == 3
    assert done.stderr.startswith("Error: GET /metadata/connector-types/stripe: Fivetran answered 401")
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_pulled_before_the_other_side_failed_is_written_and_told(
    fivetran: Simulators, specs: Path, tmp_path: Path
):
    faults = f"{fivetran.admin_url}/faults"
    httpx.post(faults, json={"kind": "unauthorized", "path": "zoom$"}).raise_for_status()
    try:
        wanted = ("pull", "--specs", str(specs), "--folder", str(tmp_path / "x"), "stripe", "zoom")
        done = run(*wanted, environment=fivetran.environment)
    finally:
        httpx.delete(faults).raise_for_status()
    assert done.returncode == 3
    assert done.stdout == "stripe: new; check by hand: consent: never\n"
    assert done.stderr.startswith("Error: GET /metadata/connector-types/zoom: Fivetran answered 401")
    assert [file.name for file in (tmp_path / "x").iterdir()] == ["stripe.yaml"]


def test_without_a_key_it_says_which_variable_is_not_set(specs: Path, tmp_path: Path):
    done = run("pull", "--specs", str(specs), "stripe", environment={})
    assert done.returncode == 2
    assert done.stderr.startswith("Error: FIVETRAN_APIKEY and FIVETRAN_APISECRET are not set.")


def test_the_catalogue_is_listed_and_a_service_shown():
    listed = CliRunner().invoke(cli, ["services", "list"], standalone_mode=False)
    assert "stripe  Stripe\n" in listed.stdout
    shown = CliRunner().invoke(cli, ["services", "show", "stripe"], standalone_mode=False)
    assert shown.stdout == (catalog.SERVICES / "stripe.yaml").read_text()


def run(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "services", *arguments]
    others = {name: value for name, value in os.environ.items() if not name.startswith("FIVETRAN_")}
    variables = {**others, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
