"""What is new since the last run is looked at before anything is touched: connections, and versions of secrets."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import pytest

from reconciler.config.build.archives import content_hash
from reconciler.model import Adopt, FivetranSchedule, Unit
from reconciler.plan.preflight import PreflightProvider, format_declarations, read_declarations
from reconciler.resources.activation import resource
from reconciler.resources.connection import api_fields
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.run.run import run

from .account import FILE, Fivetran, as_engine, connection_inputs, failure, settle, unit

provider = PreflightProvider()

KEY = {"secret": "stripe-key", "version": 3, "project": "dev-project"}
AT_WORK: dict[str, Any] = {"succeeded_at": "2026-01-01T00:00:00Z", "is_historical_sync": False}


def fleet(*units: Unit) -> dict[str, Any]:
    """The inputs of an environment with these units, as the engine hands them over."""
    declared = {
        one.name: {"file": one.file, "service": one.connector.service, "connection": one.name}
        for one in units
        if one.connector
    }
    in_full = {
        one.name: {
            "connection": api_fields.inputs(one, one.connector),
            "activation": resource.declared(one, one.connector),
        }
        for one in units
        if one.connector
    }
    names = {"environment_file": "dev/environment.yaml", "environment": "dev", "group": "Group_Dev"}
    given = {**names, "gcp_project": "dev-project", "units": declared}
    return {**as_engine(given), "declarations": format_declarations(in_full)}


def package(news: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The inputs with another package of the only unit."""
    in_full = read_declarations(news["declarations"])
    in_full["stripe"]["package"] = found
    return {**news, "declarations": format_declarations(in_full)}


