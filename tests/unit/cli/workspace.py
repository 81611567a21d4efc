"""A specs folder and simulators, for tests of commands that read from Fivetran and Google."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.served import PLAIN

from reconciler.cli.main import main
from simulator.process import Simulators

ENVIRONMENT: Mapping[str, Any] = {
    "gcp_project": "dev-project",
    "fivetran": {
        "group": "Dev",
        "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
    },
}

#: A connection whose syncs are on time.
DONE: Mapping[str, Any] = {
    "is_historical_sync": False,
    "succeeded_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
}


def days_ago(number: int) -> str:
    """Return a time as Fivetran writes it."""
    return (datetime.now(UTC) - timedelta(days=number)).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Ran:
    """The result of a command."""

    code: int
    out: str
    err: str


class Workspace:
    """An empty account and project, and a specs folder with one environment `dev` whose group exists."""

    def __init__(self, simulators: Simulators, specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._http = httpx.Client(base_url=simulators.admin_url, timeout=30, trust_env=False, verify=PLAIN)
        self._capsys = capsys
        self.admin_url = simulators.admin_url
        self.specs = specs
        self.admin("POST", "/reset-all")
        self.group_id: str = self.admin("POST", "/groups", {"name": "Dev"})["id"]
        self.write("environment", ENVIRONMENT)

    def close(self) -> None:
        self.admin("POST", "/reset-all")
        self._http.close()

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the simulators' admin routes."""
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def connection(self, service: str, config: Mapping[str, Any], **fields: Any) -> str:
        """Create a connection in Fivetran; return its id."""
        body = {"service": service, "group_id": self.group_id, "config": dict(config), **fields}
        return self.admin("POST", "/connections", body)["id"]

    def setup_tests(self, service: str, config: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Create a connection as a client of Fivetran's API does; return the results of its setup tests."""
        body = {"service": service, "group_id": self.group_id, "config": dict(config), "run_setup_tests": True}
        key = (os.environ["FIVETRAN_APIKEY"], os.environ["FIVETRAN_APISECRET"])
        answer = self._http.post(f"{os.environ['FIVETRAN_API_URL']}/connections", json=body, auth=key)
        assert answer.is_success, answer.text
        tests: list[dict[str, Any]] = answer.json()["data"]["setup_tests"]
        return tests

    def dataset(self, name: str, **body: Any) -> None:
        """Create a dataset in BigQuery."""
        self.admin("PUT", f"/gcp/datasets/dev-project/{name}", body)

    def write(self, name: str, content: Mapping[str, Any] | str, environment: str = "dev") -> Path:
        """Write a file of an environment."""
        file = self.specs / environment / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(dict(content), sort_keys=False))
        return file

    def unit(self, schema: str = "stripe", **connector: Any) -> Path:
        """Write a unit with a Stripe connector, named like its dataset."""
        return self.write(
            schema,
            {
                "description": "Payments.",
                "owners": ["owner@example.com"],
                "connector": {"service": "stripe", "destination": {"schema": schema}, **connector},
                "dataset": {},
            },
        )

    def requests(self) -> dict[str, int]:
        """Return the number of requests to each of Fivetran's routes."""
        return self.admin("GET", "/requests/counts")

    def run(self, command: str, *arguments: str) -> Ran:
        """Run a command as a shell does."""
        usual = self.specs == Path.cwd() / "connectors"
        with pytest.raises(SystemExit) as exit_:
            main([command, *([] if usual else ["--specs", str(self.specs)]), *arguments])
        printed = self._capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return Ran(int(exit_.value.code), printed.out, printed.err)
