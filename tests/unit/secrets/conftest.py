"""A local Secret Manager, which Google's own library talks to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.served import PLAIN

from reconciler.model import Reference
from reconciler.secrets import values_to_mask
from reconciler.secrets.secret_manager import ENDPOINT
from simulator.process import Simulators

PROJECT = "example-secrets"


class Vault:
    """Secret Manager from outside."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/secret-manager", timeout=30, trust_env=False, verify=PLAIN)

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def put(self, name: str, value: str, version: int = 1, project: str = PROJECT) -> Reference:
        """A person adds a version; return the reference to it."""
        item = {"project": project, "secret": name, "version": version, "value": value}
        self.call("PUT", "/versions", {"versions": [item]})
        return Reference("secret", name, version, project)

    def move(self, reference: Reference, state: str) -> None:
        """A person enables, disables or destroys a version."""
        place = f"{reference.project}/{reference.name}/{reference.version}"
        self.call("PATCH", f"/versions/{place}", {"state": state})

    def deny(self, *permissions: str) -> None:
        """An administrator revokes permissions, such as `versions.access` and the like."""
        self.call("PUT", "/denials", {"denials": [{"permission": f"secretmanager.{name}"} for name in permissions]})

    def fault(self, **definition: Any) -> None:
        self.call("POST", "/faults", definition)

    def asked(self) -> dict[str, int]:
        """How often for values and for metadata."""
        requests = self.call("GET", "/requests")
        values = sum(request["path"].endswith(":access") for request in requests)
        return {"values": values, "metadata": len(requests) - values}


@pytest.fixture
def vault(simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """An empty Secret Manager at the address in the environment."""
    monkeypatch.setenv(ENDPOINT, simulators.environment[ENDPOINT])
    side = Vault(simulators.admin_url)
    side.call("POST", "/reset")
    yield side
    side.call("POST", "/reset")
    side.close()


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """A process that has resolved nothing."""
    values_to_mask.forget_values()
    yield
    values_to_mask.forget_values()
