"""What an operation lets out of the plugin process: one clear text, with nothing secret in it and no traceback."""

from __future__ import annotations

import base64
import logging
import sys
import traceback
from typing import Any
from urllib.parse import quote

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.destination.service_account import ServiceAccountProvider
from reconciler.resources.operation import Failed, Provider, operation
from reconciler.resources.run.outcomes import OperationError
from reconciler.secrets import EnvironmentResolver, known_values, remember_declared, resolve, show

from .account import CANARY, FILE, KEY, Fivetran, InBackground, failure, inputs, settle, state

provider = ConnectionProvider()

#: As the engine hands them over.
PROPS = {"file": FILE, "config": {"api_key": KEY, "files": [{"name": "a", "value": {"env": "SECOND"}}]}}


class Quoting(Provider):
    """Fails with a text; or with an unexpected error about a text."""

    @operation
    def create(self, props: Any) -> Any:
        raise OperationError(props["says"])

    @operation
    def update(self, _id: str, olds: Any, news: Any) -> Any:
        return {}[news["says"]]


@pytest.fixture(autouse=True)
def _values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_KEY", CANARY)
    monkeypatch.setenv("SECOND", "second canary/4712+")


@pytest.mark.parametrize(
    "quoted",
    [
        CANARY,
        CANARY.upper(),
        "second canary/4712+",
        quote("second canary/4712+", safe=""),
        base64.b64encode(CANARY.encode()).decode(),
    ],
)
def test_value_that_a_reference_stands_for_is_masked_in_any_spelling(quoted: str):
    message = failure(Quoting().create, {**PROPS, "says": f"the key {quoted} is rejected"})
    assert message == f"{FILE}: the key ****** is rejected"


def test_values_of_the_old_inputs_are_masked_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OLD", "the old canary")
    olds = {**PROPS, "config": {"api_key": {"env": "OLD", "version": 1.0}}}
    wrapped = operation(lambda _self, _id, _olds, _news: (_ for _ in ()).throw(OperationError("the old canary")))
    assert failure(wrapped, None, "id", olds, PROPS) == f"{FILE}: ******"


def test_reference_without_a_value_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SECOND")
    assert failure(Quoting().create, {**PROPS, "says": f"not {CANARY}"}) == f"{FILE}: not ******"


def test_value_that_another_operation_of_the_process_resolved_is_masked():
    resolve({"password": {"env": "OTHER"}}, [EnvironmentResolver({"OTHER": "of another unit"})])
    assert failure(Quoting().create, {**PROPS, "says": "not of another unit"}) == f"{FILE}: not ******"


def test_file_is_named_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRIPE_KEY", "stripe")
    assert failure(Quoting().create, {**PROPS, "says": f"{FILE}: no"}).endswith("no")
    assert failure(Quoting().create, {**PROPS, "says": "no"}) == f"{FILE}: no"
    assert failure(Quoting().create, {"says": "no"}) == "no"


def test_unexpected_error_names_its_kind_and_place_and_quotes_nothing():
    message = failure(Quoting().update, "id", {}, {**PROPS, "says": "some value"})
    assert message.startswith(f"{FILE}: an unexpected KeyError in update (test_operation.py:")
    assert message.endswith("; run with RECONCILER_DEBUG=1 and report it")
    assert "some value" not in message


