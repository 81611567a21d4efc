"""Every key of the schemas that changes shows in a review, or is on a list with the reason."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.certificates import authority
from tests.unit.review.previews import ENVIRONMENT, TODAY, stack, unit
from tests.unit.review.quick_engine import Files, State, register, steps

from reconciler.config import Loaded
from reconciler.config.schema.schemas import SCHEMAS
from reconciler.review.consequence import Consequence
from reconciler.review.preview import read_preview
from reconciler.review.review import find_consequences

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHvHdNE055l89CYEszoYDiNwFMW/ERy3t6cvBi0+5dcj"
OWN_FILES = {"ca.pem": authority().pem, "cb.pem": authority("another").pem, "host.pub": HOST_KEY}
PASSWORD = {"env": "PASSWORD", "version": 1}

#: What a reader of a review does not need a line for.
NO_LINE = {
    "unit": {
        "expires.never": "a reason for readers of the file; that a unit stays for good has a line",
        "retire": "its keys have lines",
        "connector": "its keys have lines",
        "connector.config": "its keys have lines",
        "connector.auth": "as `config`",
        "connector.destination": "a change is rejected unless `allow_resync` names it",
        "connector.destination.schema": "a change is rejected unless `allow_resync` names it",
        "connector.destination.table": "a change is rejected unless `allow_resync` names it",
        "connector.destination.table_group_name": "a change is rejected unless `allow_resync` names it",
        "connector.destination.schema_prefix": "a change is rejected unless `allow_resync` names it",
        "connector.service": "a change is rejected unless `allow_resync` names it",
        "connector.destination_schema_names": "a change is rejected",
        "connector.adopt": "without effect once the connection is in state; the adoption itself has a line",
        "connector.adopt.connection": "as `adopt`",
        "connector.adopt.apply_changes": "as `adopt`",
        "connector.allow_resync": "without effect until such a change; the replacement has a line",
        **{
            f"connector.allow_resync.{key}": "as `allow_resync`"
            for key in (
                *("ticket", "schema", "service", "group", "config", "retire", "retire.data", "retire.ticket"),
                *(f"{each}.{side}" for each in ("schema", "service", "group", "config.*") for side in ("from", "to")),
                "config.*",
            )
        },
        "formerly": "test_renamed_unit_is_shown_with_both_names",
        "connector.package": "test_consequences.py has its line: a ZIP file is needed",
        "dataset": "its keys have lines",
        "dataset.id": "another id is another dataset: one is deleted, one is created",
        "dataset.location": "a change is rejected",
        "dataset.access[]": "its keys have lines",
        "dataset.access[].condition": "its keys have lines",
        "dataset.adopt": "without effect once the dataset is in state; the adoption itself has a line",
        "dataset.adopt.apply_changes": "as `adopt`",
        "dataset.adopt.revokes": "as `adopt`",
        "dataset.adopt.revokes[]": "as `adopt`",
    },
    "environment": {
        "gcp_project": "a change is rejected",
        "fivetran": "its keys have lines",
        "fivetran.formerly": "without effect until the group's name changes, which has a line",
        "fivetran.destination": "its keys have lines",
        "fivetran.destination.location": "a change is rejected",
        "fivetran.destination.region": "a change is rejected",
        "fivetran.group": "a renamed group has a line in test_consequences.py; another group is rejected",
        "labels": "its keys have lines",
        "ignore": "its keys have lines",
        "bigquery_etl": "its keys have lines",
        "policy": "its keys have lines",
        "policy.people": "its keys have lines",
        "policy.delete_guard": "its keys have lines",
    },
}


@dataclass(frozen=True)
class Case:
    """A unit before and after a change, made of its name, and what its review has to say."""

    keys: str
    """The keys of the schema that it changes, with spaces between them."""
    before: Callable[[str], Mapping[str, Any]]
    after: Callable[[str], Mapping[str, Any]]
    severity: str
    words: str
    """What the text has, as a regular expression."""


def _connector(**more: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda name: unit(name, connector=more)


def _dataset(**more: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda name: unit(name, dataset=more)


def _unit(**more: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda name: unit(name, **more)


def _alone(**more: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda _: {"description": "x", "owners": ["a@example.com"], "dataset": more}


def _postgres(config: Mapping[str, Any] | None = None, **more: Any) -> Callable[[str], Mapping[str, Any]]:
    sent = {"host": "a.example.com", "port": 5432, "database": "d", "user": "u", "password": PASSWORD, **(config or {})}
    connector: dict[str, Any] = {"service": "postgres", "config": {**sent, "update_method": "QUERY_BASED"}, **more}
    return lambda name: {
        "description": "x",
        "owners": ["a@example.com"],
        "connector": {**connector, "destination": {"schema_prefix": name}},
        "datasets": {"public": {}},
    }


def _key(**reference: Any) -> Callable[[str], Mapping[str, Any]]:
    return _connector(config={"api_key": reference})


def _airtable(variable: str) -> Callable[[str], Mapping[str, Any]]:
    access = {key: {"env": variable, "version": 1} for key in ("client_id", "client_secret")}
    connector: dict[str, Any] = {"service": "airtable", "config": {}, "auth": {"client_access": access}}
    return lambda name: {**_postgres()(name), "connector": {**connector, "destination": {"schema_prefix": name}}}


def _function(**more: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda name: unit(
        name,
        connector={
            "service": "google_cloud_function",
            "function": {"name": name, "region": "us-central1", **more},
            "config": {},
        },
    )


def _sync(
    tables: Mapping[str, Any] | None = None, new: str = "block_all", **more: Any
) -> Callable[[str], Mapping[str, Any]]:
    schemas = {"schemas": {"stripe": {"tables": tables}}} if tables else {}
    return _connector(sync={"new": new, **schemas, **more})


def _prefix(**datasets: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda name: {**_postgres()(name), "datasets": {"public": {}, **datasets}}


READER = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"]}
LIMITED = {**READER, "ticket": "T-1", "until": "2027-01-01"}
UNDER: dict[str, Any] = {**READER, "condition": {"title": "a", "expression": "1", "description": "x"}}

UNITS = (
    Case("description", _unit(), _unit(description="Other."), "detail", "changes description of the dataset"),
    Case(
        "owners owners[]", _unit(), _unit(owners=["b@example.com"]), "note", "changes the owners of .* to b@example.com"
    ),
    Case(
        "expires", _unit(), _unit(expires="2027-01-01"), "stop", "removes the connection .* with its data on 2027-01-09"
    ),
    Case("expires", _unit(expires="2027-01-01"), _unit(expires={"never": "x"}), "note", "no longer removes"),
    Case("retire.ticket", _unit(), _unit(retire={"ticket": "T-1"}), "stop", r"retires .* \(T-1\): its connection is"),
    Case("retire.ticket", _unit(retire={"ticket": "T"}), _unit(retire={"ticket": "T-2"}), "detail", "reason: .*T-2"),
    Case("retire", _unit(retire={"ticket": "T"}), _unit(), "note", "no longer retires"),
    Case(
        "retire.data",
        _unit(retire={"ticket": "T"}),
        _unit(retire={"ticket": "T", "data": "delete"}),
        "stop",
        "deletes the data of the dataset .* instead of keeping it",
    ),
    Case(
        "retire.data",
        _unit(retire={"ticket": "T", "data": "delete"}),
        _unit(retire={"ticket": "T"}),
        "note",
        "keeps the data of the dataset",
    ),
    Case("dataset.friendly_name", _dataset(), _dataset(friendly_name="x"), "detail", "changes friendly_name of"),
    Case("dataset.description", _dataset(), _dataset(description="x"), "detail", "changes description of"),
    Case("dataset.labels dataset.labels.*", _dataset(), _dataset(labels={"a": "b"}), "detail", "changes label a of"),
    Case("dataset.default_access", _dataset(), _dataset(default_access=False), "note", "revokes .* from group:g@"),
    Case("dataset.sensitive", _dataset(), _dataset(sensitive=True), "note", "treats dataset .* as sensitive"),
    Case("dataset.sensitive", _dataset(sensitive=True), _dataset(), "stop", "no longer treats .* as sensitive"),
    Case(
        "dataset.access dataset.access[].role dataset.access[].members dataset.access[].members[]",
        _dataset(),
        _dataset(access=[READER]),
        "stop",
        "grants roles/bigquery.dataViewer .* to user:a@example.com",
    ),
    Case(
        "dataset.access[].until",
        _dataset(access=[LIMITED]),
        _dataset(access=[{**LIMITED, "until": "2027-02-01"}]),
        "stop",
        "extends .* from 2027-01-01 to 2027-02-01",
    ),
    Case(
        "dataset.access[].ticket",
        _dataset(access=[LIMITED]),
        _dataset(access=[{**LIMITED, "ticket": "T-2"}]),
        "note",
        "now for this reason: T-2",
    ),
    *(
        Case(
            f"dataset.access[].condition.{key}",
            _dataset(access=[UNDER]),
            _dataset(access=[{**UNDER, "condition": {**UNDER["condition"], key: "2"}}]),
            "stop",
            "it applies under the condition",
        )
        for key in ("title", "expression", "description")
    ),
    Case(
        "dataset.default_table_expiration_ms",
        _alone(),
        _alone(default_table_expiration_ms=3_600_000),
        "stop",
        "deletes each new table after 1 hour",
    ),
    Case("dataset.written_by", _alone(), _alone(written_by="fivetran"), "stop", "to Fivetran's service account"),
    Case("datasets datasets.*", _prefix(), _prefix(audit={}), "note", "creates the dataset .*_audit"),
    Case("datasets", _prefix(audit={}), _prefix(), "stop", "deletes the dataset .*_audit"),
    Case("connector.paused", _connector(), _connector(paused="T-1"), "note", r"pauses the connection .* \(T-1\)"),
    Case("connector.paused", _connector(paused="T-1"), _connector(paused="T-2"), "detail", "paused, .*: T-2"),
    Case("connector.paused", _connector(paused="T-1"), _connector(), "note", "starts the connection"),
    Case(
        "connector.awaiting connector.awaiting.what connector.awaiting.until",
        _connector(),
        _connector(awaiting={"what": "a key", "until": "2026-12-15"}),
        "note",
        "does not start .*, by 2026-12-15: a key",
    ),
    Case(
        "connector.awaiting",
        _connector(awaiting={"what": "a key", "until": "2026-12-15"}),
        _connector(),
        "note",
        "no longer waits for what `awaiting` named before it starts the connection",
    ),
    Case(
        "connector.schedule connector.schedule.by connector.schedule.every",
        _connector(),
        _connector(schedule={"by": "fivetran", "every": "1h"}),
        "note",
        "every 1h, instead of every 6h",
    ),
    Case(
        "connector.schedule.daily_at",
        _connector(),
        _connector(schedule={"by": "fivetran", "daily_at": "04:00"}),
        "note",
        "daily at 04:00, instead of every 6h",
    ),
    Case(
        "connector.schedule.task_id",
        _connector(schedule={"by": "airflow", "task_id": "old"}),
        _connector(schedule={"by": "airflow", "task_id": "new"}),
        "stop",
        "removes the Airflow variable old_connector_id",
    ),
    Case("connector.sync connector.sync.new", _sync(), _sync(new="allow_all"), "stop", "`sync.new` .* to allow_all"),
    Case("connector.sync", _sync(), _connector(), "stop", "no longer declares"),
    Case(
        "connector.sync.others", _sync(new="allow_all"), _sync(new="allow_all", others="reset"), "stop", "keep to reset"
    ),
    Case(
        " ".join(f"connector.sync.schemas{each}" for each in ("", ".*", ".*.tables", ".*.tables.*")),
        _sync({"charge": "excluded"}),
        _sync({"charge": "included"}),
        "stop",
        "changes the table `.*.charge` .* from excluded to included",
    ),
    Case(
        "connector.sync.schemas.*.tables.*.columns connector.sync.schemas.*.tables.*.columns.*",
        _sync({"charge": {"columns": {"email": "hashed"}}}),
        _sync({"charge": {"columns": {"email": "included"}}}),
        "stop",
        "the column `email` .* from hashed to included",
    ),
    Case(
        "connector.sync.schemas.*.tables.*.mode",
        _sync({"charge": {"mode": "soft_delete"}}),
        _sync({"charge": {"mode": "history"}}),
        "note",
        "the mode of the table .* from soft_delete to history",
    ),
    *(
        Case(f"connector.{key}", _connector(), _connector(**{key: value}), "note", f"changes `{key}` of the connection")
        for key, value in (("data_delay_sensitivity", "LOW"), ("pause_after_trial", True))
    ),
    Case(
        "connector.data_delay_threshold",
        _connector(data_delay_sensitivity="CUSTOM", data_delay_threshold=60),
        _connector(data_delay_sensitivity="CUSTOM", data_delay_threshold=90),
        "note",
        "changes `data_delay_threshold` of the connection",
    ),
    *(
        Case(
            " ".join(f"connector.{key}" for key in more),
            _postgres(),
            _postgres(**more),
            "stop",
            f"changes .*`{next(iter(more))}`.*Rows of another source",
        )
        for more in (
            {"networking_method": "ProxyAgent", "proxy_agent_id": "a"},
            {"private_link_id": "a", "networking_method": "PrivateLink"},
            {"hybrid_deployment_agent_id": "a"},
            {"external_secrets_manager_id": "a", "external_secrets_keys_config": {"password": "x"}},
        )
    ),
    Case(
        "connector.external_secrets_keys_config.*",
        _postgres(),
        _postgres(external_secrets_manager_id="a", external_secrets_keys_config={"password": "x"}),
        "stop",
        "`external_secrets_keys_config`",
    ),
    Case(
        "connector.config.*", _postgres(), _postgres({"host": "b.example.com"}), "stop", "`config.host`.*another source"
    ),
    Case("connector.config.*", _postgres(), _postgres({"port": 5433}), "stop", "`config.port`.*another source"),
    Case(
        "connector.auth.*",
        _airtable("KEY"),
        _airtable("OTHER"),
        "stop",
        "OTHER as `auth.client_access.client_id` .* account",
    ),
    Case(
        "value.version", _key(env="KEY", version=1), _key(env="KEY", version=2), "note", "sends version 2 .* version 1"
    ),
    Case("value.env", _key(env="KEY", version=1), _key(env="OTHER", version=1), "stop", "OTHER .* another account"),
    Case(
        "value.secret value.project",
        _key(secret="key", version=1),
        _key(secret="key", version=1, project="other-project"),
        "stop",
        "in project other-project .* another account",
    ),
    Case(
        "value.pulumi_config",
        _key(pulumi_config="a", version=1),
        _key(pulumi_config="b", version=1),
        "stop",
        "the stack's config key b .* another account",
    ),
    Case(
        "value.exact",
        _key(env="KEY", version=1),
        _key(env="KEY", version=1, exact=True),
        "note",
        "byte by byte",
    ),
    Case(
        "value.held_by", _key(env="KEY", version=1), _key(held_by="fivetran"), "note", "the value that Fivetran keeps"
    ),
    *(
        Case(f"connector.trust connector.trust.{keys}", _postgres(trust=old), _postgres(trust=new), severity, words)
        for keys, old, new, severity, words in (
            (
                "certificates connector.trust.certificates[] connector.trust.certificates[].file",
                {"certificates": [{"file": "ca.pem"}]},
                {"certificates": [{"file": "ca.pem"}, {"file": "cb.pem"}]},
                "stop",
                "trusts another certificate .* CN=another",
            ),
            (
                "certificates[].pem",
                {"certificates": [{"pem": OWN_FILES["ca.pem"]}]},
                {"certificates": [{"pem": OWN_FILES["cb.pem"]}]},
                "note",
                "no longer trusts a certificate .* CN=Example CA",
            ),
            (
                "certificates[].hash",
                {"certificates": [{"file": "ca.pem"}]},
                {"certificates": [{"hash": "r+u4QL4MGvZeY+DL15zONWVL9g9OB2JUu6k16WNtU/c="}]},
                "stop",
                r"trusts another certificate .* r\+u4QL4M",
            ),
            (
                "certificates",
                {"certificates": [{"file": "ca.pem"}]},
                {"certificates": "any"},
                "stop",
                "trusts any cert",
            ),
            (
                "fingerprints connector.trust.fingerprints[] connector.trust.fingerprints[].file",
                {"certificates": [{"file": "ca.pem"}]},
                {"certificates": [{"file": "ca.pem"}], "fingerprints": [{"file": "host.pub"}]},
                "stop",
                "trusts another host key",
            ),
            (
                "fingerprints[].key connector.trust.fingerprints[].hash",
                {"certificates": [{"file": "ca.pem"}]},
                {
                    "certificates": [{"file": "ca.pem"}],
                    "fingerprints": [{"key": HOST_KEY, "hash": "r+u4QL4MGvZeY+DL15zONWVL9g9OB2JUu6k16WNtU/c="}],
                },
                "stop",
                r"trusts another host key .* r\+u4QL4M",
            ),
        )
    ),
    *(
        Case(f"connector.function.{key}", _function(), _function(**{key: value}), "stop", "lets Fivetran call")
        for key, value in (("region", "us-east1"), ("project", "other-project"), ("generation", 2))
    ),
    Case(
        "connector.function.name connector.function",
        _function(),
        _function(name="other"),
        "stop",
        "call the function other",
    ),
)


MEMBERS = ["user:a@example.com", "group:a@example.com", "group:g@example.com", "group:c@example.com", "workgroup:x"]
CONDITION = {"title": "t", "expression": "1", "description": "d"}
BEFORE: Mapping[str, Any] = {
    "gcp_project": "dev-project",
    "secrets_project": "secrets-a",
    "fivetran": {
        "group": "Group_Dev",
        "destination": {
            "location": "US",
            "region": "GCP_US_EAST4",
            "time_zone_offset": "0",
            "networking_method": "PrivateLink",
            "proxy_agent_id": "a",
            "private_link_id": "a",
            "hybrid_deployment_agent_id": "a",
            "external_secrets_manager_id": "a",
            "daylight_saving_time_enabled": True,
            "bucket": "bucket-a",
            "support_json_type": True,
        },
        "access": [{"role": "View Destination", "members": ["user:a@example.com"]}],
    },
    "workgroups": "a-{workgroup}@example.com",
    "automation": [{"role": "roles/bigquery.dataOwner", "members": ["serviceAccount:a@x.iam.gserviceaccount.com"]}],
    "default_access": [{"role": "roles/bigquery.dataViewer", "members": ["group:g@example.com", "workgroup:x"]}],
    "project_access": [
        {"role": "roles/bigquery.jobUser", "members": ["group:a@example.com"]},
        {"role": "roles/bigquery.jobUser", "members": ["group:c@example.com"], "condition": CONDITION},
    ],
    "labels": {"default": {"a": "1"}, "required": ["a"]},
    "ignore": {"services": ["a"], "schemas": ["a"]},
    "bigquery_etl": {
        "projects": ["a"],
        "dags_by_hand": [{"task_id": "a", "where": "a"}],
        "tasks_elsewhere": [{"task_id": "a", "where": "a"}],
        "reads_elsewhere": [{"queries": "a", "datasets": "a.a", "reason": "a"}],
    },
    "stacks": [],
    "policy": {
        "expiry": {"required": True, "longest": "90d", "warn": "14d", "grace": "7d"},
        "people": {"need": ["ticket", "until"], "longest": "14d", "warn": "7d", "standing": MEMBERS},
        "removal": "retire",
        "public_access": "forbidden",
        "undeclared_datasets": "forbidden",
        "undeclared_fivetran_access": "revoked",
        "delete_guard": {"share": "10%", "at_least": 1},
        "secret_versions": "pinned",
        "pulumi_config": "forbidden",
        "trust": "declared",
    },
}

_Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Setting:
    """A change of `environment.yaml`, and what its review has to say in both directions."""

    path: _Path
    value: Any
    severity: str
    words: str
    back: tuple[str, str] = ("", "")
    """The class and the words where the value before comes back."""
    keys: str = ""
    """The keys of the schema that it changes, if the path alone does not say so."""


_DESTINATION: _Path = ("fivetran", "destination")
_ETL = ("detail", "check-etl.*`bigquery_etl.{}`")
SETTINGS = (
    Setting(
        ("secrets_project",),
        "secrets-b",
        "stop",
        "reads secrets from secrets-b",
        ("stop", "reads secrets from secrets-a"),
    ),
    Setting((*_DESTINATION, "bucket"), "bucket-b", "stop", "any reader of the new bucket"),
    *(
        Setting((*_DESTINATION, key), value, severity, f"changes `{key}` of the destination")
        for key, value, severity in (
            ("networking_method", "ProxyAgent", "stop"),
            ("proxy_agent_id", "b", "stop"),
            ("private_link_id", "b", "stop"),
            ("hybrid_deployment_agent_id", "b", "stop"),
            ("external_secrets_manager_id", "b", "stop"),
            ("time_zone_offset", "+1", "note"),
            ("daylight_saving_time_enabled", False, "note"),
            ("support_json_type", False, "note"),
        )
    ),
    Setting(
        ("fivetran", "access", 0, "role"),
        "Edit Destination",
        "stop",
        "from View Destination to Edit Destination",
        keys="fivetran.access fivetran.access[] fivetran.access[].role",
    ),
    Setting(
        ("fivetran", "access"),
        [
            {
                "role": "View Destination",
                "members": ["user:a@example.com", "team:B"],
                "until": "2026-12-12",
                "ticket": "T",
            }
        ],
        "stop",
        r"to team:B until 2026-12-12 \(T\)",
        keys="fivetran.access[].members fivetran.access[].members[] fivetran.access[].until fivetran.access[].ticket",
    ),
    Setting(
        ("fivetran", "quota_left"),
        25,
        "note",
        "leaves 25 % .* instead of the usual share",
        ("note", "the usual share .* 25 %"),
    ),
    Setting(("workgroups",), "b-{workgroup}@example.com", "stop", "members as b-{workgroup}@"),
    Setting(
        ("automation", 0, "members"),
        ["serviceAccount:a@x.iam.gserviceaccount.com", "serviceAccount:b@x.iam.gserviceaccount.com"],
        "stop",
        "grants roles/bigquery.dataOwner to serviceAccount:b@.* on every dataset",
        ("note", "no longer grants .* on (every dataset|the datasets)"),
        "automation automation[] automation[].members automation[].members[]",
    ),
    Setting(
        ("automation", 0, "role"),
        "roles/bigquery.dataEditor",
        "stop",
        "grants roles/bigquery.dataEditor .* on every dataset",
        keys="automation[].role",
    ),
    Setting(
        ("default_access", 0, "members"),
        ["group:g@example.com", "workgroup:x", "group:a@example.com"],
        "stop",
        "grants .* to group:a@.* on every dataset, present and future, that is not sensitive",
        ("note", "no longer grants .* on (every dataset|the datasets)"),
        "default_access default_access[] default_access[].members default_access[].members[]",
    ),
    Setting(
        ("default_access", 0, "role"),
        "roles/bigquery.dataEditor",
        "stop",
        "grants roles/bigquery.dataEditor .* on every dataset, present and future, that is not sensitive",
        keys="default_access[].role",
    ),
    Setting(
        ("project_access", 0),
        {"role": "roles/bigquery.user", "members": ["group:a@example.com"]},
        "stop",
        "grants roles/bigquery.user on project dev-project",
        keys=" ".join(f"project_access{each}" for each in ("", "[]", "[].role", "[].members", "[].members[]")),
    ),
    *(
        Setting(
            ("project_access", 1, "condition", key),
            "2",
            "stop",
            "grants roles/bigquery.jobUser on project dev-project to group:c@",
            keys=f"project_access[].condition project_access[].condition.{key}",
        )
        for key in ("title", "expression", "description")
    ),
    Setting(
        ("labels", "default", "a"),
        "2",
        "detail",
        "labels every dataset, .* with a=2",
        keys="labels.default labels.default.*",
    ),
    Setting(
        ("labels", "required"),
        [],
        "note",
        "no longer requires the label `a`",
        ("note", "requires the label `a`"),
        "labels.required labels.required[]",
    ),
    Setting(
        ("ignore", "services"),
        ["a", "b"],
        "note",
        "no longer reports undeclared connections of the service b",
        ("note", "^reports undeclared connections of the service b"),
        "ignore.services ignore.services[]",
    ),
    Setting(
        ("ignore", "schemas"),
        ["a", "b"],
        "stop",
        "lets datasets named b exist without a file",
        ("note", "^reports undeclared datasets and connections named b"),
        "ignore.schemas ignore.schemas[]",
    ),
    *(
        Setting(
            ("bigquery_etl", key),
            value,
            "detail",
            f"`bigquery_etl.{key}`",
            keys=" ".join(f"bigquery_etl.{key}{each}" for each in ("", "[]", *(f"[].{each}" for each in keys))),
        )
        for key, value, keys in (
            ("projects", ["b"], ()),
            ("dags_by_hand", [{"task_id": "b", "where": "b"}], ("task_id", "where")),
            ("tasks_elsewhere", [{"task_id": "b", "where": "b"}], ("task_id", "where")),
            (
                "reads_elsewhere",
                [{"queries": "b", "datasets": "a.a", "reason": "b"}],
                ("queries", "datasets", "reason"),
            ),
        )
    ),
    Setting(
        ("stacks",),
        ["crm"],
        "note",
        "a stack of their own, dev.crm",
        ("note", "ends the stack dev.crm"),
        "stacks stacks[]",
    ),
    Setting(
        ("policy", "expiry"),
        "forbidden",
        "note",
        "no longer lets any file set `expires`",
        ("stop", "lets files set `exp"),
    ),
    Setting(
        ("policy", "expiry", "required"),
        False,
        "stop",
        "no longer requires .* a last day",
        ("note", "requires that every"),
    ),
    Setting(
        ("policy", "expiry", "longest"),
        "99d",
        "stop",
        "up to 99 days ahead, instead of 90 days",
        ("note", "instead of 99 days"),
    ),
    Setting(("policy", "expiry", "warn"), "1d", "note", "warns 1 day before .*, instead of 14 days"),
    Setting(
        ("policy", "expiry", "grace"),
        "3d",
        "stop",
        "3 days after its last day, instead of 7",
        ("note", "instead of 3 days"),
    ),
    Setting(
        ("policy", "people", "need"),
        ["until"],
        "stop",
        "no longer requires `ticket`",
        ("note", "^requires `ticket`"),
        "policy.people.need policy.people.need[]",
    ),
    Setting(
        ("policy", "people", "longest"),
        "30d",
        "stop",
        "last up to 30 days, instead of 14 days",
        ("note", "instead of 30 days"),
    ),
    Setting(("policy", "people", "warn"), "1d", "note", "warns 1 day before .*, instead of 7 days"),
    Setting(
        ("policy", "people", "standing"),
        [*MEMBERS, "user:z@example.com"],
        "stop",
        "^lets files give user:z@example.com permanent access",
        ("note", "no longer lets files give user:z@"),
        "policy.people.standing policy.people.standing[]",
    ),
    Setting(("policy", "removal"), "file", "stop", "without `retire` first", ("note", "requires `retire`")),
    Setting(
        ("policy", "public_access"), "allowed", "stop", "lets files give access to the public", ("note", "no longer")
    ),
    Setting(
        ("policy", "undeclared_datasets"), "allowed", "stop", "without an access list", ("note", "fails runs while")
    ),
    Setting(
        ("policy", "undeclared_fivetran_access"),
        "reported",
        "stop",
        "no longer revokes roles in the Fivetran group",
        ("stop", "revokes the roles in the Fivetran group"),
    ),
    Setting(
        ("policy", "delete_guard", "share"),
        "20%",
        "stop",
        "remove 20 % .*, instead of 10 %",
        ("note", "instead of 20 %"),
    ),
    Setting(
        ("policy", "delete_guard", "at_least"),
        5,
        "stop",
        "remove 5 connections .*, instead of 1",
        ("note", "instead of 5"),
    ),
    Setting(
        ("policy", "secret_versions"),
        "latest",
        "stop",
        "the latest version of a secret",
        ("note", "requires a version"),
    ),
    Setting(
        ("policy", "pulumi_config"), "allowed", "stop", "which previews can decrypt", ("note", "no longer lets files")
    ),
    Setting(("policy", "trust"), "any", "stop", "trust any certificate", ("note", "requires that files declare")),
)


def _put(node: Any, path: _Path, value: Any) -> Any:
    """Return a tree with another value at a path."""
    changed = copy.deepcopy(node)
    *above, last = path
    at = changed
    for step in above:
        at = at[step]
    at[last] = value
    return changed


#: What was registered for files, by the folder and what the files say: many reviews are of the same ones.
_REGISTERED: dict[tuple[Path, str], tuple[Loaded, State]] = {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A specs folder for all reviews, with the files that specs name."""
    folder = tmp_path_factory.mktemp("specs")
    (folder / "dev").mkdir()
    for name, content in OWN_FILES.items():
        (folder / "dev" / name).write_text(content)
    return folder


