"""Google's library against a local Secret Manager: values arrive, and errors say what to do."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from reconciler.model import Reference
from reconciler.model.errors import ReconcilerError
from reconciler.secrets import UnresolvedReferences, resolve, resolvers
from reconciler.secrets.secret_manager import ENDPOINT, TimeLimits, connect

from .conftest import PROJECT, Vault

CANARY = "sk_live_canary_4711 é\n"
QUICK = TimeLimits(total_s=2.0, attempt_s=0.5)


def failure(reference: Reference) -> str:
    with pytest.raises(UnresolvedReferences) as caught:
        resolve({"config": {"api_key": reference.as_node()}}, resolvers())
    return str(caught.value).removeprefix("config.api_key: ")


def test_value_arrives_as_it_was_kept_where_its_file_says_exact(vault: Vault):
    reference = replace(vault.put("stripe", CANARY, version=3), exact=True)
    resolved = resolve({"api_key": reference.as_node(), "host": "db"}, resolvers())
    assert resolved.tree == {"api_key": CANARY, "host": "db"}


def test_googles_library_logs_no_value_at_debug(vault: Vault):
    reference = vault.put("stripe", CANARY)
    code = (
        "import logging, sys; from reconciler.secrets import resolve, resolvers;"
        f"assert resolve([{reference.as_node()}], resolvers()).tree == [{CANARY.strip()!r}];"
        "sys.exit(logging.getLogger('google.cloud.secretmanager_v1.services').isEnabledFor(logging.DEBUG))"
    )
    environment = {**os.environ, "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert base64.b64encode(CANARY.encode()).decode() not in done.stdout + done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_version_is_that_version_and_none_is_the_newest(vault: Vault):
    second = vault.put("stripe", "two", version=2)
    vault.put("stripe", "three", version=3)
    newest = Reference("secret", "stripe", None, PROJECT)
    tree = [second.as_node(), newest.as_node(), {"deep": [second.as_node()]}]
    assert resolve(tree, resolvers()).tree == ["two", "three", {"deep": ["two"]}]
    assert vault.asked() == {"values": 2, "metadata": 0}


def test_each_operation_reads_a_version_once(vault: Vault):
    reference = vault.put("stripe", "old")
    operation = resolvers()
    assert resolve([reference.as_node()], operation).tree == ["old"]
    vault.put("stripe", "new")
    assert resolve([reference.as_node()], operation).tree == ["old"]
    assert vault.asked()["values"] == 1
    assert resolve([reference.as_node()], resolvers()).tree == ["new"]


def test_all_faulty_references_are_reported_at_once(vault: Vault):
    good = vault.put("good", "x")
    off = vault.put("off", "x")
    vault.move(off, "DISABLED")
    tree = {"a": good.as_node(), "b": [off.as_node()], "c": {"d": Reference("secret", "no", 1, PROJECT).as_node()}}
    with pytest.raises(UnresolvedReferences) as caught:
        resolve(tree, resolvers())
    messages = str(caught.value).split("; ")
    assert [text.split(":")[0] for text in messages] == ["b[0]", "c.d"]


def test_secret_that_is_not_there_is_named_with_its_project_and_how_to_make_it(vault: Vault):
    assert failure(Reference("secret", "stripe", 1, PROJECT)) == (
        "project example-secrets has no secret stripe with a version: create one "
        "(`reconciler secret put --project example-secrets --create stripe`), or correct the reference"
    )


def test_version_that_is_not_there_is_named_and_how_to_add_it(vault: Vault):
    vault.put("stripe", "x", version=2)
    assert failure(Reference("secret", "stripe", 3, PROJECT)) == (
        "the secret stripe in project example-secrets has no version 3: add it "
        "(`reconciler secret put --project example-secrets stripe`), or correct the reference"
    )


def test_disabled_version_is_distinguished_from_a_destroyed_one(vault: Vault):
    reference = vault.put("stripe", "x", version=2)
    vault.move(reference, "DISABLED")
    assert failure(reference) == (
        "version 2 of the secret stripe in project example-secrets is disabled: enable it "
        "(`gcloud secrets versions enable 2 --secret=stripe --project=example-secrets`), or refer to another version"
    )
    newest = Reference("secret", "stripe", None, PROJECT)
    assert failure(newest).startswith("the latest version of the secret stripe in project example-secrets is disabled")
    vault.move(reference, "DESTROYED")
    assert failure(reference) == (
        "version 2 of the secret stripe in project example-secrets is destroyed: add a version "
        "(`reconciler secret put --project example-secrets stripe`), and refer to that one"
    )


def test_missing_permission_is_named_with_whose_it_is_and_the_role_that_has_it(vault: Vault):
    reference = vault.put("stripe", "x")
    vault.deny("versions.access")
    assert failure(reference) == (
        "no permission secretmanager.versions.access on the secret stripe in project example-secrets for the local "
        "simulator's only user, or there is no such secret: grant roles/secretmanager.secretAccessor, or correct the "
        "reference"
    )


def test_disabled_api_is_distinguished_from_a_missing_permission(vault: Vault):
    reference = vault.put("stripe", "x")
    vault.call("PUT", "/disabled-projects", {"projects": [PROJECT]})
    assert failure(reference) == (
        "the Secret Manager API is not enabled in project example-secrets: "
        "`gcloud services enable secretmanager.googleapis.com --project=example-secrets`"
    )


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL"])
def test_transient_error_is_retried(vault: Vault, code: str):
    reference = vault.put("stripe", "x")
    vault.fault(kind="status", code=code, count=2)
    assert resolve([reference.as_node()], resolvers()).tree == ["x"]
    assert vault.asked()["values"] == 3


def test_broken_connection_is_tried_again(vault: Vault):
    reference = vault.put("stripe", "x")
    vault.fault(kind="drop")
    assert resolve([reference.as_node()], resolvers()).tree == ["x"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "code": "UNAVAILABLE"}, "Secret Manager answered 503, asked for version 1 of the secret"),
        ({"kind": "html"}, "Secret Manager answered 502, asked for"),
        ({"kind": "status", "code": "UNAUTHENTICATED"}, "Secret Manager does not accept the local simulator's only"),
        ({"kind": "delay", "seconds": 30}, "Secret Manager gave no answer in time, asked for"),
    ],
)
def test_lasting_error_ends_in_time_and_is_explained(vault: Vault, fault: dict[str, object], words: str):
    reference = vault.put("stripe", CANARY)
    vault.fault(count=None, **fault)
    with pytest.raises(LookupError) as caught:
        connect().value(reference, QUICK)
    assert str(caught.value).startswith(words)
    assert "canary" not in str(caught.value)


def test_error_names_an_address_without_a_server(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{port}/v1/")
    with pytest.raises(LookupError, match="Secret Manager cannot be reached, asked for version 1") as caught:
        connect().value(Reference("secret", "stripe", 1, PROJECT), QUICK)
    assert ENDPOINT in str(caught.value)


def test_value_that_was_damaged_on_the_way_is_rejected(vault: Vault):
    reference = vault.put("stripe", CANARY)
    vault.fault(kind="garble")
    assert failure(reference) == "version 1 of the secret stripe in project example-secrets arrived damaged: run again"


def test_environments_proxy_is_not_for_this_machine(vault: Vault, monkeypatch: pytest.MonkeyPatch):
    reference = vault.put("stripe", "x")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert resolve([reference.as_node()], resolvers()).tree == ["x"]


@pytest.mark.parametrize(
    "endpoint", ["http://secrets.example/v1/", "secrets.example", "https://secrets.example/other", "https://"]
)
def test_no_secret_is_fetched_from_elsewhere_but_by_https(monkeypatch: pytest.MonkeyPatch, endpoint: str):
    monkeypatch.setenv(ENDPOINT, endpoint)
    with pytest.raises(ReconcilerError, match="expected an address such as https://"):
        connect()
    assert failure(Reference("secret", "stripe", 1, PROJECT)).startswith(ENDPOINT)


def test_missing_credentials_error_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path_factory):
    monkeypatch.setenv(ENDPOINT, "https://secrets.example/v1/")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/credentials.json")
    assert failure(Reference("secret", "stripe", 1, PROJECT)) == (
        "no Google credentials for Secret Manager: set up application-default credentials: "
        "`gcloud auth application-default login`, or a file that GOOGLE_APPLICATION_CREDENTIALS names"
    )


def test_googles_library_is_not_imported_before_it_is_needed():
    code = "import sys, reconciler.secrets; sys.exit('google.auth' in sys.modules or 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
