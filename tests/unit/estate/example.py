"""An estate of any size, with everything that the page shows. The same number gives the same estate."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from reconciler.config import load
from reconciler.estate.access import LiveAccess, list_grants
from reconciler.estate.units import Attention, Coverage, Estate, build_rows, find_endings
from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.access import declared_entries
from reconciler.google.iam.policies import Binding, PolicyHolder
from reconciler.health.last_run import Recorded
from reconciler.health.unit_status import UnitStatus, unit_status
from reconciler.model import Fleet, Unit

DAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 30, 4, 52, tzinfo=UTC)

_SERVICES = (
    *("postgres", "stripe", "google_ads", "jira", "zoom", "github", "greenhouse", "hubspot", "salesforce", "mysql"),
    *("google_search_console", "zendesk", "intercom", "shopify", "mailchimp", "asana", "linkedin_ads", "facebook_ads"),
    *("bing_ads", "pinterest_ads", "sendgrid", "braze", "iterable", "okta", "pagerduty", "xero", "quickbooks"),
    *("square", "recurly", "klaviyo", "marketo", "netsuite_suiteanalytics", "oracle", "sql_server", "mongo"),
)
_TEAMS = ("finance", "growth", "people", "support", "web", "mobile", "security", "search")


def environment(name: str) -> dict[str, Any]:
    """Return the content of an environment's file."""
    project = f"{name}-fivetran"
    found: dict[str, Any] = {
        "gcp_project": project,
        "fivetran": {
            "group": f"Fivetran_{name.capitalize()}",
            "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
        },
        "workgroups": "wg-{workgroup}--{subgroup}@example.com",
        "automation": [
            {
                "role": "roles/bigquery.dataOwner",
                "members": [f"serviceAccount:reconciler@{project}.iam.gserviceaccount.com"],
            }
        ],
    }
    if name == "dev":
        found["default_access"] = [
            {"role": "roles/bigquery.dataEditor", "members": ["workgroup:dataplatform/developers"]}
        ]
    return found


def unit(chance: random.Random, number: int, name: str) -> dict[str, Any]:
    """Return the content of a unit's file."""
    service = _SERVICES[min(int(chance.expovariate(0.14)), len(_SERVICES) - 1)]
    team = chance.choice(_TEAMS)
    described = catalog.find(service)
    by_prefix = described is not None and described.form is catalog.Form.PREFIX
    target = {"schema_prefix" if by_prefix else "schema": f"{service}_{number}"}
    dataset: dict[str, Any] = {}
    if chance.random() < 0.3:
        dataset["sensitive"] = True
    access = [{"role": "roles/bigquery.dataViewer", "members": [f"workgroup:{team}/data-viewers"]}]
    if chance.random() < 0.25:
        until = DAY + timedelta(days=chance.randrange(1, 60))
        member = f"user:analyst{chance.randrange(40)}@example.com"
        ticket = f"DENG-{chance.randrange(1000, 9999)}"
        access.append({"role": "roles/bigquery.dataViewer", "members": [member], "ticket": ticket, "until": str(until)})
    dataset["access"] = access
    connector: dict[str, Any] = {"service": service, "destination": target}
    if chance.random() < 0.35:
        connector["schedule"] = {"by": "airflow", "task_id": f"fivetran_{service}_{number}"}
    else:
        every = chance.choice(["15m", "1h", "3h", "6h", "24h"])
        when = {"every": every} if every != "24h" else {"daily_at": f"{chance.randrange(24):02}:00"}
        connector["schedule"] = {"by": "fivetran", **when}
    if chance.random() < 0.04:
        connector["paused"] = "the vendor moves its API"
    found = {
        "description": f"{service.replace('_', ' ').capitalize()} of the {team} team, for their weekly report.",
        "owners": [f"{team}-data@example.com"],
        "connector": connector,
        **({"datasets": {"public": dataset}} if by_prefix else {"dataset": dataset}),
    }
    if name == "dev" and chance.random() < 0.8:
        found["expires"] = str(DAY + timedelta(days=chance.randrange(-5, 90)))
    return found