def check(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    """What the engine keeps of the inputs."""
    return dict(provider.check(olds, news).inputs)


def test_units_in_full_are_in_no_state(fivetran: Fivetran, new_run):
    kept = check({}, fleet(unit()))
    assert "declarations" not in kept
    assert "api_key" not in str(kept)


def test_new_units_with_differing_connections_are_all_rejected_at_once(fivetran: Fivetran, new_run):
    made = fivetran.by_hand(sync_frequency=60, config={"historical_sync_time_frame": "DATE_LIMIT"}, **AT_WORK)
    fivetran.by_hand(schema="same", **AT_WORK)
    fivetran.make(group_id=fivetran.group, service="hubspot", config={"schema": "other"}, **AT_WORK)
    message = failure(check, {}, fleet(unit(historical_sync_time_frame="ALL_TIME"), unit("same"), unit("other")))
    assert message.startswith("connectors/dev/other.yaml: the connection other (")
    assert f"\n{FILE}: the connection stripe exists ({made}) and differs from the file:\n" in message
    assert "    config.historical_sync_time_frame: the file says 'ALL_TIME', Fivetran has 'DATE_LIMIT'\n" in message
    assert "    schedule: the file says {by: fivetran, every: 6h}, Fivetran has {by: fivetran, every: 1h}\n" in message
    assert "same.yaml" not in message
    assert fivetran.writes() == []


def test_group_that_is_about_to_be_renamed_is_looked_at_under_the_name_it_has(fivetran: Fivetran, new_run):
    fivetran.by_hand(sync_frequency=60, **AT_WORK)
    renamed = {**fleet(unit()), "group": "Group_New", "formerly": "Group_Dev"}
    assert "and differs from the file" in failure(check, {}, renamed)


@pytest.mark.parametrize(
    "changed", [{"schedule": FivetranSchedule(60)}, {"adopt": True}], ids=["matches", "may change"]
)
def test_connection_that_matches_or_may_be_changed_is_logged(
    fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture, changed: dict[str, Any]
):
    made = fivetran.by_hand(sync_frequency=60, **AT_WORK)
    fields = {"adopt": Adopt(made, apply_changes=True)} if "adopt" in changed else changed
    check({}, fleet(unit(**fields)))
    assert f"adopts the connection stripe ({made})" in caplog.text
    assert fivetran.writes() == []


def test_connection_that_resembles_one_of_a_killed_create_is_not_ours(fivetran: Fivetran, new_run):
    fivetran.by_hand(paused=True, setup_state="incomplete", sync_frequency=60)
    assert "Fivetran has {by: fivetran, every: 1h}" in failure(check, {}, fleet(unit()))


def test_units_of_the_last_run_are_not_looked_at_again(fivetran: Fivetran, new_run):
    fivetran.put_secret("stripe-key", 3, "value")
    before = check({}, fleet(unit(api_key=KEY, schedule=FivetranSchedule(60))))
    fivetran.by_hand(**AT_WORK)
    fivetran.forget_requests()
    fivetran.secrets("DELETE", "/requests")
    check(before, fleet(unit(api_key=KEY, schedule=FivetranSchedule(60))))
    assert fivetran.requests() == []
    assert fivetran.secrets("GET", "/requests") == []


def test_first_run_rejects_a_destination_that_differs(fivetran: Fivetran, new_run):
    destination = {
        "file": "dev/environment.yaml",
        "group": "Group_Dev",
        "gcp_project": "dev-project",
        "location": "EU",
        "region": "GCP_US_EAST4",
        "time_zone_offset": "0",
    }
    fivetran.forget_requests()
    rejected = failure(check, {}, {**fleet(unit()), "destination": destination})
    assert "location: the file says 'EU', Fivetran has 'US'\n    Make the file match" in rejected
    assert [each["path"] for each in fivetran.requests()].count("/v1/groups") == 1
    kept = check({}, {**fleet(), "destination": {**destination, "location": "US"}})
    assert "destination" not in kept
    fivetran.forget_requests()
    check(kept, {**fleet(), "destination": destination})
    assert fivetran.requests() == [], "state has it"


def test_preview_looks_for_a_connection_that_the_last_run_did_not_make(fivetran: Fivetran, new_run):
    wanted = unit(frame="TWELVE")
    before = check({}, fleet(wanted))  # which failed, or was killed, before it made the connection
    fivetran.by_hand(config={"frame": "SIX"}, paused=True)
    for is_preview in (True, False):
        new_run()
        check(before, {**fleet(wanted), "preview": is_preview})
        props = connection_inputs(wanted, fivetran.group)
        if is_preview:
            rejected = failure(ConnectionProvider().check, {}, props)
            assert "config.frame: the file says 'TWELVE', Fivetran has 'SIX'" in rejected
        else:
            ConnectionProvider().check({}, props)
    assert fivetran.writes() == []


def test_preview_recognises_the_connection_that_a_killed_run_created(fivetran: Fivetran, new_run):
    wanted = unit(historical_sync_time_frame="ALL_TIME")
    before = check({}, fleet(wanted))
    made = ConnectionProvider().create(connection_inputs(wanted, fivetran.group))
    settle()
    fivetran.edit(made.id, config={"historical_sync_time_frame": "DATE_LIMIT"})
    new_run()
    check(before, {**fleet(wanted), "preview": True})
    fivetran.forget_requests()
    ConnectionProvider().check({}, connection_inputs(wanted, fivetran.group))
    assert {each["method"] for each in fivetran.requests()} == {"GET"}


def test_preflight_rejects_nothing_and_warns_without_an_answer(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fivetran.by_hand(sync_frequency=60, **AT_WORK)
    fivetran.fault(kind="status", status=500, count=None)
    check({}, fleet(unit()))
    assert "cannot check whether a connection exists for each new unit: " in caplog.text
    monkeypatch.delenv("FIVETRAN_APIKEY")
    new_run()
    check({}, fleet(unit()))
    assert "no Fivetran credentials" in caplog.text


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, "401 AuthFailed. Set FIVETRAN_APIKEY and FIVETRAN_APISECRET to a key that is valid on the host of "),
        (403, "403 AuthFailed. Give the API key a role that allows this, or set FIVETRAN_APIKEY and FIVETRAN_APISECR"),
    ],
)
@pytest.mark.parametrize("path", ["/groups$", "/connections/"])
def test_key_that_fivetran_rejects_is_one_rejection_before_anything_is_touched(
    fivetran: Fivetran, new_run, path: str, status: int, answer: str
):
    for name in ("stripe", "sandbox"):
        fivetran.by_hand(schema=name, **AT_WORK)
    body = {"code": "AuthFailed", "message": "No"}
    fivetran.fault(path=path, kind="status", status=status, body=body, count=None)
    rejected = failure(check, {}, fleet(unit(), unit("sandbox"), unit("third")))
    assert rejected.startswith("dev/environment.yaml: GET /")
    assert f": Fivetran answered {answer}" in rejected
    assert rejected.endswith(" This run changed nothing.")
    assert "\n" not in rejected


