"""Providers in state: a reference to a class, the same bytes for as long as there are stacks (decision 1)."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from reconciler.plan.applied import AppliedFilesProvider
from reconciler.plan.outcome import OutcomeProvider
from reconciler.plan.preflight import PreflightProvider
from reconciler.resources.access.resource import DatasetAccessProvider
from reconciler.resources.activation.resource import ActivationProvider
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.destination.resource import DestinationProvider
from reconciler.resources.destination.service_account import ServiceAccountProvider
from reconciler.resources.destination.shared import SharedDestinationProvider
from reconciler.resources.destination.tests import DestinationTestsProvider
from reconciler.resources.group_access.resource import GroupAccessProvider
from reconciler.resources.package.resource import PackageProvider

#: What stacks hold. A change here makes every resource of the kind undeletable: see docs/decisions/0001.
IN_STATE: dict[type[ResourceProvider], bytes] = {
    AppliedFilesProvider: (
        b"\x80\x04\x957\x00\x00\x00\x00\x00\x00\x00\x8c\x17reconciler.plan.applied\x94"
        b"\x8c\x14AppliedFilesProvider\x94\x93\x94)\x81\x94."
    ),
    OutcomeProvider: (
        b"\x80\x04\x952\x00\x00\x00\x00\x00\x00\x00\x8c\x17reconciler.plan.outcome\x94"
        b"\x8c\x0fOutcomeProvider\x94\x93\x94)\x81\x94."
    ),
    PreflightProvider: (
        b"\x80\x04\x956\x00\x00\x00\x00\x00\x00\x00\x8c\x19reconciler.plan.preflight\x94"
        b"\x8c\x11PreflightProvider\x94\x93\x94)\x81\x94."
    ),
    DatasetAccessProvider: (
        b"\x80\x04\x95E\x00\x00\x00\x00\x00\x00\x00\x8c$reconciler.resources.access.resource\x94"
        b"\x8c\x15DatasetAccessProvider\x94\x93\x94)\x81\x94."
    ),
    ActivationProvider: (
        b"\x80\x04\x95F\x00\x00\x00\x00\x00\x00\x00\x8c(reconciler.resources.activation.resource\x94"
        b"\x8c\x12ActivationProvider\x94\x93\x94)\x81\x94."
    ),
    ConnectionProvider: (
        b"\x80\x04\x95F\x00\x00\x00\x00\x00\x00\x00\x8c(reconciler.resources.connection.resource\x94"
        b"\x8c\x12ConnectionProvider\x94\x93\x94)\x81\x94."
    ),
    DestinationProvider: (
        b"\x80\x04\x95H\x00\x00\x00\x00\x00\x00\x00\x8c)reconciler.resources.destination.resource\x94"
        b"\x8c\x13DestinationProvider\x94\x93\x94)\x81\x94."
    ),
    ServiceAccountProvider: (
        b"\x80\x04\x95R\x00\x00\x00\x00\x00\x00\x00\x8c0reconciler.resources.destination.service_account\x94"
        b"\x8c\x16ServiceAccountProvider\x94\x93\x94)\x81\x94."
    ),
    DestinationTestsProvider: (
        b"\x80\x04\x95J\x00\x00\x00\x00\x00\x00\x00\x8c&reconciler.resources.destination.tests\x94"
        b"\x8c\x18DestinationTestsProvider\x94\x93\x94)\x81\x94."
    ),
    SharedDestinationProvider: (
        b"\x80\x04\x95L\x00\x00\x00\x00\x00\x00\x00\x8c'reconciler.resources.destination.shared\x94"
        b"\x8c\x19SharedDestinationProvider\x94\x93\x94)\x81\x94."
    ),
    GroupAccessProvider: (
        b"\x80\x04\x95I\x00\x00\x00\x00\x00\x00\x00\x8c*reconciler.resources.group_access.resource\x94"
        b"\x8c\x13GroupAccessProvider\x94\x93\x94)\x81\x94."
    ),
    PackageProvider: (
        b"\x80\x04\x95@\x00\x00\x00\x00\x00\x00\x00\x8c%reconciler.resources.package.resource\x94"
        b"\x8c\x0fPackageProvider\x94\x93\x94)\x81\x94."
    ),
}

providers = pytest.mark.parametrize("provider", list(IN_STATE), ids=lambda provider: provider.__name__)


@providers
def test_provider_is_pickled_as_these_bytes(provider: type[ResourceProvider]):
    pickled = base64.b64decode(serialize_provider(provider()))
    assert pickled == IN_STATE[provider]
    assert len(pickled) < 200


@providers
def test_pickled_provider_has_no_code(provider: type[ResourceProvider], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provider, "delete", lambda *_: "other code")
    monkeypatch.setattr(provider, "another_attribute", "of the class", raising=False)
    assert base64.b64decode(serialize_provider(provider())) == IN_STATE[provider]


@providers
def test_instance_holds_nothing(provider: type[ResourceProvider]):
    assert vars(provider()) == {}


def test_pickles_are_read_by_another_process_in_another_directory(tmp_path: Path):
    pickles = [base64.b64encode(pickled).decode() for pickled in IN_STATE.values()]
    script = "import base64, dill, sys; [print(type(dill.loads(base64.b64decode(p))).__name__) for p in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", script, *pickles], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == [provider.__name__ for provider in IN_STATE]
