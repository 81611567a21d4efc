"""The simulators' admin side, as tests use it: what exists, what was asked, trouble to come, hands in the interface."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
from tests.served import PLAIN

#: How long a test waits for something that is under way. Nothing waits that long on a machine that works.
PATIENCE_S = 60


class Admin:
    """Both simulators from outside. Nothing here goes through the API that the client speaks."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False, verify=PLAIN)

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def reset(self) -> None:
        """Forget everything, faults and changed options included."""
        self._call("POST", "/reset-all")

    def options(self, **values: Any) -> dict[str, Any]:
        """Change how the account behaves where Fivetran's documentation leaves it open; returns all options."""
        return dict(self._call("PATCH", "/options", values))

    def snapshot(self, *, secrets: bool = False) -> dict[str, Any]:
        """Fivetran's groups, destinations and connections."""
        return self._call("GET", f"/snapshot?secrets={str(secrets).lower()}")

    def connections(self, *, secrets: bool = False) -> dict[str, Any]:
        """The connections by name, without the one that Fivetran makes itself; fails when a name is there twice."""
        found = [c for c in self.snapshot(secrets=secrets)["connections"] if c["name"] != "fivetran_metadata"]
        by_name = {connection["name"]: connection for connection in found}
        assert len(by_name) == len(found), [connection["name"] for connection in found]
        return by_name

    def edit(self, target: str, **fields: Any) -> Any:
        """A person changes a connection in Fivetran's interface."""
        return self._call("PATCH", f"/connections/{target}", fields)

    def make_group_with_destination(self, name: str) -> str:
        """A person creates a group with a destination for the tests' project; return the group's id."""
        group: str = self._call("POST", "/groups", {"name": name})["id"]
        config = {"project_id": "dev-project", "data_set_location": "US"}
        self._call("POST", "/destinations", {"id": group, "region": "GCP_US_EAST4", "config": config})
        return group

    def set_destination(self, id_: str, **fields: object) -> None:
        """Something becomes of a destination."""
        self._call("PATCH", f"/destinations/{id_}", fields)

    def make(self, **fields: Any) -> Any:
        """A person creates a connection in Fivetran's interface."""
        return self._call("POST", "/connections", fields)

    def delete(self, target: str) -> None:
        """A person deletes a connection in Fivetran's interface."""
        self._call("DELETE", f"/connections/{target}")

    def select(self, target: str, change: dict[str, Any]) -> None:
        """A person selects tables in a connection's Schema tab, in the shape of the API's own request."""
        self._call("PATCH", f"/connections/{target}/schemas", change)

    def make_user(self, email: str, **fields: Any) -> str:
        """A user is in the account; returns the id."""
        return str(self._call("POST", "/users", {"email": email, **fields})["id"])

    def make_team(self, name: str, *users: str) -> str:
        """The account has a team; returns its id."""
        return str(self._call("POST", "/teams", {"name": name, "users": users})["id"])

    def set_access(self, group: str, **roles: str | None) -> None:
        """A colleague changes roles in a group by hand; members are `user:…` and `team:…`."""
        self._call("PATCH", f"/groups/{group}/access", roles)

    def access(self, group: str) -> dict[str, str]:
        """Who has which role in a group, given by id."""
        return dict(self._call("GET", "/access")["groups"][group])

    def permit(self, key: str, **permissions: str) -> None:
        """An API key may only do this from now on: levels by resource type."""
        self._call("PATCH", f"/credentials/{key}", {"permissions": permissions or None})

    def script_tests(self, **script: Any) -> Any:
        """What the next setup tests say."""
        return self._call("POST", "/setup-tests", script)

    def set_host(self, host: str, **presents: Any) -> None:
        """What a host presents to a client that connects: `certificates` and `host_key`."""
        self._call("PUT", f"/hosts/{host}", presents)

    def forget_tests(self) -> None:
        """Setup tests say again what follows from what a connection holds."""
        self._call("DELETE", "/setup-tests")

    def fault(self, **definition: Any) -> str:
        """Trouble for Fivetran's API; returns its id."""
        return self._call("POST", "/faults", definition)["id"]

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with their counts."""
        return self._call("GET", "/faults")

    def forget_faults(self) -> None:
        """All faults out of force; held requests go on."""
        self._call("DELETE", "/faults")

    def release(self, fault: str, *, drop: bool = False) -> None:
        """Let a held request go."""
        self._call("POST", f"/faults/{fault}/release", {"drop": drop})

    def held(self, fault: str) -> int:
        """How many requests wait at a `hold` fault."""
        return sum(each["waiting"] for each in self.faults() if each["id"] == fault)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Return when something that is under way has come about."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "it never came about"
            time.sleep(0.05)

    def wait_until_held(self, fault: str) -> None:
        """Return when a request waits at a `hold` fault."""
        self.wait_for(lambda: self.held(fault) > 0)

    def requests(self) -> list[dict[str, Any]]:
        """Every request since the last reset or `forget_requests`."""
        return self._call("GET", "/requests")

    def writes(self) -> list[str]:
        """The requests that change something, as `METHOD route`."""
        return [f"{r['method']} {r['route']}" for r in self.requests() if r["method"] != "GET"]

    def counts(self) -> dict[str, int]:
        """How often each route was asked for, as `METHOD route`."""
        return self._call("GET", "/requests/counts")

    def forget_requests(self) -> None:
        """Count from zero."""
        self._call("DELETE", "/requests")

    def gcp(self, method: str, path: str, body: Any = None) -> Any:
        """The admin side of the local GCP (`simulator.google.admin`)."""
        return self._call(method, f"/gcp{path}", body)

    def secrets(self, method: str, path: str, body: Any = None) -> Any:
        """The admin side of the local Secret Manager (`simulator.secret_manager.admin`)."""
        return self._call(method, f"/secret-manager{path}", body)

    def put_secret(self, name: str, version: int, value: str, project: str = "dev-project") -> None:
        """A person adds a version of a secret."""
        item = {"project": project, "secret": name, "version": version, "value": value}
        self.secrets("PUT", "/versions", {"versions": [item]})

    def secrets_read(self) -> int:
        """How often a value was read from Secret Manager."""
        return sum(request["path"].endswith(":access") for request in self.secrets("GET", "/requests"))

    def dataset(self, project: str, dataset: str) -> dict[str, Any]:
        """One dataset as BigQuery has it."""
        return self.gcp("GET", f"/datasets/{project}/{dataset}")