def test_engine_is_sent_one_line_without_a_traceback(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    Quoting().configure(ConfigureRequest(config=Config({}, "reconciler")))
    try:
        Quoting().update("id", {}, {**PROPS, "says": "some value"})
    except Failed:
        sent = traceback.format_exc()  # what the plugin process does
    assert sent.startswith(f"Failed: {FILE}: an unexpected KeyError in update (test_operation.py:")
    assert len(sent.splitlines()) == 1


def test_control_characters_are_removed_from_errors():
    message = failure(Quoting().create, {**PROPS, "says": "\x1b[31mred\x1b[0m\r\nand \x00 nothing\u202e"})
    assert message == f"{FILE}: [31mred[0m\nand  nothing"


def test_debugging_shows_every_frame_and_still_no_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(sys, "tracebacklimit", 0, raising=False)
    monkeypatch.setenv("RECONCILER_DEBUG", "1")
    with caplog.at_level(logging.ERROR, "reconciler"):
        failure(Quoting().update, "id", {}, {**PROPS, "says": CANARY})
    assert "operation Quoting.update failed" in caplog.text
    assert 'test_operation.py", line ' in caplog.text
    assert "KeyError: '******'" in caplog.text
    assert CANARY not in caplog.text


REFUSAL = {"code": "InvalidInput", "message": f"the api_key {CANARY} is no good"}


def test_quoted_values_of_a_create_are_masked(fivetran: Fivetran, new_run):
    fivetran.fault(method="POST", kind="status", status=400, body=REFUSAL)
    assert "InvalidInput: the api_key ****** is no good" in failure(provider.create, inputs(fivetran.group))


def test_quoted_values_that_were_not_sent_are_masked(fivetran: Fivetran, new_run):
    olds = state(fivetran.group)
    made = provider.create(inputs(fivetran.group))
    settle()
    fivetran.fault(path=f"/{made.id}$", kind="status", status=400, body=REFUSAL, count=None)
    news = inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT")
    message = failure(provider.update, made.id, olds, news)
    assert "the api_key ****** is no good" in message
    assert "the api_key ****** is no good" in failure(provider.read, made.id, olds)


def test_api_keys_own_secret_is_masked(fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIVETRAN_APISECRET", "canary of the account")
    fivetran.fault(kind="status", status=401, body={"code": "Unauthorized", "message": "not canary of the account"})
    assert "401 Unauthorized: not ******." in failure(provider.create, inputs(fivetran.group))


SECRET = {"secret": "stripe", "version": 3, "project": "dev-project"}
WITHHELD = "Fivetran's message is not shown: it may quote a secret that cannot be read here (config.api_key)"


def test_unsent_secret_is_read_for_masking_only_when_fivetran_is_quoted(fivetran: Fivetran, new_run):
    fivetran.put_secret("stripe", 3, CANARY)
    id_ = fivetran.by_hand()
    olds = {**inputs(fivetran.group, api_key=SECRET), "revision": 0.0}
    news = inputs(fivetran.group, api_key=SECRET, historical_sync_time_frame="DATE_LIMIT")
    assert failure(Quoting().create, {**olds, "says": "our own words"}) == f"{FILE}: our own words"
    assert fivetran.secrets_read() == 0
    fivetran.fault(method="PATCH", kind="status", status=400, body=REFUSAL, count=None)
    for _ in range(2):
        message = failure(provider.update, id_, olds, news)
        assert "InvalidInput: the api_key ****** is no good" in message
    assert fivetran.secrets_read() == 1


def test_fivetrans_message_is_withheld_when_a_value_cannot_be_read(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("RECONCILER_DEBUG", "1")
    fivetran.put_secret("stripe", 3, CANARY)
    fivetran.secrets("PUT", "/denials", {"denials": [{"permission": "secretmanager.versions.access"}]})
    id_ = fivetran.by_hand()
    olds = {**inputs(fivetran.group, api_key=SECRET), "revision": 0.0}
    news = inputs(fivetran.group, api_key=SECRET, historical_sync_time_frame="DATE_LIMIT")
    fivetran.fault(method="PATCH", kind="status", status=400, body=REFUSAL)
    with caplog.at_level(logging.ERROR, "reconciler"):
        message = failure(provider.update, id_, olds, news)
    assert message == (
        f"{FILE}: PATCH /connections/{id_}: Fivetran answered 400 InvalidInput: {WITHHELD}. "
        "Correct the request: Fivetran would reject the same one again."
    )
    assert CANARY not in caplog.text
    assert 'resource.py", line ' in caplog.text


def test_rejected_api_key_is_reported_once_and_stops_all_operations(fivetran: Fivetran, new_run):
    fivetran.put_secret("stripe", 3, CANARY)
    fivetran.secrets("PUT", "/denials", {"denials": [{"permission": "secretmanager.versions.access"}]})
    id_ = fivetran.by_hand()
    olds = {**inputs(fivetran.group, api_key=SECRET), "revision": 0.0}
    news = inputs(fivetran.group, api_key=SECRET, historical_sync_time_frame="DATE_LIMIT")
    fivetran.fault(kind="unauthorized", count=None)
    fivetran.forget_requests()
    assert failure(provider.update, id_, olds, news) == (
        f"{FILE}: PATCH /connections/{id_}: Fivetran answered 401 AuthFailed: Credentials have expired. Set "
        "FIVETRAN_APIKEY and FIVETRAN_APISECRET to a key that is valid on the host of FIVETRAN_API_URL."
    )
    not_done = f"{FILE}: skipped, because Fivetran rejects the API key: see the first error"
    assert failure(provider.update, id_, olds, news) == not_done
    assert failure(provider.read, id_, olds) == not_done
    assert len(fivetran.requests()) == 1
    new_run()
    assert "401" in failure(provider.read, id_, olds), "another run asks again"


def test_wrong_key_is_explained_in_full_only_once(fivetran: Fivetran, new_run):
    held = fivetran.fault(kind="hold", count=2)
    fivetran.fault(kind="unauthorized", count=None)
    change = (state(fivetran.group), inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT"))
    others = [InBackground(lambda: failure(provider.update, "some_id", *change)) for _ in range(2)]
    fivetran.wait_for(lambda: fivetran.held(held) == 2)
    fivetran.release(held)
    messages = sorted(each.result() for each in others)
    assert "Fivetran answered 401" in messages[0]
    assert "skipped, because Fivetran rejects the API key" in messages[1]


def test_operation_of_a_preview_reads_no_secret_to_show_fivetrans_message(fivetran: Fivetran, new_run):
    fivetran.put_secret("stripe", 3, CANARY)
    id_ = fivetran.by_hand()
    fivetran.fault(path=f"/{id_}$", kind="status", status=400, body=REFUSAL, count=None)
    message = failure(provider.read, id_, inputs(fivetran.group, api_key=SECRET))
    assert WITHHELD in message
    assert CANARY not in message
    assert fivetran.secrets_read() == 0


def test_text_of_fivetrans_is_masked_or_withheld(monkeypatch: pytest.MonkeyPatch):
    trees = [{"config": {"api_key": KEY}}, [{"env": "SECOND"}]]
    assert show(f"{CANARY} is\x1b wrong", known_values(trees, ask=True)) == "****** is wrong"
    hidden = f"{CANARY[:4]}\u200b\0{CANARY[4:]}"
    assert show(f"{hidden} is wrong", known_values(trees, ask=True)) == "****** is wrong"
    monkeypatch.delenv("STRIPE_KEY")
    assert show(f"{CANARY} is wrong", known_values(trees, ask=True)) == WITHHELD
    assert show("no secret is anywhere near", known_values([], ask=False)) == "no secret is anywhere near"


def test_pulumi_config_references_resolve_from_the_engines_configuration(fivetran: Fivetran, new_run):
    provider.configure(ConfigureRequest(config=Config({"reconciler:stripe": "canary of the stack"}, "reconciler")))
    provider.create(inputs(fivetran.group, api_key={"pulumi_config": "stripe", "version": 1.0}))
    assert fivetran.the("stripe")["config"]["api_key"] == "canary of the stack"


def test_text_that_holds_a_short_secret_is_withheld_and_our_own_names_stay(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIPE_KEY", "stripe")
    body = {"code": "InvalidInput", "message": "the key stripe is no good"}
    fivetran.fault(method="POST", kind="status", status=400, body=body)
    message = failure(provider.create, inputs(fivetran.group))
    assert message.startswith(
        f"{FILE}: POST /connections: Fivetran answered 400 InvalidInput: Fivetran's message is not"
    )
    assert "too short, a common word" in message


def test_name_that_a_secret_is_equal_to_is_not_masked_in_our_own_words():
    remember_declared([{"unit": "second canary/4712+ orders"}, PROPS["config"]])
    assert failure(Quoting().create, {**PROPS, "says": "no second canary/4712+"}).endswith("no second canary/4712+")
    assert failure(Quoting().create, {**PROPS, "says": f"no {CANARY}"}).endswith("no ******")


def test_error_about_no_unit_is_withheld_while_a_value_of_the_run_is_not_known(fivetran: Fivetran, new_run):
    remember_declared([{"config": {"api_key": SECRET}}])
    fivetran.fault(kind="status", status=400, body=REFUSAL)
    message = failure(ServiceAccountProvider().read, "a@example.com", {"file": FILE, "group_id": fivetran.group})
    assert "400 InvalidInput: Fivetran's message is not shown: it may quote a secret that cannot be read" in message
    assert CANARY not in message