def registered(files: Files) -> tuple[Loaded, State]:
    """Return what files mean, and what the program registers for them."""
    key = files.folder, json.dumps([files.units, files.environment], default=repr)
    if key not in _REGISTERED:
        loaded = files.load()
        assert not loaded.problems, [str(each) for each in loaded.problems]
        _REGISTERED[key] = loaded, register(loaded).state
    return _REGISTERED[key]


def review_of(before: Files, after: Files) -> list[Consequence]:
    """Return the full review of a change, with the outputs of the run before."""
    was, state = registered(before)
    units = was.fleet("dev").units
    owners = {each.name: {"owners": list(each.owners)} for each in units}
    tasks = [getattr(each.connector.schedule, "task_id", None) for each in units if each.connector]
    variables = {f"{task}_connector_id": "an_id" for task in tasks if task}
    now, later = registered(after)
    listed = [stack(units=owners, airflow_variables=variables), *steps(state, later, now)]
    return find_consequences(read_preview(json.dumps({"steps": listed}), "preview", "dev"), now, "dev", TODAY, {})


def _keys(schema: str) -> Iterator[str]:
    """Yield each key of a schema with its path; `[]` stands for an item, `*` for a key that a user chooses."""
    document = json.loads((SCHEMAS / f"{schema}.schema.json").read_text())
    definitions = document["$defs"]

    def walk(node: Mapping[str, Any], above: str) -> Iterator[str]:
        name = node.get("$ref", "").removeprefix("#/$defs/")
        if name == "value":
            return
        parts = [node, definitions[name]] if name else [node]
        for part in parts:
            for key, below in part.get("properties", {}).items():
                path = f"{above}.{key}".lstrip(".")
                yield path
                yield from walk(below, path)
            chosen = [*part.get("patternProperties", {}).values(), part.get("additionalProperties")]
            for below in chosen:
                if isinstance(below, dict):
                    yield f"{above}.*"
                    # What `datasets` has is the same as in `dataset`.
                    yield from walk(below, f"{above}.*") if above != "datasets" else ()
            if isinstance(part.get("items"), dict):
                yield f"{above}[]"
                yield from walk(part["items"], f"{above}[]")

    yield from walk(document, "")
    yield from (f"value.{key}" for key in definitions.get("value", {}).get("properties", {}))


