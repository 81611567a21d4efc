"""Whether versions can be used, from metadata: no value is read, and no permission to read one is needed."""

from __future__ import annotations

import pytest

from reconciler.model import Reference
from reconciler.secrets.secret_manager import ENDPOINT, check_versions

from .conftest import PROJECT, Vault


def test_findings_are_only_faults_and_no_value_is_read(vault: Vault):
    vault.deny("versions.access")
    good = vault.put("good", "x", version=2)
    off = vault.put("off", "x")
    vault.move(off, "DISABLED")
    gone = Reference("secret", "good", 1, PROJECT)
    no_version = Reference("secret", "good", 3, PROJECT)
    no_secret = Reference("secret", "none", 1, PROJECT)
    newest = Reference("secret", "good", None, PROJECT)
    found = check_versions([good, off, gone, no_version, no_secret, newest])
    assert {reference: finding.kind for reference, finding in found.items()} == {
        off: "disabled",
        gone: "destroyed",
        no_version: "missing",
        no_secret: "missing",
    }
    assert all(finding.certain for finding in found.values())
    assert found[no_version].message.startswith("the secret good in project example-secrets has no version 3: add it")
    assert vault.asked() == {"values": 0, "metadata": 6}


def test_version_is_asked_for_once_and_what_is_kept_elsewhere_not_at_all(vault: Vault):
    one = vault.put("one", "x")
    elsewhere = [Reference("env", "A", 1), Reference("pulumi_config", "a"), Reference("held_by", "fivetran")]
    assert check_versions([one, one, *elsewhere]) == {}
    assert vault.asked() == {"values": 0, "metadata": 1}
    assert check_versions(elsewhere) == {}


def test_missing_permission_leaves_the_version_uncertain(vault: Vault):
    one = vault.put("one", "x")
    vault.deny("versions.get")
    (finding,) = check_versions([one]).values()
    assert not finding.certain
    assert finding.message == (
        "no permission secretmanager.versions.get on the secret one in project example-secrets for the local "
        "simulator's only user, or there is no such secret: grant roles/secretmanager.viewer, or correct the reference"
    )


def test_versions_are_checked_in_parallel(vault: Vault):
    references = [vault.put(f"secret-{number}", "x") for number in range(40)]
    vault.fault(kind="delay", seconds=0.25, count=None)
    found = check_versions([*references, Reference("secret", "none", 1, PROJECT)])
    assert [reference.name for reference in found] == ["none"]


def test_missing_credentials_leave_the_version_uncertain(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENDPOINT, "https://secrets.example/v1/")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/credentials.json")
    (finding,) = check_versions([Reference("secret", "one", 1, PROJECT)]).values()
    assert not finding.certain
    assert finding.message.startswith("no Google credentials for Secret Manager: ")
