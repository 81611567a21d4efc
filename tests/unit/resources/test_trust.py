"""Certificates and host keys: approved before the tests, revoked when they leave the file, and no others."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.certificates import Authority, authority, host_key, private_key

from reconciler.fivetran import public_keys
from reconciler.fivetran.api import SetupTest
from reconciler.model import Adopt, Certificate, Connector, DestinationSchema, HostKey, Trust, Unit
from reconciler.resources.activation import presented_keys
from reconciler.resources.activation.failed_tests import failed_tests, format_failures
from reconciler.resources.operation import Failed
from reconciler.resources.run.run import run

from .account import CANARY, KEY, Fivetran, failure, settle, with_each_fault
from .stack import Stack

FILE = "connectors/dev/shop.yaml"
DATABASE: dict[str, Any] = {"host": "db.example.com", "database": "d", "user": "u", "password": KEY}
TUNNEL: dict[str, Any] = {"connection_type": "SshTunnel", "tunnel_host": "tunnel.example.com"}
APPROVE = "POST /v1/connections/{id}/certificates"
REVOKE = "DELETE /v1/connections/{id}/certificates/{hash}"
TEST = "POST /v1/connections/{connection_id}/test"

AT_WORK: dict[str, Any] = {"succeeded_at": "2026-01-01T00:00:00Z", "is_historical_sync": False}


def _read(*authorities: Authority) -> tuple[Certificate, ...]:
    return tuple(each for one in authorities for each in public_keys.read_certificates(one.pem))


def _shop(declared: Trust | None = None, *, adopt: Adopt | None = None, **config: Any) -> Unit:
    connector = Connector(
        "postgres", DestinationSchema(schema_prefix="shop"), config={**DATABASE, **config}, trust=declared, adopt=adopt
    )
    return Unit("shop", FILE, "d", ("owner@example.com",), connector)


def _by_hand(fivetran: Fivetran) -> str:
    config = {"schema_prefix": "shop", **DATABASE, "password": CANARY}
    return str(fivetran.make(group_id=fivetran.group, service="postgres", config=config, **AT_WORK)["id"])


def _approve(connection: str, certificate: Certificate) -> None:
    """A person approves a certificate."""
    encoded = str(certificate.encoded)
    run.account.client().approve("certificates", connection, hash_=certificate.hash, encoded_cert=encoded)


def _approved(fivetran: Fivetran, kind: str = "certificates") -> list[str]:
    return [each["hash"] for each in fivetran.the("shop")[kind]]


@pytest.fixture
def ca(fivetran: Fivetran) -> Authority:
    """A private authority, which issued what the database presents."""
    made = authority()
    fivetran.set_host("db.example.com", certificates=[made.issue("db.example.com").pem])
    return made


def test_certificates_are_approved_before_the_first_test(fivetran: Fivetran, stack: Stack, ca: Authority, new_run):
    declared = _shop(Trust(certificates=_read(ca)))
    assert stack.up(declared) == "connected"
    assert _approved(fivetran) == [_read(ca)[0].hash]
    writes = fivetran.writes()
    assert writes.index(APPROVE) < writes.index(TEST)
    assert writes.count(TEST) == 1
    new_run()
    fivetran.forget_requests()
    stack.refresh()
    assert stack.pending(declared) == []
    assert fivetran.writes() == []


def test_host_key_is_approved_before_the_first_test(fivetran: Fivetran, stack: Stack):
    key = host_key()
    fivetran.set_host("tunnel.example.com", host_key=key)
    declared = _shop(Trust(fingerprints=tuple(public_keys.read_host_keys(key))), **TUNNEL)
    assert stack.up(declared) == "connected"
    assert [each["public_key"] for each in fivetran.the("shop")["fingerprints"]] == [key]


def test_trust_that_leaves_the_file_is_revoked_and_others_stay(
    fivetran: Fivetran, stack: Stack, ca: Authority, new_run, caplog: pytest.LogCaptureFixture
):
    old, theirs = authority("Old"), authority("Theirs")
    assert stack.up(_shop(Trust(certificates=_read(ca, old)))) == "connected"
    [other] = _read(theirs)
    _approve(stack.connection.id, other)
    new_run()
    fivetran.forget_requests()
    assert stack.up(_shop(Trust(certificates=_read(ca)))) == "connected"
    assert fivetran.writes() == [REVOKE, TEST]
    assert _approved(fivetran) == [_read(ca)[0].hash, other.hash]
    assert "revoked the certificate CN=Old" in caplog.text
    new_run()
    stack.refresh()
    assert f"Fivetran trusts a certificate that the file does not declare: {other.hash}" in caplog.text
    assert stack.up(_shop()) == "failed", "the authority is trusted no longer"
    assert _approved(fivetran) == [other.hash]


def test_revocation_by_hand_is_drift_that_an_update_repairs(fivetran: Fivetran, stack: Stack, ca: Authority, new_run):
    declared = _shop(Trust(certificates=_read(ca)))
    stack.up(declared)
    fivetran.edit("shop", certificates=[])
    new_run()
    stack.refresh()
    assert "connection" in stack.pending(declared)
    assert stack.up(declared) == "connected"
    assert _approved(fivetran) == [_read(ca)[0].hash]


def test_unit_without_trust_asks_for_no_approvals(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(_shop())
    new_run()
    stack.refresh()
    assert not any("certificates" in route or "fingerprints" in route for route in fivetran.counts())


def test_failed_test_shows_what_to_paste(fivetran: Fivetran, stack: Stack, ca: Authority):
    key = host_key()
    server = ca.issue("db.example.com")
    fivetran.set_host("db.example.com", certificates=[server.pem, ca.pem])
    fivetran.set_host("tunnel.example.com", host_key=f"{key} root@tunnel")
    assert stack.up(_shop(**TUNNEL)) == "failed"
    [message] = run.outcomes.failures().values()
    assert f"\n      trust:\n        fingerprints:\n          - {{key: {key}}}\n" in message
    assert "SSH Tunnel Connection: FAILED: The ssh key might have changed; it presents host key ssh-ed25519" in message

    assert stack.up(_shop(Trust(fingerprints=tuple(public_keys.read_host_keys(key))), **TUNNEL)) == "failed"
    [message] = run.outcomes.failures().values()
    [shown, _] = _read(server, ca)
    assert f"# CN=db.example.com, valid 2020-01-01 to 2040-01-01, hash {shown.hash}, SHA-256 " in message
    assert "".join(f"              {line}\n" for line in ca.pem.splitlines()) in message
    assert "BEGIN CERTIFICATE" not in str(stack.activation.state["messages"])


def test_details_show_only_what_reads_as_a_certificate_or_key():
    certificate, key = _read(authority())[0], host_key()
    canary: dict[str, object] = {"encoded_cert": f"{certificate.encoded}canary", "name": "canary", "hash": "canary"}
    details: tuple[dict[str, object], ...] = (
        canary,
        {"encoded_cert": certificate.encoded, "name": "canary", "public_key": "canary"},
        {"public_key": f"{key} canary", "hash": "canary", "name": "canary"},
        {"public_key": private_key(), "hash": "h"},
    )
    [failed] = failed_tests([SetupTest("t", "FAILED", "m", details)])
    message = format_failures("connection x", [failed])
    assert "canary" not in message
    assert "PRIVATE" not in message
    assert (message.count("- pem:"), message.count("- {key:")) == (1, 1)


def test_hash_that_is_not_ours_is_shown_with_its_key():
    other = _read(authority())[0].hash
    test = SetupTest("t", "FAILED", "m", ({"public_key": host_key(), "hash": other},))
    assert f", hash: {other}}}" in presented_keys.snippet(test)


def test_details_that_are_text_follow_the_message():
    [failed] = failed_tests([SetupTest("t", "FAILED", "No login", ({"message": "401"}, {"code": 7}))])
    assert failed["message"] == "No login: 401; code: 7"


def test_details_are_masked_like_the_message(fivetran: Fivetran, stack: Stack):
    bad = {"title": "Login", "status": "FAILED", "message": "no", "details": f"tried {CANARY}"}
    fivetran.script_tests(target="shop", runs=1, results=[bad])
    assert stack.up(_shop()) == "failed"
    assert CANARY not in str(run.outcomes.failures()) + str(stack.activation.state)


def test_working_connection_that_lacks_an_approval_is_not_adopted(fivetran: Fivetran, stack: Stack, ca: Authority):
    made = _by_hand(fivetran)
    declared = Trust(certificates=_read(ca))
    message = failure(stack.up, _shop(declared))
    assert "trust.certificates: the file says 'the certificate CN=Example CA" in message
    assert fivetran.writes() == []
    assert stack.up(_shop(declared, adopt=Adopt(made, apply_changes=True))) == "connected"
    assert _approved(fivetran) == [_read(ca)[0].hash]


def test_hash_alone_is_enough_while_fivetran_trusts_the_certificate(
    fivetran: Fivetran, stack: Stack, ca: Authority, new_run
):
    [certificate] = _read(ca)
    made = _by_hand(fivetran)
    run.account.client().approve("certificates", made, hash_=certificate.hash, encoded_cert=str(certificate.encoded))
    declared = _shop(Trust(certificates=(Certificate(certificate.hash),)))
    assert stack.up(declared) == "connected"
    new_run()
    stack.refresh()
    assert stack.pending(declared) == []
    fivetran.edit("shop", certificates=[])
    new_run()
    stack.refresh()
    assert "the file has only its hash, and Fivetran no longer trusts it" in failure(stack.up, declared)


def test_hash_without_its_key_creates_no_connection(fivetran: Fivetran, stack: Stack, ca: Authority):
    declared = _shop(Trust(certificates=(Certificate(_read(ca)[0].hash),)))
    assert "the connection does not exist yet" in failure(stack.up, declared)
    assert fivetran.named("shop") == []


def test_any_presented_certificate_is_trusted_when_the_file_says_any(
    fivetran: Fivetran, stack: Stack, ca: Authority, new_run
):
    declared = _shop(Trust(certificates="any"))
    assert stack.up(declared) == "connected"
    assert len(_approved(fivetran)) == 1
    new_run()
    fivetran.forget_requests()
    stack.refresh()
    assert stack.pending(declared) == []
    assert not any("certificates" in route for route in fivetran.counts())


def test_key_is_known_by_itself_where_fivetran_hashes_it_otherwise(fivetran: Fivetran, stack: Stack, new_run):
    key = host_key()
    [ours] = public_keys.read_host_keys(key)
    declared = _shop(Trust(fingerprints=(ours,)))
    stack.up(declared)
    fivetran.edit("shop", fingerprints=[{"id": "x", "hash": "another", "public_key": f"{key} fivetran user key"}])
    new_run()
    stack.refresh()
    assert stack.pending(declared) == []
    assert stack.up(_shop(Trust(fingerprints=(HostKey("YQ==", host_key()),)))) == "connected"
    assert _approved(fivetran, "fingerprints") == ["YQ=="]


def _until_it_works(stack: Stack, declared: Unit, new_run: Callable[..., None]) -> str:
    """What comes of running again while an operation fails."""
    for _ in range(2):
        new_run()
        with contextlib.suppress(Failed):
            return stack.up(declared)
    new_run()
    return stack.up(declared)


@with_each_fault
def test_approval_that_fails_is_repeated_and_made_once(
    fivetran: Fivetran, stack: Stack, ca: Authority, new_run: Callable[..., None], fault: dict[str, Any]
):
    fivetran.fault(method="POST", path="/certificates$", **fault)
    fivetran.fault(method="DELETE", path="/certificates/", **fault)
    first, second = Trust(certificates=_read(ca, authority("Old"))), Trust(certificates=_read(ca))
    for declared in (first, second):
        assert _until_it_works(stack, _shop(declared), new_run) == "connected"
    assert _approved(fivetran) == [_read(ca)[0].hash]
    assert stack.pending(_shop(second)) == []
    settle()


def test_run_that_was_killed_after_approving_is_finished_by_the_next(
    fivetran: Fivetran, stack: Stack, ca: Authority, new_run
):
    declared = _shop(Trust(certificates=_read(ca)))
    before = stack.copy()
    assert stack.up(declared) == "connected"
    later = Trust(certificates=_read(ca, authority("More")))
    moment = stack.copy()
    stack.up(_shop(later))
    stack.as_of(moment)
    new_run()
    assert stack.up(_shop(later)) == "connected"
    assert len(_approved(fivetran)) == 2
    assert before.connection.id == ""


@pytest.fixture(autouse=True)
def _all_messages(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reconciler")
