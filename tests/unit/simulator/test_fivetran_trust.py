"""Certificates and host keys in the local Fivetran: approved, shown, revoked, and what setup tests make of them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from tests.certificates import Authority, authority, host_key

from .fivetran_account import KEY, Account

DATABASE = {"schema_prefix": "s", "host": "db.example.com", "database": "d", "user": "u", "password": "p"}
TUNNEL = {"connection_type": "SshTunnel", "tunnel_host": "tunnel.example.com"}


def _connection(account: Account, **config: Any) -> Any:
    body = {"group_id": account.group(), "service": "postgres", "config": {**DATABASE, **config}}
    return account.data("POST", "/v1/connections", body)


def _of(certificate: Authority) -> dict[str, str]:
    der = certificate.certificate.public_bytes(serialization.Encoding.DER)
    return {
        "hash": base64.b64encode(hashlib.sha256(der).digest()).decode(),
        "encoded_cert": base64.b64encode(der).decode(),
    }


def _results(connection: Any) -> dict[str, str]:
    return {test["title"]: test["status"] for test in connection["setup_tests"]}


def test_approved_certificate_is_listed_with_the_id_by_which_it_is_revoked(account: Account):
    path = f"/v1/connections/{_connection(account)['id']}/certificates"
    ca = authority()
    approved = account.data("POST", path, _of(ca))
    assert approved["hash"] == _of(ca)["hash"]
    assert base64.urlsafe_b64decode(approved["id"] + "==").decode() == approved["hash"]
    assert approved["name"] == "CN=Example CA"
    assert approved["validated_by"] == f"user_{KEY}"
    assert "encoded_cert" not in approved
    assert account.data("GET", path)["items"] == [approved]
    assert account.data("GET", f"{path}/{approved['id']}") == approved
    assert account.http.delete(f"{path}/{approved['id']}").status_code == 200
    assert account.data("GET", path)["items"] == []
    assert account.http.delete(f"{path}/{approved['id']}").status_code == 404


def test_approval_is_found_by_its_hash_too(account: Account):
    path = f"/v1/connections/{_connection(account)['id']}/fingerprints"
    account.data("POST", path, {"hash": "a/b+c=", "public_key": host_key()})
    assert account.http.delete(f"{path}/{quote('a/b+c=', safe='')}").status_code == 200


@pytest.mark.parametrize("kind", ["certificates", "fingerprints"])
@pytest.mark.parametrize("whose", ["connections", "destinations"])
def test_incomplete_approval_is_rejected(account: Account, whose: str, kind: str):
    group = account.group()
    destination = {"service": "big_query", "time_zone_offset": "0", "config": {"project_id": "p"}}
    account.data("POST", "/v1/destinations", {"group_id": group, **destination})
    owner = group if whose == "destinations" else _connection(account)["id"]
    answer = account.http.post(f"/v1/{whose}/{owner}/{kind}", json={"hash": "h"})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert account.http.get(f"/v1/{whose}/nobody/{kind}").status_code == 404


def test_list_of_approved_certificates_has_pages(account: Account):
    path = f"/v1/connections/{_connection(account)['id']}/certificates"
    for name in ("a", "b", "c"):
        account.data("POST", path, _of(authority(name)))
    first = account.data("GET", f"{path}?limit=2")
    rest = account.data("GET", f"{path}?limit=2&cursor={first['next_cursor']}")
    assert [item["name"] for item in (*first["items"], *rest["items"])] == ["CN=a", "CN=b", "CN=c"]


def test_certificate_of_a_private_authority_fails_until_its_issuer_is_approved(account: Account):
    ca = authority()
    middle = ca.issue("Middle")
    server = middle.issue("db.example.com")
    account.admin("PUT", "/hosts/db.example.com", {"certificates": [server.pem, middle.pem]})
    connection = _connection(account)
    assert connection["status"]["setup_state"] == "incomplete"
    failed = connection["setup_tests"][-1]
    assert (failed["title"], failed["status"]) == ("Validate Certificate", "FAILED")
    assert [each["encoded_cert"] for each in failed["details"]] == [
        _of(server)["encoded_cert"],
        _of(middle)["encoded_cert"],
    ]

    path = f"/v1/connections/{connection['id']}"
    account.data("POST", f"{path}/certificates", _of(authority("Another")))
    assert _results(account.data("POST", f"{path}/test", {}))["Validate Certificate"] == "FAILED"
    account.data("POST", f"{path}/certificates", _of(ca))
    tested = account.data("POST", f"{path}/test", {})
    assert _results(tested)["Validate Certificate"] == "PASSED"
    assert tested["status"]["setup_state"] == "connected"


def test_host_key_fails_until_it_is_approved(account: Account):
    key = host_key()
    account.admin("PUT", "/hosts/tunnel.example.com", {"host_key": f"{key} tunnel"})
    connection = _connection(account, **TUNNEL)
    [failed] = connection["setup_tests"]
    assert (failed["title"], failed["message"]) == ("SSH Tunnel Connection", "The ssh key might have changed")
    assert failed["details"]["public_key"] == f"{key} tunnel"
    assert (failed["details"]["type"], failed["details"]["name"]) == ("ssh-ed25519", "tunnel")
    path = f"/v1/connections/{connection['id']}"
    account.data("POST", f"{path}/fingerprints", {"hash": failed["details"]["hash"], "public_key": key})
    assert account.data("POST", f"{path}/test", {})["status"]["setup_state"] == "connected"


def test_tests_that_may_trust_approve_what_is_presented(account: Account):
    account.admin("PUT", "/hosts/db.example.com", {"certificates": [authority().pem]})
    path = f"/v1/connections/{_connection(account)['id']}"
    assert account.data("POST", f"{path}/test", {"trust_fingerprints": True})["status"]["setup_state"] == "incomplete"
    assert account.data("POST", f"{path}/test", {"trust_certificates": True})["status"]["setup_state"] == "connected"
    assert len(account.data("GET", f"{path}/certificates")["items"]) == 1


def test_connection_without_tls_presents_no_certificate(account: Account):
    account.admin("PUT", "/hosts/db.example.com", {"certificates": [authority().pem]})
    assert _results(_connection(account, always_encrypted=False))["Validate Certificate"] == "SKIPPED"


def test_admin_api_accepts_only_what_a_host_can_present(account: Account):
    for wrong in ({"certificates": ["none"]}, {"host_key": "ssh-ed25519 AAAA"}, {"key": ""}):
        assert account.http.put("/_admin/hosts/db.example.com", json=wrong).status_code == 400