def example_estate(units: int, hostile: str = "") -> Estate:
    """Return an estate of dev and prod with this many units.

    Args:
        units: How many.
        hostile: A text that stands wherever other people may write one.
    """
    chance = random.Random(units)  # noqa: S311 (no secret)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        specs = folder / "connectors"
        for environment_name in ("dev", "prod"):
            (specs / environment_name).mkdir(parents=True)
            _write(specs / environment_name / "environment.yaml", environment(environment_name))
        for number in range(units):
            where = "dev" if chance.random() < 0.4 else "prod"
            content = unit(chance, number, where)
            if hostile:
                content["description"] = hostile
            _write(specs / where / f"{content['connector']['service']}_{number}.yaml", content)
        loaded = load(specs, folder, DAY)
        assert loaded.problems == (), loaded.problems[:3]
        fleets = [loaded.fleet(name) for name in ("dev", "prod")]
        rows, attention = [], []
        for fleet in fleets:
            statuses = {each.name: _status(chance, each, hostile) for each in fleet.units if each.connector is not None}
            grants = list_grants([fleet], loaded.places, DAY, _live(fleet))
            rows += list(build_rows(fleet, DAY, grants, statuses))
            attention += [_attention(fleet, each, statuses[each.name]) for each in fleet.units]
        endings = [each for fleet in fleets for each in find_endings(fleet, DAY)]
    return Estate(
        day=DAY,
        made_at="2026-11-30 04:52 UTC",
        rows=tuple(rows),
        attention=tuple(each for found in attention for each in found),
        readings=tuple(_reading(fleet, hostile) for fleet in fleets),
        endings=tuple(sorted(endings, key=lambda each: (each.day, each.environment, each.unit, each.text))),
        trials=frozenset({"dev"}),
        source="https://github.com/example/data/blob/0123456789abcdef0123456789abcdef01234567/",
    )


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")


def _live(fleet: Fleet) -> LiveAccess:
    lists = {
        dataset.id: [entry.as_property() for entry in declared_entries(fleet.environment, dataset)]
        for each in fleet.units
        for dataset in each.datasets
    }
    project = fleet.environment.gcp_project
    audit = Binding("roles/bigquery.dataViewer", ("group:auditors@example.com",))
    return LiveAccess(lists, (PolicyHolder(f"projects/{project}", project, (audit,)),))


def _status(chance: random.Random, unit: Unit, hostile: str) -> UnitStatus:
    assert unit.connector is not None
    broken, failed, new = chance.random() < 0.03, chance.random() < 0.04, chance.random() < 0.03
    late = chance.random() < 0.02
    paused = unit.connector.paused is not None
    live = Connection.parse(
        {
            "id": f"quick_{unit.name}",
            "group_id": "g",
            "service": unit.connector.service,
            "schema": unit.connector.destination.connection_name,
            "paused": paused or new,
            "succeeded_at": None
            if new
            else "2026-11-28T20:10:00Z"
            if late
            else f"2026-11-30T04:{40 + chance.randrange(12)}:00Z",
            "failed_at": "2026-11-30T04:52:00Z" if failed else None,
            "schedule_type": "manual" if "task_id" in str(unit.connector.schedule) else "auto",
            "status": {
                "setup_state": "broken" if broken else "incomplete" if new else "connected",
                "sync_state": "scheduled",
                "is_historical_sync": new,
            },
        }
    )
    last = Recorded("failed", (f"Validate login: FAILED: {hostile or 'password is wrong'}",)) if broken else None
    tasks = (hostile or "reconnect: Log in again",) if broken else ()
    return unit_status(unit, unit.connector, live, DAY, last, tasks=tasks, now=NOW)


def _attention(fleet: Fleet, unit: Unit, status: UnitStatus) -> list[Attention]:
    if not status.findings or unit.retire is not None:
        return []
    text = "; ".join([*status.findings, *(f"Fivetran: {task}" for task in status.tasks)])
    return [
        Attention(
            "Needs attention",
            text,
            status.next_step
            or f"look at its log: https://fivetran.com/dashboard/connections/{status.connection}/status",
            "failed",
            fleet.environment.name,
            unit.name,
            unit.file,
            unit.owners,
        )
    ]


def _reading(fleet: Fleet, hostile: str) -> Coverage:
    environment = fleet.environment
    read = (f"{len(fleet.units)} files", "Fivetran's list of connections", "the IAM policy of the project")
    gaps = (hostile or "the IAM policy of the organisation 1: Google answered 403", "who is in a group")
    return Coverage(environment.name, environment.gcp_project, environment.group, read, gaps)