def _named(setting: Setting) -> list[str]:
    return setting.keys.split() or [".".join(map(str, setting.path))]


@pytest.mark.parametrize(
    ("schema", "covered"),
    [
        ("unit.base", {key for case in UNITS for key in case.keys.split()} | set(NO_LINE["unit"])),
        ("environment", {key for each in SETTINGS for key in _named(each)} | set(NO_LINE["environment"])),
    ],
    ids=["unit", "environment"],
)
def test_each_key_of_a_schema_has_a_line_in_a_review_or_a_reason(schema: str, covered: set[str]):
    keys = set(_keys(schema))
    assert keys - covered == set(), "write a case, and the consequence that a reader needs"
    assert covered - keys == set(), "no schema has these keys"


def test_each_changed_key_of_a_unit_has_a_line_in_its_review(folder: Path):
    cases = {f"k{number}": case for number, case in enumerate(UNITS)}
    environment = {
        **ENVIRONMENT,
        "default_access": [{"role": "roles/bigquery.dataViewer", "members": ["group:g@example.com"]}],
        "policy": {"trust": "any"},
    }
    before = Files(folder, {name: case.before(name) for name, case in cases.items()}, environment)
    after = Files(folder, {name: case.after(name) for name, case in cases.items()}, environment)
    found = review_of(before, after)
    for name, case in cases.items():
        lines = [each for each in found if each.unit == name or each.place.startswith(f"dev/{name}.yaml")]
        fitting = [each for each in lines if each.severity == case.severity and re.search(case.words, each.text)]
        assert fitting, (case.keys, case.words, [(each.severity, each.text) for each in lines])
        assert all(re.match(r"dev/k\d+\.yaml:\d+:\d+$", each.place) for each in fitting)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: " ".join(_named(setting)))