def test_unusable_secret_version_is_rejected_without_reading_a_value(fivetran: Fivetran, new_run):
    fivetran.put_secret("stripe-key", 2, "value")
    message = failure(check, {}, fleet(unit(api_key=KEY), unit("sandbox", api_key={**KEY, "secret": "none"})))
    assert message.splitlines()[0].startswith(
        "connectors/dev/sandbox.yaml: config.api_key: project dev-project has no "
    )
    assert f"{FILE}: config.api_key: the secret stripe-key in project dev-project has no version 3" in message
    fivetran.put_secret("stripe-key", 3, "value")
    fivetran.secrets("PATCH", "/versions/dev-project/stripe-key/3", {"state": "DISABLED"})
    assert "version 3 of the secret stripe-key in project dev-project is disabled" in failure(
        check, {}, fleet(unit(api_key=KEY))
    )
    fivetran.secrets("PATCH", "/versions/dev-project/stripe-key/3", {"state": "ENABLED"})
    kept = check({}, fleet(unit(api_key=KEY)))
    assert fivetran.secrets_read() == 0
    raised = fleet(unit(api_key={**KEY, "version": 4}))
    assert "has no version 4" in failure(check, kept, raised), "a raised version is new"


def test_creation_is_rejected_when_only_fivetran_has_a_value(fivetran: Fivetran, new_run):
    fivetran.by_hand(schema="there", **AT_WORK)
    held = {"held_by": "fivetran"}
    message = failure(check, {}, fleet(unit(api_key=held), unit("there", api_key=held)))
    assert message == (
        f"{FILE}: config.api_key: only Fivetran has this value, and there is no connection stripe to adopt\n"
        "    Write a reference instead, such as {secret: NAME, version: N}."
    )


@pytest.mark.parametrize("works", [True, False], ids=["works", "never worked"])
def test_change_is_rejected_when_only_fivetran_has_a_value_inside_it(fivetran: Fivetran, new_run, works: bool):
    live = AT_WORK if works else {"paused": True, "setup_state": "incomplete"}
    config = {"frame": {"months": 1, "key": "of old"}}
    made = fivetran.by_hand(**live, config=config)
    adopt = Adopt(made, apply_changes=True)
    held = {"held_by": "fivetran"}
    changed = unit(adopt=adopt, api_key=held, frame={"months": 2, "key": held})
    assert failure(check, {}, fleet(changed)) == (
        f"{FILE}: config.frame.key: only Fivetran has this value, and a changed key can only be sent as a "
        "whole\n    Write a reference instead, such as {secret: NAME, version: N}."
    )
    check({}, fleet(unit(adopt=adopt, api_key=held, frame={"months": 1, "key": held})))
    assert fivetran.writes() == []


