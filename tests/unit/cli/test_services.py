"""`reconciler services`, with the local Fivetran."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli
from reconciler.fivetran import catalog
from simulator.process import Simulators

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


SECRET = '{type: [string, "null"], format: password}'
#: What a user changes in a file: before and after.
BY_HAND = ("x-consent: false\n", "x-consent: true\nx-secret: [backward_sync_limit]\n")


@pytest.fixture
def fivetran(simulators: Simulators) -> Simulators:
    httpx.post(f"{simulators.admin_url}/reset").raise_for_status()
    return simulators


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


def test_services_pull_writes_a_file_for_a_new_service(pull, tmp_path: Path):
    result = pull("zendesk", "stripe")
    assert (result.return_value, result.stdout) == (
        0,
        "stripe: new; check `x-consent` by hand: never\nzendesk: new; check `x-consent` by hand: unless auth\n",
    )
    assert result.stderr == (
        "2 read, 2 changed, 0 failed\nnext: `make reference`, which writes them into the schema that editors use\n"
    )
    text = (tmp_path / "services" / "stripe.yaml").read_text()
    assert text.startswith(
        "# yaml-language-server: $schema=../service.schema.json\n"
        "$schema: https://json-schema.org/draft/2020-12/schema\n"
        "title: Stripe\nx-status: general_availability\nx-consent: false\ntype: object\nproperties:\n"
        "  destination: {type: object, required: [schema], maxProperties: 1}\n  config:\n"
    )
    assert f"      api_key: {SECRET}\n" in text
    assert [file.name for file in sorted((tmp_path / "services").iterdir())] == ["stripe.yaml", "zendesk.yaml"]


def test_services_pull_writes_nothing_the_second_time(pull, tmp_path: Path):
    pull("stripe")
    file = tmp_path / "services" / "stripe.yaml"
    before = file.stat()
    result = pull("stripe")
    assert (result.return_value, result.stdout) == (0, "")
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_ino == before.st_ino


def test_services_pull_prints_changes_and_keeps_manual_fields(pull, tmp_path: Path):
    pull("stripe")
    file = tmp_path / "services" / "stripe.yaml"
    text = file.read_text()
    file.write_text(
        text.replace("title: Stripe", "title: Strip")
        .replace(*BY_HAND)
        .replace(f"  api_key: {SECRET}\n", "  api_kye: {type: string, format: password}\n")
        .replace("[ALL_TIME, DATE_LIMIT, null]", "[ALL_TIME, NEVER, null]")
        .replace(
            'support_connected_accounts_sync: {type: [boolean, "null"]}',
            "support_connected_accounts_sync: {type: array, items: {type: string}}",
        )
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
    plain = 'backward_sync_limit: {type: [string, "null"]}'
    assert plain in text
    assert file.read_text() == text.replace(*BY_HAND).replace(plain, f"backward_sync_limit: {SECRET}")


def test_services_pull_without_names_pulls_known_and_used_services(pull, tmp_path: Path):
    pull("stripe")
    result = pull()
    assert result.stdout == "slack: new; check `x-consent` by hand: never\n"
    assert result.stderr.startswith("2 read, 1 changed, 0 failed\nnext: ")


def test_services_pull_all_writes_files_that_can_be_read(pull, tmp_path: Path):
    assert pull("--all").return_value == 0
    files = sorted((tmp_path / "services").iterdir())
    assert len(files) > 50
    for file in files:
        assert catalog.write(catalog.read_file(file)) == file.read_text()


def test_services_pull_continues_when_fivetran_lacks_a_service(pull, tmp_path: Path):
    (tmp_path / "services").mkdir()
    shutil.copy(catalog.SERVICES / "stripe.yaml", tmp_path / "services" / "made_up.yaml")
    result = pull("made_up", "nothing", "stripe")
    assert result.return_value == 1
    assert result.stderr.startswith(
        "made_up: Fivetran has no such service, or this key cannot see it; its file is unchanged\n"
        "nothing: Fivetran has no such service, or this key cannot see it\n"
        "3 read, 1 changed, 2 failed\nnext: "
    )
    assert (tmp_path / "services" / "made_up.yaml").read_text() == (catalog.SERVICES / "stripe.yaml").read_text()
    assert not (tmp_path / "services" / "nothing.yaml").exists()


def test_services_pull_keeps_a_file_that_it_cannot_read(pull, tmp_path: Path):
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "stripe.yaml").write_text("title: [")
    result = pull("stripe")
    assert result.return_value == 1
    assert "stripe.yaml: not valid YAML" in result.stderr
    assert (tmp_path / "services" / "stripe.yaml").read_text() == "title: ["


def test_services_pull_reports_a_folder_that_it_cannot_write(pull, tmp_path: Path):
    (tmp_path / "file").write_text("")
    result = pull("stripe", "--folder", str(tmp_path / "file" / "inside"))
    assert result.return_value == 1
    assert "stripe.yaml: cannot be written: Not a directory" in result.stderr


@pytest.mark.parametrize("arguments", [["../stripe"], ["Stripe"], ["--all", "stripe"]])
def test_services_pull_rejects_malformed_service_ids(
    program: list[str], fivetran: Simulators, specs: Path, tmp_path: Path, arguments: list[str]
):
    done = run(
        program, "pull", "--specs", str(specs), "--folder", str(tmp_path), *arguments, environment=fivetran.environment
    )
    assert done.returncode == 2
    assert sorted(tmp_path.iterdir()) == [specs]


def test_services_pull_exits_with_3_when_fivetran_rejects_the_key(
    program: list[str], fivetran: Simulators, specs: Path, tmp_path: Path
):
    environment = {**fivetran.environment, "FIVETRAN_APISECRET": "wrong-canary"}
    done = run(
        program, "pull", "--specs", str(specs), "--folder", str(tmp_path / "x"), "stripe", environment=environment
    )
    assert done.returncode == 3
    assert done.stderr.startswith("Error: GET /metadata/connector-types/stripe: Fivetran answered 401")
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_services_pull_keeps_finished_services_when_fivetran_fails(
    program: list[str], fivetran: Simulators, specs: Path, tmp_path: Path
):
    faults = f"{fivetran.admin_url}/faults"
    httpx.post(faults, json={"kind": "unauthorized", "path": "zoom$"}).raise_for_status()
    try:
        wanted = ("pull", "--specs", str(specs), "--folder", str(tmp_path / "x"), "stripe", "zoom")
        done = run(program, *wanted, environment=fivetran.environment)
    finally:
        httpx.delete(faults).raise_for_status()
    assert done.returncode == 3
    assert done.stdout == "stripe: new; check `x-consent` by hand: never\n"
    assert done.stderr.startswith("Error: GET /metadata/connector-types/zoom: Fivetran answered 401")
    assert [file.name for file in (tmp_path / "x").iterdir()] == ["stripe.yaml"]


def test_services_pull_names_the_missing_variable_without_a_key(program: list[str], specs: Path, tmp_path: Path):
    done = run(program, "pull", "--specs", str(specs), "stripe", environment={})
    assert done.returncode == 2
    assert done.stderr.startswith("Error: FIVETRAN_APIKEY and FIVETRAN_APISECRET are not set.")


def test_services_list_and_show_print_the_catalogue():
    listed = CliRunner().invoke(cli, ["services", "list"], standalone_mode=False)
    assert "stripe  Stripe\n" in listed.stdout
    shown = CliRunner().invoke(cli, ["services", "show", "stripe"], standalone_mode=False)
    assert shown.stdout == (catalog.SERVICES / "stripe.yaml").read_text()


def run(program: list[str], *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [*program, "services", *arguments]
    others = {name: value for name, value in os.environ.items() if not name.startswith("FIVETRAN_")}
    variables = {**others, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