def test_changed_key_of_an_environment_has_a_line(folder: Path, setting: Setting):
    units = {"shop": unit(dataset={"labels": {"a": "1"}}, expires="2027-01-05")}
    units["shop"]["connector"]["config"] = {"api_key": {"secret": "key", "version": 1}}
    if setting.value == "forbidden":
        del units["shop"]["expires"]
    before = Files(folder, units, _without_conflict(BEFORE, setting))
    after = Files(folder, units, _put(before.environment, setting.path, setting.value))
    there = review_of(before, after)
    _assert_line(there, setting.severity, setting.words)
    if setting.back[1]:
        back = review_of(after, before)
        _assert_line(back, *setting.back)


def _without_conflict(environment: Mapping[str, Any], setting: Setting) -> Mapping[str, Any]:
    """Return the environment before a change, where a rule of it would reject its files."""
    if setting.value != "forbidden":
        return environment
    return _put(environment, ("policy", "expiry"), {"required": False})


def _assert_line(found: list[Consequence], severity: str, words: str) -> None:
    fitting = [each for each in found if each.severity == severity and re.search(words, each.text)]
    assert fitting, (words, [(each.severity, each.text) for each in found])
    assert any(re.match(r"dev/environment\.yaml:\d+:\d+$", each.place) for each in fitting)


def test_renamed_unit_is_shown_with_both_names(folder: Path):
    before, after = Files(folder, {"shop": unit()}), Files(folder, {"store": unit(formerly="shop")})
    [line] = review_of(before, after)
    assert (line.severity, line.text) == (
        "note",
        "renames the unit shop to store: its connection, its datasets and their data stay",
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"# A comment.\n{text}",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: yaml.safe_dump(yaml.safe_load(text), sort_keys=True),
        lambda text: text.replace("- a@example.com\n- b@example.com", "- b@example.com\n- a@example.com"),
    ],
    ids=["comment", "line ends", "order of keys", "order of owners"],
)
def test_change_of_the_text_alone_has_no_line(folder: Path, change: Callable[[str], str]):
    text = yaml.safe_dump(unit(owners=["a@example.com", "b@example.com"]), sort_keys=False)
    assert change(text) != text
    files = [Files(folder, {"shop": each}) for each in (text, change(text))]
    assert review_of(*files) == []