def test_immutable_key_is_compared_with_the_live_value_when_first_declared(fivetran: Fivetran, new_run):
    def saying(frame: str, **fields: Any) -> dict[str, Any]:
        news = fleet(unit(frame=frame))
        news["units"]["stripe"] |= {"permanent": {"frame": frame}, **fields}
        return news

    fivetran.by_hand(config={"frame": "SIX"}, **AT_WORK)
    before = check({}, fleet(unit(schedule=FivetranSchedule())))
    kept = check(before, saying("SIX"))
    rejected = failure(check, before, saying("a, b"))
    assert rejected.startswith(
        f'{FILE}: `config.frame` is "a, b" in the file and SIX in Fivetran, which cannot change it '
    )
    assert '`allow_resync: {config: {frame: {from: SIX, to: "a, b"}}, ticket: …}` into `connector`' in rejected
    fivetran.forget_requests()
    check(kept, saying("SIX"))
    check(before, saying("TWELVE", resync={"config.frame": ["SIX", "TWELVE"]}))
    assert fivetran.requests() == [], "nothing is new, or it is allowed"
    fivetran.fault(kind="status", status=500, count=None)
    check(before, saying("TWELVE"))
    fivetran.forget_faults()
    new_run()
    fivetran.fault(kind="unauthorized", count=None)
    assert failure(check, before, saying("TWELVE")).startswith(
        "dev/environment.yaml: GET /groups: Fivetran answered 40"
    )


def test_fixed_setting_is_compared_with_what_is_live_when_a_file_says_it_first(fivetran: Fivetran, new_run):
    def saying(name: str, naming: str) -> dict[str, Any]:
        news = fleet(unit(name, settings={"destination_schema_names": naming}))
        news["units"][name] |= {"fixed": {"destination_schema_names": naming}}
        return news

    fivetran.by_hand(**AT_WORK)
    fivetran.by_hand(schema="other", **AT_WORK, destination_schema_names="SOURCE_NAMING")
    before = check({}, fleet(unit()))
    rejected = failure(check, before, saying("stripe", "SOURCE_NAMING"))
    assert rejected == (
        f"{FILE}: destination_schema_names is SOURCE_NAMING in the file and FIVETRAN_NAMING in Fivetran, which "
        "cannot change it in an existing connection\n"
        "    Write FIVETRAN_NAMING, or declare another connector in another file."
    )
    other = check(check({}, fleet(unit("other"))), saying("other", "SOURCE_NAMING"))
    fivetran.forget_requests()
    check(other, saying("other", "SOURCE_NAMING"))
    assert fivetran.requests() == [], "nothing is new"
    assert "Write SOURCE_NAMING" in failure(check, other, saying("other", "FIVETRAN_NAMING"))


def test_code_that_differs_from_the_connections_is_a_difference(
    fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture
):
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    id_ = run.account.client().create_package(buffer.getvalue()).id
    config = {"schema": "stripe", "package_id": id_}
    fivetran.make(group_id=fivetran.group, service="connector_sdk", config=config, **AT_WORK)
    news = fleet(unit(service="connector_sdk", api_key=None))
    same = {"package": "code.zip", "sha256": sha256, "content": content_hash(buffer.getvalue())}
    check({}, package(news, same))
    check({}, package(news, {**same, "sha256": "0" * 64}))
    assert "as it is" in caplog.text, "other bytes with the same files in them are the same code"
    news = package(news, {**same, "sha256": "0" * 64, "content": "0" * 64})
    there = f"{content_hash(buffer.getvalue())[:12]}… (SHA-256 of its files)"
    message = f"package: the file says 'code.zip, 000000000000… (SHA-256 of its files)', Fivetran has '{there}'"
    assert message in failure(check, {}, news)


def test_missing_permission_to_read_secrets_is_logged_and_not_rejected(
    fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture
):
    fivetran.secrets("PUT", "/denials", {"denials": [{"permission": "secretmanager.versions.get"}]})
    check({}, fleet(unit(api_key=KEY)))
    assert "cannot check secret versions: no permission secretmanager.versions.get" in caplog.text
