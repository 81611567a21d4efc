"""The local Secret Manager."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.secrets.conftest import Vault

from reconciler.secrets.secret_manager import ENDPOINT
from simulator.process import Simulators


@pytest.fixture
def vault(simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """An empty Secret Manager, which Google's library finds."""
    monkeypatch.setenv(ENDPOINT, simulators.secret_manager_url)
    vault = Vault(simulators.admin_url)
    vault.call("POST", "/reset")
    yield vault
    vault.call("POST", "/reset")
    vault.close()
