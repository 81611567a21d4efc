"""Each kind of consequence, its class, and what its fingerprint is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.review import previews
from tests.unit.review.previews import ENVIRONMENT, consequences, review, step, unit

from reconciler.lifecycle.expiry import LABEL
from reconciler.review.consequence import Consequence

ACCESS = {"dataset": "shop", "path": "dataset", "project": "dev-project"}
READER = {"role": "READER", "userByEmail": "b@example.com"}


#: How the line of a field that may name the source ends.
OTHER_SOURCE = (
    ". This can change which source is read. Rows of another source are then added to the existing rows. Fivetran "
    "does not sync the history again by itself"
)


HASHED = {"columns": {"email": "hashed"}}


def until(day: str, before: str) -> dict[str, Any]:
    expression = f'request.time < timestamp("{before}T00:00:00Z")'
    return {**READER, "condition": {"title": f"until {day}", "expression": expression}}


def found(consequences: list[Consequence]) -> list[tuple[str, str, str]]:
    return [(each.severity, each.kind, each.text) for each in consequences]


def test_access_for_longer_is_stopped_and_for_shorter_is_noted(tmp_path: Path):
    short, long = {"a": until("2027-01-01", "2027-01-02")}, {"a": until("2027-02-01", "2027-02-02")}
    steps = [step("update", "DatasetAccess", "shop", {**ACCESS, "entries": short}, {**ACCESS, "entries": long})]
    text = "extends roles/bigquery.dataViewer on dataset shop for user:b@example.com from 2027-01-01 to 2027-02-01"
    assert found(consequences(tmp_path, {"shop": unit()}, *steps)) == [("stop", "access_changed", text)]
    steps = [step("update", "DatasetAccess", "shop", {**ACCESS, "entries": long}, {**ACCESS, "entries": short})]
    assert [each.severity for each in consequences(tmp_path, {"shop": unit()}, *steps)] == ["note"]


def test_access_without_its_end_is_stopped(tmp_path: Path):
    old, new = {"a": until("2027-01-01", "2027-01-02")}, {"a": READER}
    steps = [step("update", "DatasetAccess", "shop", {**ACCESS, "entries": old}, {**ACCESS, "entries": new})]
    assert [each.severity for each in consequences(tmp_path, {"shop": unit()}, *steps)] == ["stop"]


@pytest.mark.parametrize(("sensitive", "severity"), [(False, "note"), (True, "stop")])
def test_revocation_is_stopped_only_for_sensitive_data(tmp_path: Path, sensitive: bool, severity: str):
    steps = [step("update", "DatasetAccess", "shop", {**ACCESS, "entries": {"a": READER}}, {**ACCESS, "entries": {}})]
    files = {"shop": unit(dataset={"sensitive": sensitive})}
    assert [each.severity for each in consequences(tmp_path, files, *steps)] == [severity]


def test_lapsed_grant_is_removed_without_a_review(tmp_path: Path):
    old = {**ACCESS, "entries": {"a": until("2026-11-30", "2026-12-01")}}
    steps = [step("update", "DatasetAccess", "shop", old, {**ACCESS, "entries": {}})]
    [lapsed] = consequences(tmp_path, {"shop": unit(dataset={"sensitive": True})}, *steps)
    assert (lapsed.severity, lapsed.is_scheduled) == ("note", True)
    assert lapsed.text.startswith("removes the lapsed ")


def test_pause_is_scheduled_only_by_an_expiry_or_a_retirement(tmp_path: Path):
    pause = step("update", "Activation", "shop", {"name": "shop"}, {"name": "shop", "paused": "x"})
    files = {
        "expired": unit(expires="2026-11-30"),
        "retired": unit(retire={"ticket": "T-1"}),
        "paused": unit(connector={"paused": "INC-1"}),
    }
    scheduled = {}
    for name, content in files.items():
        [found] = [each for each in consequences(tmp_path / name, {"shop": content}, pause) if "pauses" in each.text]
        scheduled[name] = found.is_scheduled
    assert scheduled == {"expired": True, "retired": True, "paused": False}


def test_dataset_that_stays_in_bigquery_is_noted(tmp_path: Path):
    steps = [step("delete", "Dataset", "shop", {"datasetId": "shop"}, retainOnDelete=True)]
    assert found(consequences(tmp_path, {}, *steps)) == [
        ("note", "dataset_released", "keeps the dataset shop with its data in BigQuery, and no longer manages it")
    ]


def test_parts_of_a_replacement_are_one_consequence(tmp_path: Path):
    inputs = {"service": "stripe", "destination": {"schema": "shop"}, "unit": "shop"}
    steps = [
        step("create-replacement", "Connection", "shop", inputs, inputs),
        step("replace", "Connection", "shop", inputs, inputs),
        step("delete-replaced", "Connection", "shop", inputs),
    ]
    text = (
        "replaces the connection shop with a new one, which syncs its whole history again "
        "(about 4 requests to Fivetran)"
    )
    assert found(consequences(tmp_path, {"shop": unit()}, *steps)) == [("stop", "connection_replaced", text)]


@pytest.mark.parametrize(
    ("old", "new", "severity", "effect"),
    [
        ("hashed", "included", "stop", "its values arrive readable from the next sync on"),
        ("excluded", "hashed", "stop", "its values arrive hashed from the next sync on"),
        ("excluded", "included", "stop", "its values arrive from the next sync on"),
        (
            "included",
            "hashed",
            "note",
            "its values arrive hashed from the next sync on, and those in BigQuery can stay readable",
        ),
        ("included", "excluded", "note", "no new values arrive, and those in BigQuery stay"),
    ],
)
def test_columns_of_which_more_arrives_are_stopped(tmp_path: Path, old: str, new: str, severity: str, effect: str):
    def inputs(word: str) -> dict[str, Any]:
        tables = {"customer": {"columns": {"email": word}}}
        return {"name": "shop", "sync": {"new": "block_all", "others": "keep", "schemas": {"shop": {"tables": tables}}}}

    steps = [step("update", "Activation", "shop", inputs(old), inputs(new))]
    text = f"changes the column `email` of `shop.customer` of the connection shop from {old} to {new}: {effect}"
    kind = "tables_widened" if severity == "stop" else "tables_narrowed"
    assert found(consequences(tmp_path, {"shop": unit()}, *steps)) == [(severity, kind, text)]


@pytest.mark.parametrize(
    ("others", "new", "severity", "fate"),
    [
        ("keep", "allow_all", "stop", "it stays so until a user changes it in Fivetran"),
        (
            "reset",
            "allow_columns",
            "stop",
            "it is included from now on, because of `others: reset` and `new: allow_columns`: its values arrive "
            "readable from the next sync on",
        ),
        (
            "reset",
            "block_all",
            "note",
            "it is excluded from now on, because of `others: reset` and `new: block_all`: no new values arrive, and "
            "those in BigQuery stay",
        ),
    ],
)
def test_column_removed_from_a_file_is_shown_with_the_effect(
    tmp_path: Path, others: str, new: str, severity: str, fate: str
):
    def inputs(columns: dict[str, str]) -> dict[str, Any]:
        tables = {"customer": {"columns": {"phone": "excluded", **columns}}}
        return {"sync": {"new": new, "others": others, "schemas": {"shop": {"tables": tables}}}}

    steps = [step("update", "Activation", "shop", inputs({"email": "hashed"}), inputs({}))]
    [changed] = consequences(tmp_path, {"shop": unit()}, *steps)
    column = "no longer declares the column `email` of `shop.customer` of the connection shop, which was hashed"
    assert (changed.severity, changed.text) == (severity, f"{column}: {fate}")


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            {"charge": "excluded"},
            {},
            [
                (
                    "note",
                    "which was excluded: it stays excluded from now on, because of `others: reset` and "
                    "`new: block_all`",
                )
            ],
        ),
        (
            {"charge": {"mode": "history", "columns": {"email": "hashed"}}},
            {},
            [
                (
                    "note",
                    "which was included, with a choice of columns: it is excluded from now on, because of "
                    "`others: reset` and `new: block_all`: no new rows arrive, and those in BigQuery stay",
                )
            ],
        ),
        (
            {"charge": {"mode": "history"}},
            {"charge": "included"},
            [
                (
                    "note",
                    "which was history: the table keeps its mode and its rows until a user changes the mode in "
                    "Fivetran",
                )
            ],
        ),
    ],
    ids=["excluded-table", "table-with-parts", "mode"],
)
def test_table_removed_from_a_file_that_resets_others_is_shown_with_the_effect(
    tmp_path: Path, old: Any, new: Any, lines: list[tuple[str, str]]
):
    both = (
        {
            "sync": {
                "new": "block_all",
                "others": "reset",
                "schemas": {"shop": {"tables": {"customer": "included", **each}}},
            }
        }
        for each in (old, new)
    )
    changed = consequences(tmp_path, {"shop": unit()}, step("update", "Activation", "shop", *both))
    assert [(each.severity, each.text.split("connection shop, ")[1]) for each in changed] == lines


def test_schema_of_which_tables_are_named_is_included(tmp_path: Path):
    both = (
        {"sync": {"new": "block_all", "schemas": {"audit": each}}}
        for each in ("excluded", {"tables": {"log": "included"}})
    )
    changed = consequences(tmp_path, {"shop": unit()}, step("update", "Activation", "shop", *both))
    text = (
        "changes the schema `audit` of the connection shop from excluded to included, with a choice of tables: its "
        "rows arrive from the next sync on"
    )
    assert ("stop", text) in [(each.severity, each.text) for each in changed]


def test_choice_of_a_column_is_shown_at_its_line(tmp_path: Path):
    def sync(word: str) -> dict[str, Any]:
        tables = {"customer": {"columns": {"phone": "hashed", "email": word}}}
        return {"new": "block_all", "schemas": {"shop": {"tables": tables}}}

    steps = [step("update", "Activation", "shop", {"sync": sync("hashed")}, {"sync": sync("excluded")})]
    [changed] = consequences(tmp_path, {"shop": unit(connector={"sync": sync("excluded")})}, *steps)
    assert changed.text.endswith("to excluded: no new values arrive, and those in BigQuery stay")
    line = int(changed.place.split(":")[1])
    assert (tmp_path / "dev" / "shop.yaml").read_text().splitlines()[line - 1].strip() == "email: excluded"


def test_column_that_is_removed_from_the_file_counts_as_included(tmp_path: Path):
    tables = {"customer": {"columns": {"email": "hashed"}}}
    old = {"name": "shop", "sync": {"new": "block_all", "schemas": {"shop": {"tables": tables}}}}
    new = {"name": "shop", "sync": {"new": "block_all"}}
    steps = [step("update", "Activation", "shop", old, new)]
    assert [each.severity for each in consequences(tmp_path, {"shop": unit()}, *steps)] == ["stop"]


def test_tables_that_no_file_selects_any_more_are_stopped(tmp_path: Path):
    def units(tables: bool) -> dict[str, Any]:
        return {"units": {"shop": {"file": "dev/shop.yaml", "connection": "shop", "tables": tables}}}

    steps = [step("update", "Preflight", "preflight", units(True), units(False))]
    [undeclared] = consequences(tmp_path, {"shop": unit()}, *steps)
    assert (undeclared.severity, undeclared.kind) == ("stop", "tables_undeclared")
    assert (
        consequences(tmp_path, {"shop": unit()}, step("update", "Preflight", "preflight", units(False), units(True)))
        == []
    )


def test_choices_of_a_replaced_connection_are_compared_in_its_new_schema(tmp_path: Path):
    def inputs(schema: str, **columns: str) -> dict[str, Any]:
        return {"sync": {"schemas": {schema: {"tables": {"customer": {"columns": columns}}}}}}

    moved = {**CONNECTION, "destination": {"schema": "shop_v2"}}
    steps = [
        step("replace", "Connection", "shop", CONNECTION, moved),
        step(
            "replace",
            "Activation",
            "shop",
            inputs("shop", email="hashed", phone="hashed"),
            inputs("shop_v2", email="hashed"),
        ),
    ]
    texts = [each.text for each in consequences(tmp_path, {"shop": unit("shop_v2")}, *steps)]
    assert texts[1:] == [
        "no longer declares the column `phone` of `shop_v2.customer` of the connection shop_v2, which was hashed: it "
        "is included from now on, because of the replacement, which keeps no choice that no file declares: its values "
        "arrive readable from the next sync on"
    ]


def database_unit() -> dict[str, Any]:
    connector = {
        "service": "postgres",
        "destination": {"schema_prefix": "app"},
        "config": {"password": {"env": "KEY", "version": 1}},
        "sync": {"new": "block_all", "schemas": {"audit": "excluded"}},
    }
    return {"description": "x", "owners": ["a@example.com"], "connector": connector, "datasets": {"public": {}}}


def test_schema_whose_dataset_is_deleted_keeps_no_rows(tmp_path: Path):
    both = ({"sync": {"new": "block_all", "schemas": {"audit": each}}} for each in ("included", "excluded"))
    steps = [
        step("delete", "Dataset", "app_audit", {"datasetId": "app_audit"}),
        step("update", "Activation", "app", *both),
    ]
    [_, narrowed] = consequences(tmp_path, {"app": database_unit()}, *steps)
    assert narrowed.text.endswith("to excluded: no new rows arrive, and those in BigQuery are deleted with the dataset")


@pytest.mark.parametrize(("schema", "is_declared"), [("public", True), ("audit", False)])
def test_rows_that_arrive_in_an_undeclared_dataset_are_shown(tmp_path: Path, schema: str, is_declared: bool):
    both = ({"sync": {"new": "block_all", "schemas": {schema: each}}} for each in ("excluded", "included"))
    [widened] = consequences(tmp_path, {"app": database_unit()}, step("update", "Activation", "app", *both))
    default = "No file declares the dataset app_audit, so it has BigQuery's default access"
    assert (widened.severity, default in widened.text) == ("stop", not is_declared)


def test_variable_of_a_paused_unit_is_removed(tmp_path: Path):
    files = {"shop": unit(connector={"schedule": {"by": "airflow", "task_id": "fivetran_shop"}, "paused": "INC-1"})}
    outputs = {"airflow_variables": {"fivetran_shop_connector_id": "plain_compass"}}
    text = "removes the Airflow variable fivetran_shop_connector_id: a DAG that reads it fails"
    assert found(consequences(tmp_path, files, **outputs)) == [("stop", "variable_removed", text)]


def test_column_named_like_a_key_of_sync_is_a_column(tmp_path: Path):
    def inputs(word: str) -> dict[str, Any]:
        tables = {"tables": {"mode": "LIVE", "columns": {"columns": word, "mode": "hashed"}}}
        return {"name": "shop", "sync": {"new": "block_all", "schemas": {"schemas": {"tables": tables}}}}

    steps = [step("update", "Activation", "shop", inputs("hashed"), inputs("included"))]
    text = "changes the column `columns` of `schemas.tables` of the connection shop from hashed to included"
    text += ": its values arrive readable from the next sync on"
    assert found(consequences(tmp_path, {"shop": unit()}, *steps)) == [("stop", "tables_widened", text)]


def test_fivetrans_service_account_is_a_member_like_others(tmp_path: Path):
    old, new = {**ACCESS, "entries": {}}, {**ACCESS, "entries": {}, "writer": "g-x@fivetran.example.com"}
    text = "roles/bigquery.dataEditor on dataset shop"
    assert found(consequences(tmp_path, {"shop": unit()}, step("update", "DatasetAccess", "shop", old, new))) == [
        ("stop", "access_granted", f"grants {text} to Fivetran's service account")
    ]
    assert found(consequences(tmp_path, {"shop": unit()}, step("update", "DatasetAccess", "shop", new, old))) == [
        ("note", "access_revoked", f"revokes {text} from Fivetran's service account")
    ]


def test_existing_connection_is_shown_as_adopted(tmp_path: Path):
    files = {"shop": unit(connector={"adopt": "plain_compass"})}
    inputs = {"service": "stripe", "destination": {"schema": "shop"}, "unit": "shop"}
    steps = [
        step("import", "Dataset", "shop", None, {"datasetId": "shop", "location": "US"}),
        step("create", "DatasetAccess", "shop", None, {**ACCESS, "entries": {"a": READER}}),
        step("create", "Connection", "shop", None, inputs),
    ]
    connection = "adopts the connection shop (stripe) that is plain_compass in Fivetran, and changes nothing in it"
    access = "gives access to the adopted dataset shop: roles/bigquery.dataViewer to user:b@example.com"
    assert found(consequences(tmp_path, files, *steps)) == [
        ("stop", "dataset_shared", access),
        ("note", "connection_adopted", connection),
        (
            "note",
            "dataset_adopted",
            "adopts the dataset shop, which exists in BigQuery, with the name, description and labels of its file",
        ),
    ]


@pytest.mark.parametrize(
    ("old", "new", "severity"),
    [(None, "1000", "stop"), ("0", "1000", "stop"), ("2000", "1000", "stop"), ("1", "2", "note"), ("1", "0", "note")],
)
def test_tables_that_are_deleted_sooner_are_stopped(tmp_path: Path, old: str | None, new: str, severity: str):
    before = {"datasetId": "shop"} if old is None else {"datasetId": "shop", "defaultTableExpirationMs": old}
    steps = [step("update", "Dataset", "shop", before, {"datasetId": "shop", "defaultTableExpirationMs": new})]
    files = {"shop": unit(dataset={"default_table_expiration_ms": 3_600_000})}
    [sooner] = consequences(tmp_path, files, *steps)
    assert (sooner.severity, sooner.kind) == (severity, "table_expiration")
    lines = (tmp_path / "dev" / "shop.yaml").read_text().splitlines()
    assert "default_table_expiration_ms" in lines[int(sooner.place.split(":")[1]) - 1]


def test_setting_made_by_hand_that_a_run_removes_is_shown(tmp_path: Path):
    inputs = {"datasetId": "shop", "location": "US"}
    by_hand = {**inputs, "defaultTableExpirationMs": 3_600_000, "friendlyName": "By hand", "etag": "x"}
    change = step("update", "Dataset", "shop", inputs, inputs, outputs=by_hand)
    change["detailedDiff"] = {key: {"kind": "delete"} for key in ("defaultTableExpirationMs", "friendlyName")}
    assert found(consequences(tmp_path, {"shop": unit()}, change)) == [
        ("note", "table_expiration", "removes `default_table_expiration_ms` of the dataset shop"),
        ("detail", "dataset_changed", "changes friendly_name of the dataset shop"),
    ]


def test_new_expiry_is_shown_without_the_labels_that_record_it(tmp_path: Path):
    def inputs(day: str) -> dict[str, Any]:
        labels = {LABEL: day}
        return {"datasetId": "shop", "labels": labels, "pulumiLabels": labels, "effectiveLabels": labels}

    change = step("update", "Dataset", "shop", inputs("2027-01-31"), inputs("2027-02-14"))
    assert found(consequences(tmp_path, {"shop": unit()}, change)) == []


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(3_600_000, "1 hour"), (7_200_000, "2 hours"), (86_400_000, "1 day"), (2_592_000_000, "30 days")],
)
def test_expiration_of_tables_is_shown_in_hours_or_days(tmp_path: Path, milliseconds: int, words: str):
    new = {"datasetId": "shop", "defaultTableExpirationMs": milliseconds}
    [sooner] = consequences(tmp_path, {"shop": unit()}, step("update", "Dataset", "shop", {"datasetId": "shop"}, new))
    assert sooner.text.endswith(f": BigQuery deletes each new table after {words}")


def test_settings_next_to_references_and_removed_references_are_shown(tmp_path: Path):
    def inputs(config: dict[str, Any]) -> dict[str, Any]:
        return {"service": "stripe", "destination": {"schema": "shop"}, "unit": "shop", "config": config}

    key = {"env": "KEY", "version": 1}
    old = {"host": "a", "hostkey": key, "reports": [{"name": "x", "key": key}], "gone": key}
    new = {"host": "b", "hostkey": key, "reports": [{"name": "y", "key": key}]}
    changed = consequences(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", inputs(old), inputs(new)))
    assert [each.text for each in changed] == [
        f"changes `config.host` and `config.reports` of the connection shop, and tests the connection{OTHER_SOURCE}",
        "no longer sends `config.gone` of the connection shop, which was version 1 of the environment variable KEY",
    ]


def test_values_of_settings_are_not_shown(tmp_path: Path):
    def inputs(value: str) -> dict[str, Any]:
        return {"service": "stripe", "destination": {"schema": "shop"}, "unit": "shop", "config": {"host": value}}

    steps = [step("update", "Connection", "shop", inputs("canary-1"), inputs("canary-2"))]
    [changed] = consequences(tmp_path, {"shop": unit()}, *steps)
    assert changed.text == f"changes `config.host` of the connection shop, and tests the connection{OTHER_SOURCE}"
    assert "canary" not in repr(changed)


_TEXT = st.text(max_size=8)


_CONSEQUENCES = st.builds(
    Consequence,
    st.just("stop"),
    _TEXT,
    text=_TEXT,
    object=_TEXT,
    unit=_TEXT,
    value=st.recursive(st.none() | _TEXT, st.lists),
    effective=st.none() | st.dates(),
)


@given(_CONSEQUENCES)
def test_fingerprints_are_of_kind_unit_object_value_and_day(one: Consequence):
    assert one.fingerprint("dev") == replace(one, text="other words", place="b.yaml:9:9").fingerprint("dev")
    others = [
        replace(one, kind=one.kind + "x"),
        replace(one, unit=one.unit + "x"),
        replace(one, object=one.object + "x"),
        replace(one, value=[one.value]),
        replace(one, effective=date.max if one.effective != date.max else None),
    ]
    prints = {one.fingerprint("dev"), one.fingerprint("prod"), *(other.fingerprint("dev") for other in others)}
    assert len(prints) == 7


def test_fingerprint_is_the_same_on_every_machine():
    one = Consequence("stop", "dataset_deleted", "deletes it", "dataset shop", "shop")
    assert one.fingerprint("dev") == "9978cfef8f8d379a"


_GRANTS = st.dictionaries(
    st.sampled_from(["ann@example.com", "bob@example.com"]),
    st.none() | st.dates(date(2027, 1, 1), date(2027, 1, 4)),
)


def _list_of(grants: Mapping[str, date | None]) -> dict[str, Any]:
    """Return the inputs of an access list; a grant without a day is permanent."""
    entries = {}
    for member, day in grants.items():
        entry: dict[str, Any] = {"role": "READER", "userByEmail": member}
        if day is not None:
            end = (day + timedelta(days=1)).isoformat()
            expression = f'request.time < timestamp("{end}T00:00:00Z")'
            entry["condition"] = {"title": f"until {day}", "expression": expression}
        entries[member] = entry
    return {**ACCESS, "entries": entries}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(_GRANTS, _GRANTS, _GRANTS)
def test_fingerprints_of_two_changes_are_equal_only_if_they_widen_access_alike(
    tmp_path: Path, before: dict[str, date | None], one: dict[str, date | None], other: dict[str, date | None]
):
    def fingerprints(after: Mapping[str, date | None]) -> set[str | None]:
        changed = consequences(
            tmp_path, {"shop": unit()}, step("update", "DatasetAccess", "shop", _list_of(before), _list_of(after))
        )
        return {each.fingerprint("dev") for each in changed if each.severity == "stop"}

    def widened(after: Mapping[str, date | None]) -> dict[str, date | None]:
        return {
            member: day
            for member, day in after.items()
            if member not in before or (day or date.max) > (before[member] or date.max)
        }

    assert (fingerprints(one) == fingerprints(other)) == (widened(one) == widened(other))


DELETED = {"datasetId": "shop", "deleteContentsOnDestroy": True}
CONNECTION = {"service": "stripe", "destination": {"schema": "shop"}, "unit": "shop"}
ROLE = {"role": "roles/bigquery.jobUser", "member": "user:a@example.com"}


def _preflight(**after: Any) -> dict[str, Any]:
    units = {"shop": {"file": "dev/shop.yaml", "connection": "shop", "service": "stripe", **after}}
    return step("update", "Preflight", "preflight", {"units": {"shop": {"file": "dev/shop.yaml"}}}, {"units": units})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # With its tables, or only if it has none.
        (
            [step("delete", "Dataset", "shop", DELETED)],
            [step("delete", "Dataset", "shop", {**DELETED, "deleteContentsOnDestroy": False})],
        ),
        # From Fivetran, or from state alone.
        (
            [step("delete", "Connection", "shop", CONNECTION)],
            [step("delete", "Connection", "shop", CONNECTION, retainOnDelete=True)],
        ),
        # Synced again from another database.
        (
            [step("replace", "Connection", "shop", CONNECTION, CONNECTION), _preflight(permanent={"database": "a"})],
            [step("replace", "Connection", "shop", CONNECTION, CONNECTION), _preflight(permanent={"database": "b"})],
        ),
        # The same role for longer, under a condition with the same title.
        (
            [step("create", "IAMMember", "a", None, {**ROLE, "condition": {"title": "t", "expression": "1"}})],
            [step("create", "IAMMember", "a", None, {**ROLE, "condition": {"title": "t", "expression": "2"}})],
        ),
        # A function of another project, or in another region.
        (
            [step("create", "ServiceIamMember", "shop", None, {"name": "casa", "project": "a", "location": "b"})],
            [step("create", "ServiceIamMember", "shop", None, {"name": "casa", "project": "a", "location": "c"})],
        ),
        (
            [step("create", "FunctionIamMember", "shop", None, {"cloudFunction": "casa", "project": "a"})],
            [step("create", "FunctionIamMember", "shop", None, {"cloudFunction": "casa", "project": "b"})],
        ),
        # Everything again, from another region.
        (
            [step("replace", "Destination", "dev", {"region": "a"}, {"region": "b"})],
            [step("replace", "Destination", "dev", {"region": "a"}, {"region": "c"})],
        ),
        # A dataset with data that is there already.
        (
            [
                step("create", "DatasetAccess", "shop", None, _list_of({})),
                step("create", "Dataset", "shop", None, DELETED),
            ],
            [
                step("create", "DatasetAccess", "shop", None, _list_of({})),
                step("import", "Dataset", "shop", None, DELETED),
            ],
        ),
    ],
    ids=["tables", "kept", "permanent_key", "condition", "region", "project", "destination", "adopted"],
)
def test_fingerprints_differ_with_what_is_done(tmp_path: Path, one: list[Any], other: list[Any]):
    def fingerprints(steps: list[Any]) -> list[str | None]:
        files = {"shop": unit()} if len(steps) == 2 else {}
        return [each.fingerprint("dev") for each in consequences(tmp_path, files, *steps) if each.severity == "stop"]

    assert len(fingerprints(one)) == len(fingerprints(other)) == 1
    assert fingerprints(one) != fingerprints(other)


@pytest.mark.parametrize(("before", "after", "severity"), [(True, False, "stop"), (False, True, "note")])
def test_dataset_that_is_no_longer_sensitive_is_stopped_though_its_access_stays(
    tmp_path: Path, before: bool, after: bool, severity: str
):
    def units(sensitive: bool) -> dict[str, Any]:
        declared = {"file": "dev/shop.yaml", "datasets": {"shop": "US"}, "sensitive": ["shop"] if sensitive else []}
        return {"units": {"shop": declared}}

    steps = [step("update", "Preflight", "preflight", units(before), units(after))]
    [changed] = consequences(tmp_path, {"shop": unit(dataset={"sensitive": after})}, *steps)
    assert (changed.severity, "default_access" in changed.text) == (severity, True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({"by": "fivetran", "every": "3h"}, {"by": "airflow"}, "when Airflow starts it, instead of every 3h"),
        (
            {"by": "fivetran", "daily_at": "18:00"},
            {"by": "fivetran", "every": "1h"},
            "every 1h, instead of daily at 18:00",
        ),
    ],
)
def test_schedule_is_shown_in_words(tmp_path: Path, old: dict[str, str], new: dict[str, str], words: str):
    [changed] = consequences(
        tmp_path, {"shop": unit()}, step("update", "Activation", "shop", {"schedule": old}, {"schedule": new})
    )
    assert changed.text == f"changes when the connection shop syncs: {words}"


def test_expiry_of_a_new_dataset_is_noted_and_a_sooner_one_of_an_old_is_stopped(tmp_path: Path):
    def units(old: Mapping[str, str], new: Mapping[str, str]) -> list[Any]:
        def recorded(ends: Mapping[str, str]) -> dict[str, Any]:
            endings = {name: {"removed_on": day} for name, day in ends.items()}
            datasets = dict.fromkeys(ends, "US")
            return {"units": {"shop": {"file": "dev/shop.yaml", "datasets": datasets, "dataset_endings": endings}}}

        steps = [step("update", "Preflight", "preflight", recorded(old), recorded(new))]
        return [(each.severity, each.object) for each in consequences(tmp_path, {"shop": unit()}, *steps)]

    day = {"a": "2027-03-01"}
    assert units(day, {**day, "b": "2027-02-01"}) == [("note", "dataset b")]
    assert units(day, {"a": "2027-02-01"}) == [("stop", "dataset a")]


def test_connection_that_gets_another_name_is_shown_with_both(tmp_path: Path):
    units = [{"units": {"shop": {"file": "dev/shop.yaml", "connection": name}}} for name in ("old", "shop")]
    steps = [
        step("update", "Preflight", "preflight", *units),
        step("replace", "Connection", "shop", CONNECTION, CONNECTION),
    ]
    [replaced] = consequences(tmp_path, {"shop": unit()}, *steps)
    assert replaced.text.startswith("replaces the connection old with the new connection shop, which syncs its whole")


def test_new_version_of_a_secret_is_shown_beside_the_old_one(tmp_path: Path):
    def inputs(version: int, name: str = "key") -> dict[str, Any]:
        reference = {"secret": name, "version": version, "project": "dev-project"}
        return {**CONNECTION, "config": {"api_key": reference}}

    def text(old: Any, new: Any) -> str:
        [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", old, new))
        return changed.text

    sent = "as `config.api_key` of the connection shop, instead of"
    new = "sends version 2 of the secret key in project dev-project"
    assert text(inputs(1), inputs(2)) == f"{new} {sent} version 1, and tests the connection"
    other = "version 1 of the secret other in project dev-project"
    assert text(inputs(1, "other"), inputs(2)) == (
        f"{new} {sent} {other}, and tests the connection. Another credential can open another account"
    )


def test_settings_outside_config_are_named(tmp_path: Path):
    old, new = ({**CONNECTION, "settings": {"networking_method": each}} for each in ("Directly", "ProxyAgent"))
    [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", old, new))
    assert changed.text == f"changes `networking_method` of the connection shop{OTHER_SOURCE}"


def test_function_of_either_generation_that_fivetran_may_call_is_stopped(tmp_path: Path):
    steps = [
        step("create", "FunctionIamMember", "shop", None, {"cloudFunction": "first"}),
        step("create", "ServiceIamMember", "shop", None, {"name": "second"}),
    ]
    assert found(consequences(tmp_path, {"shop": unit()}, *steps)) == [
        ("stop", "function_granted", "lets Fivetran call the function first"),
        ("stop", "function_granted", "lets Fivetran call the function second"),
    ]


def test_replacement_in_another_group_has_another_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fingerprint(group: str) -> str | None:
        fivetran = {**previews.ENVIRONMENT["fivetran"], "group": group}
        monkeypatch.setattr(previews, "ENVIRONMENT", {**previews.ENVIRONMENT, "fivetran": fivetran})
        steps = [step("replace", "Connection", "shop", CONNECTION, CONNECTION)]
        return consequences(tmp_path, {"shop": unit()}, *steps)[0].fingerprint("dev")

    assert fingerprint("Group_A") != fingerprint("Group_B")


def test_resource_that_a_review_cannot_describe_needs_approval(tmp_path: Path):
    steps = [step("update", "Unheard", "x", {"who": "a"}, {"who": who}) for who in ("b", "c")]
    one, other = (consequences(tmp_path, {"shop": unit()}, each)[0] for each in steps)
    assert (one.severity, one.text[:19]) == ("stop", "updates Unheard x, ")
    assert one.fingerprint("dev") != other.fingerprint("dev")


@pytest.mark.parametrize(
    ("tables", "allowed", "text"),
    [
        ({}, True, "deletes the dataset shop with all its tables"),
        ({"shop": 0}, True, "deletes the dataset shop, which has no table"),
        ({"shop": 1}, True, "deletes the dataset shop with its only table"),
        ({"shop": 12}, True, "deletes the dataset shop with its 12 tables"),
        ({}, False, "deletes the dataset shop if it has no table, and fails if it has one"),
        ({"shop": 0}, False, "deletes the dataset shop, which has no table"),
        (
            {"shop": 12},
            False,
            "fails to delete the dataset shop with its 12 tables: no earlier run allowed that",
        ),
    ],
)
def test_deleted_dataset_is_shown_with_the_number_of_its_tables(
    tmp_path: Path, tables: dict[str, int], allowed: bool, text: str
):
    steps = [step("delete", "Dataset", "shop", {"datasetId": "shop", "deleteContentsOnDestroy": allowed})]
    [deleted] = review(tmp_path, {}, *steps, tables=tables)
    assert deleted.text == text
    assert deleted.fingerprint("dev") == consequences(tmp_path, {}, *steps)[0].fingerprint("dev")


def test_later_expiry_sends_nothing_to_fivetran(tmp_path: Path):
    old, new = ({**CONNECTION, "ending": {"removed_on": day}} for day in ("2027-01-01", "2027-02-01"))
    assert review(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", old, new)) == []


def test_requests_that_exceed_a_limit_are_noted_with_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forecast(number: int) -> tuple[str, str]:
        inputs = {"service": "stripe", "destination": {"schema": "shop"}}
        steps = [
            step("create", "Connection", f"u{each}", None, {**inputs, "unit": f"u{each}"}) for each in range(number)
        ]
        [found] = [each for each in review(tmp_path, {}, *steps) if each.kind == "quota"]
        return found.severity, found.text

    quota = "(the usual quota: 20,000 an hour)"
    assert forecast(1) == ("detail", f"sends about 7 requests to Fivetran {quota}, with 1 setup test")
    assert forecast(251) == (
        "note",
        f"sends about 757 requests to Fivetran {quota}, with 251 setup tests; "
        "at Fivetran's limits this takes at least 1 minute",
    )
    monkeypatch.setenv("FIVETRAN_REQUESTS_PER_HOUR", "300")
    assert forecast(251)[1].endswith("; at Fivetran's limits this takes at least 120 minutes")
    assert "; one hour allows 270 of them, because 10 % are left to others: split the change" in forecast(251)[1]
    environment = {**previews.ENVIRONMENT, "fivetran": {**previews.ENVIRONMENT["fivetran"], "quota_left": 25}}
    monkeypatch.setattr(previews, "ENVIRONMENT", environment)
    assert "; one hour allows 225 of them, because 25 % are left to others" in forecast(251)[1]
    assert "left to others" not in forecast(1)[1]


def test_another_value_of_a_field_that_names_the_source_has_another_fingerprint(tmp_path: Path):
    def fingerprint(host: str) -> str | None:
        old, new = ({**CONNECTION, "config": {"host": each}} for each in ("a.example.com", host))
        [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", old, new))
        return changed.fingerprint("dev")

    assert fingerprint("b.example.com") != fingerprint("c.example.com")
    assert fingerprint("b.example.com") == fingerprint("b.example.com")


@pytest.mark.parametrize("name", ["delimiter", "timeframe_months", "update_method", "api_quota", "compression"])
def test_field_that_says_how_something_is_read_is_a_note(tmp_path: Path, name: str):
    old, new = ({**CONNECTION, "config": {name: each}} for each in ("a", "b"))
    [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", old, new))
    assert (changed.severity, changed.kind) == ("note", "config_changed")


def test_code_of_a_connection_that_changes_needs_approval(tmp_path: Path):
    steps = [step("update", "Package", "shop", {"sha256": "a"}, {"sha256": each}) for each in ("b", "c")]
    one, other = (consequences(tmp_path, {"shop": unit()}, each)[0] for each in steps)
    assert (one.severity, one.kind) == ("stop", "code_uploaded")
    assert one.fingerprint("dev") != other.fingerprint("dev")


def test_replaced_connection_is_shown_with_its_new_service_credential_and_source(tmp_path: Path):
    key = {"secret": "a", "version": 1, "project": "dev-project"}
    old = {**CONNECTION, "config": {"api_key": key, "host": "a.example.com"}}
    new = {**old, "service": "stripe_test", "config": {"api_key": {**key, "secret": "b"}, "host": "b.example.com"}}
    found_ = consequences(tmp_path, {"shop": unit()}, step("replace", "Connection", "shop", old, new))
    assert {each.severity for each in found_} == {"stop"}
    texts = {each.kind: each.text for each in found_}
    assert " with a new one of the service stripe_test, instead of stripe, which syncs " in texts["connection_replaced"]
    assert texts["secret_changed"].endswith(
        "instead of version 1 of the secret a in project dev-project, and tests the "
        "connection. Another credential can open another account"
    )
    assert texts["source_changed"] == (
        "changes `config.host` of the connection shop, and tests the connection. This can change which source is read"
    )


def test_dataset_that_a_replaced_connection_leaves_is_shown_as_staying(tmp_path: Path):
    both = [
        {"file": "dev/shop.yaml", "connection": "shop", "datasets": dict.fromkeys(names, "US")}
        for names in (["shop"], ["shop", "shop_v2"])
    ]
    steps = [
        step("replace", "Connection", "shop", CONNECTION, {**CONNECTION, "destination": {"schema": "shop_v2"}}),
        step("update", "Preflight", "preflight", *({"units": {"shop": each}} for each in both)),
    ]
    [replaced] = [each for each in consequences(tmp_path, {"shop": unit("shop_v2")}, *steps) if each.severity == "stop"]
    assert replaced.text.endswith("(about 4 requests to Fivetran). The dataset shop stays, with its data")


@pytest.mark.parametrize(
    ("rule", "choice", "severity", "word"),
    [
        ("block_all", "included", "stop", "included"),
        ("allow_columns", "included", "stop", "included"),
        ("block_all", {"mode": "history"}, "stop", "included"),
        ("block_all", {"columns": {"id": "included"}}, "stop", "included, with a choice of columns"),
        ("block_all", "excluded", "note", "excluded"),
        ("allow_all", "included", "note", "included"),
    ],
)
def test_table_that_no_file_named_is_stopped_if_it_may_arrive_for_the_first_time(
    tmp_path: Path, rule: str, choice: Any, severity: str, word: str
):
    old: dict[str, Any] = {"new": rule, "schemas": {"shop": {"tables": {"customer": "included"}}}}
    new = {"new": rule, "schemas": {"shop": {"tables": {"customer": "included", "charge": choice}}}}
    steps = [step("update", "Activation", "shop", {"sync": old}, {"sync": new})]
    texts = {each.object: (each.severity, each.text) for each in consequences(tmp_path, {"shop": unit()}, *steps)}
    found_severity, text = texts["connection shop: the table `shop.charge`"]
    declared = f"declares the table `shop.charge` of the connection shop as {word}"
    first = f": its rows may arrive for the first time, since `new` was {rule}" if severity == "stop" else ""
    assert (found_severity, text.removesuffix(": no new rows arrive, and those in BigQuery stay")) == (
        severity,
        declared + first,
    )


def test_mode_of_a_table_leaves_it_included(tmp_path: Path):
    old, new = (
        {"new": "block_all", "schemas": {"shop": {"tables": {"charge": each}}}}
        for each in ("included", {"mode": "history"})
    )
    steps = [step("update", "Activation", "shop", {"sync": old}, {"sync": new})]
    assert [each.text for each in consequences(tmp_path, {"shop": unit()}, *steps)] == [
        "declares the mode of the table `shop.charge` of the connection shop as history: it has a row for each version "
        "of a key, so queries that expect one row a key need a filter"
    ]


@pytest.mark.parametrize(
    ("old", "new", "severity"),
    [
        ("soft_delete", "history", "note"),
        ("history", "soft_delete", "stop"),
        ("history", "live", "stop"),
        ("soft_delete", "live", "stop"),
        ("live", "soft_delete", "note"),
        (None, "soft_delete", "stop"),
        (None, "history", "note"),
    ],
)
def test_mode_that_can_delete_rows_is_stopped(tmp_path: Path, old: str | None, new: str, severity: str):
    both = (
        {"sync": {"schemas": {"shop": {"tables": {"charge": {"mode": each} if each else "included"}}}}}
        for each in (old, new)
    )
    [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Activation", "shop", *both))
    assert (changed.severity, "can be deleted" in changed.text) == (severity, severity == "stop")


@pytest.mark.parametrize(
    ("connector", "start"),
    [
        ({}, "starts once its setup tests pass"),
        ({"paused": "INC-1"}, "stays paused (INC-1)"),
        ({"awaiting": {"what": "the vendor installs our key", "until": "2026-12-15"}}, "does not start yet"),
    ],
    ids=["starts", "paused", "awaiting"],
)
def test_new_connection_is_shown_with_whether_it_starts(tmp_path: Path, connector: dict[str, Any], start: str):
    inputs = {"service": "stripe", "destination": {"schema": "shop"}, "unit": "shop"}
    steps = [
        step("create", "Connection", "shop", None, inputs),
        step("create", "Activation", "shop", None, {"paused": connector.get("paused")}),
    ]
    texts = [each.text for each in consequences(tmp_path, {"shop": unit(connector=connector)}, *steps)]
    assert f"creates the connection shop (stripe), which {start}" in texts


@pytest.mark.parametrize(
    ("data", "end"),
    [("keep", "no longer manages it, and its data stays in BigQuery"), ("delete", "deletes it with its data")],
)
def test_dataset_that_retires_after_a_re_sync_is_stopped(tmp_path: Path, data: str, end: str):
    change = {"schema": {"from": "shop", "to": "shop_v2"}, "ticket": "T-1", "retire": {"ticket": "T-2", "data": data}}
    both = [
        {
            "file": "dev/shop.yaml",
            "connection": name,
            "datasets": dict.fromkeys(datasets, "US"),
            "dataset_endings": ends,
        }
        for name, datasets, ends in (
            ("shop", ("shop",), {}),
            ("shop_v2", ("shop", "shop_v2"), {"shop": {"retired": True, "kept": data == "keep"}}),
        )
    ]
    steps = [step("update", "Preflight", "preflight", *({"units": {"shop": each}} for each in both))]
    files = {"shop": unit("shop_v2", connector={"allow_resync": change})}
    [retired] = [each for each in consequences(tmp_path, files, *steps) if each.kind == "retired"]
    assert (retired.severity, retired.value) == ("stop", data)
    assert retired.text == f"retires the dataset shop (T-2): once `allow_resync` is removed, a run {end}"
    lines = (tmp_path / "dev" / "shop.yaml").read_text().splitlines()
    assert "retire" in lines[int(retired.place.split(":")[1]) - 1]


def test_variable_of_another_connection_is_shown(tmp_path: Path):
    def scheduled(schema: str, task: str) -> dict[str, Any]:
        return unit(schema, connector={"schedule": {"by": "airflow", "task_id": task}})

    files = {"shop": scheduled("shop", "a"), "crm": scheduled("crm", "b"), "ads": scheduled("ads", "c")}
    outputs = {
        "airflow_variables": {
            "a_connector_id": "id_of_crm",
            "b_connector_id": "id_of_shop",
            "c_connector_id": "id_of_ads",
        },
        "units": {name: {"connection_id": f"id_of_{name}"} for name in files},
    }
    inputs = {"service": "stripe", "destination": {"schema": "ads"}, "unit": "ads"}
    found = consequences(tmp_path, files, step("replace", "Connection", "ads", inputs, inputs), **outputs)
    assert [(each.severity, each.text) for each in found if "variable" in each.kind] == [
        (
            "stop",
            "changes the Airflow variable b_connector_id: its DAG then starts the connection of crm, and no longer "
            "that of shop",
        ),
        (
            "stop",
            "changes the Airflow variable a_connector_id: its DAG then starts the connection of shop, and no longer "
            "that of crm",
        ),
        (
            "note",
            "changes the Airflow variable c_connector_id to the id of the new connection: its DAG fails until the "
            "variable is pushed",
        ),
    ]


@pytest.mark.parametrize(
    ("kept", "got", "rest"),
    [
        ({}, {}, ""),
        ({"o": {"role": "OWNER", "userByEmail": "b@example.com"}}, {}, ", who keeps roles/bigquery.dataOwner"),
        ({}, {"o": {"role": "WRITER", "userByEmail": "b@example.com"}}, ", who then has roles/bigquery.dataEditor"),
        ({"g": {"role": "READER", "groupByEmail": "g@x.org"}}, {}, ". Members of group:g@x.org have access"),
        ({"g": {"role": "READER", "domain": "x.org"}}, {}, ". Members of domain:x.org have access"),
    ],
    ids=["none", "another-role", "new-role", "group", "domain"],
)
def test_revocation_is_shown_with_the_access_that_remains(tmp_path: Path, kept: Any, got: Any, rest: str):
    old, new = {**ACCESS, "entries": {"a": READER, **kept}}, {**ACCESS, "entries": {**kept, **got}}
    changed = consequences(tmp_path, {"shop": unit()}, step("update", "DatasetAccess", "shop", old, new))
    [revoked] = [each for each in changed if each.kind == "access_revoked"]
    text = f"revokes roles/bigquery.dataViewer on dataset shop from user:b@example.com{rest}"
    assert revoked.text.partition(" (people")[0] == text


@pytest.mark.parametrize(
    ("entry", "member"),
    [
        ({"domain": "example.com"}, "domain:example.com (everyone with an account of example.com)"),
        ({"specialGroup": "allAuthenticatedUsers"}, "allAuthenticatedUsers (everyone with a Google account)"),
        ({"iamMember": "allUsers"}, "allUsers (everyone on the internet)"),
        ({"specialGroup": "projectReaders"}, "projectReaders (everyone with the role Viewer on the project)"),
    ],
    ids=["domain", "accounts", "public", "project"],
)
def test_grant_to_many_is_shown_with_who_they_are(tmp_path: Path, entry: dict[str, str], member: str):
    new = {**ACCESS, "entries": {"a": {"role": "READER", **entry}}}
    steps = [step("update", "DatasetAccess", "shop", {**ACCESS, "entries": {}}, new)]
    [granted] = consequences(tmp_path, {"shop": unit()}, *steps)
    assert granted.text == f"grants roles/bigquery.dataViewer on dataset shop to {member}"


@pytest.mark.parametrize("former", [None, "old"])
def test_connection_that_was_deleted_in_fivetran_is_shown_to_sync_again(tmp_path: Path, former: str | None):
    schedule = {"by": "airflow", "task_id": "pay"}
    declared = unit(**({"formerly": former} if former else {}))
    declared["connector"]["schedule"] = schedule
    recorded = {former or "shop": {"connection_id": "id", "owners": ["owner@example.com"]}}
    made = step("create", "Connection", "shop", None, CONNECTION)
    variables = {"pay_connector_id": "id"}
    shown = consequences(tmp_path, {"shop": declared}, made, units=recorded, airflow_variables=variables)
    texts = [each.text for each in shown]
    end = "The one of the last run no longer exists in Fivetran, so its whole history syncs again"
    assert [text.startswith("creates the connection shop (stripe) again, which starts") for text in texts].count(True)
    assert any(text.endswith(end) for text in texts)
    assert any("pay_connector_id to the id of the new connection" in text for text in texts)


@pytest.mark.parametrize(("value", "rest"), [(True, "Fivetran pauses syncs when"), (False, "syncs go on when")])
def test_pause_after_the_trial_is_shown_with_what_it_does(tmp_path: Path, value: bool, rest: str):
    old, new = ({**CONNECTION, "settings": {"pause_after_trial": each}} for each in (not value, value))
    [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", old, new))
    assert changed.text == f"changes `pause_after_trial` of the connection shop: {rest} the free trial ends"


@pytest.mark.parametrize("key", ["automation", "default_access"])
def test_revocation_of_an_access_that_the_environment_gave_is_shown_there(tmp_path: Path, key: str):
    rules = ({"rules": {key: each}} for each in (["roles/bigquery.dataViewer user:b@example.com"], []))
    steps = [
        step("update", "DatasetAccess", "shop", {**ACCESS, "entries": {"a": READER}}, {**ACCESS, "entries": {}}),
        step("update", "Preflight", "preflight", *rules),
    ]
    [revoked] = [each for each in consequences(tmp_path, {"shop": unit()}, *steps) if each.kind == "access_revoked"]
    assert Path(revoked.place.split(":")[0]).stem == "environment"


def test_workgroup_that_is_another_group_is_shown_with_its_address(tmp_path: Path):
    member = "workgroup:data/developers"
    patterns = ("old-{workgroup}-{subgroup}@x.org", "new-{workgroup}-{subgroup}@x.org")
    rules = ({"rules": {"workgroups": each}} for each in patterns)
    entries = ({"a": {"role": "READER", "groupByEmail": f"{each}-data-developers@x.org"}} for each in ("old", "new"))
    dataset = {"access": [{"role": "roles/bigquery.dataViewer", "members": [member]}]}
    files = {"environment": {**ENVIRONMENT, "workgroups": patterns[1]}, "shop": unit(dataset=dataset)}
    steps = [
        step("update", "DatasetAccess", "shop", *({**ACCESS, "entries": each} for each in entries)),
        step("update", "Preflight", "preflight", *rules),
    ]
    changed = [each for each in consequences(tmp_path, files, *steps) if each.kind.startswith("access_")]
    viewer = "roles/bigquery.dataViewer on dataset shop"
    assert [each.text for each in changed] == [
        f"grants {viewer} to {member} (new-data-developers@x.org)",
        f"revokes {viewer} from group:old-data-developers@x.org",
    ]
    lines = (tmp_path / "dev" / "environment.yaml").read_text().splitlines()
    assert all("workgroups" in lines[int(each.place.split(":")[1]) - 1] for each in changed)


def test_role_of_a_workgroup_that_is_another_group_is_shown_with_its_address(tmp_path: Path):
    patterns = ("old-{workgroup}-{subgroup}@x.org", "new-{workgroup}-{subgroup}@x.org")
    rules = ({"rules": {"workgroups": each}} for each in patterns)
    grant = {"role": "roles/bigquery.jobUser", "members": ["workgroup:finance"]}
    files = {"environment": {**ENVIRONMENT, "workgroups": patterns[1], "project_access": [grant]}}
    new = {"role": "roles/bigquery.jobUser", "member": "group:new-finance-default@x.org"}
    steps = [step("create", "IAMMember", "finance", None, new), step("update", "Preflight", "preflight", *rules)]
    [granted] = [each for each in consequences(tmp_path, files, *steps) if each.kind == "project_role_granted"]
    assert granted.text.endswith(" to workgroup:finance (new-finance-default@x.org)")


def test_grant_under_a_condition_is_shown_with_its_expression(tmp_path: Path):
    limited = {**READER, "condition": {"title": "until 2026-12-31", "expression": "true"}}
    steps = [
        step("update", "DatasetAccess", "shop", {**ACCESS, "entries": {}}, {**ACCESS, "entries": {"a": limited}}),
        step("create", "DatasetAccess", "new", None, {**ACCESS, "dataset": "new", "entries": {"a": limited}}),
    ]
    for each in consequences(tmp_path, {"shop": unit()}, *steps):
        assert "to user:b@example.com under the condition 'until 2026-12-31', which is `true`" in each.text


@pytest.mark.parametrize(
    ("after", "stops", "tested"),
    [({}, False, True), ("any", True, False)],
    ids=["none", "any"],
)
def test_certificate_that_is_no_longer_trusted_can_fail_the_setup_tests(
    tmp_path: Path, after: Any, stops: bool, tested: bool
):
    old, new = ({**CONNECTION, "trust": {"certificates": each}} for each in ({"x=": {"subject": "CN=x"}}, after))
    found = consequences(tmp_path, {"shop": unit()}, step("update", "Connection", "shop", old, new))
    end = "SHA-256 x=. The run tests the connection, and fails if the source still presents it"
    assert [each.severity == "stop" for each in found] == [stops]
    assert found[0].text.endswith(end) == tested


@pytest.mark.parametrize(("is_new", "file"), [(False, "shop"), (True, "environment")])
def test_default_access_is_shown_at_the_file_that_lets_it_apply(tmp_path: Path, is_new: bool, file: str):
    default = [{"role": "roles/bigquery.dataViewer", "members": ["user:b@example.com"]}]
    earlier = [] if is_new else ["roles/bigquery.dataViewer user:b@example.com"]
    preflight = (
        {"rules": {"default_access": each}} for each in (earlier, ["roles/bigquery.dataViewer user:b@example.com"])
    )
    steps = [
        step("update", "DatasetAccess", "shop", {**ACCESS, "entries": {}}, {**ACCESS, "entries": {"a": READER}}),
        step("update", "Preflight", "preflight", *preflight),
    ]
    files = {"environment": {**ENVIRONMENT, "default_access": default}, "shop": unit()}
    [granted] = [each for each in consequences(tmp_path, files, *steps) if each.kind == "access_granted"]
    assert Path(granted.place.split(":")[0]).stem == file


@pytest.mark.parametrize(
    ("revokes", "also"),
    [
        ([], ""),
        (["serviceAccount:job@p.iam.gserviceaccount.com"], ", also of serviceAccount:job@p.iam.gserviceaccount.com"),
    ],
)
def test_adopted_dataset_that_a_run_changes_is_shown_with_whom_it_revokes(
    tmp_path: Path, revokes: list[str], also: str
):
    adopt = {"apply_changes": True, **({"revokes": revokes} if revokes else {})}
    steps = [
        step("import", "Dataset", "shop", None, {"datasetId": "shop", "location": "US"}),
        step("create", "DatasetAccess", "shop", None, {**ACCESS, "entries": {"a": READER}}),
    ]
    [shared, _] = consequences(tmp_path, {"shop": unit(dataset={"adopt": adopt})}, *steps)
    assert shared.text == (
        "gives access to the adopted dataset shop: roles/bigquery.dataViewer to user:b@example.com. Revokes the access "
        f"of all others to it{also}"
    )


def test_role_on_the_project_is_shown_at_the_line_of_its_member(tmp_path: Path):
    grant = {"role": "roles/bigquery.jobUser", "members": ["user:a@example.com", "workgroup:finance"]}
    files = {"environment": {**ENVIRONMENT, "workgroups": "wg-{workgroup}-{subgroup}@x.org", "project_access": [grant]}}
    new = {"role": "roles/bigquery.jobUser", "member": "group:wg-finance-default@x.org"}
    [granted] = consequences(tmp_path, files, step("create", "IAMMember", "finance", None, new))
    assert granted.text == "grants roles/bigquery.jobUser on project dev-project to workgroup:finance"
    lines = (tmp_path / "dev" / "environment.yaml").read_text().splitlines()
    assert "workgroup:finance" in lines[int(granted.place.split(":")[1]) - 1]


def test_role_on_the_project_says_which_data_it_reads_and_under_which_condition(tmp_path: Path):
    member, role = "user:a@example.com", {"role": "roles/bigquery.resourceViewer", "member": "user:a@example.com"}
    old, new = ({"title": f"until {year}", "expression": f"year < {year}"} for year in (2027, 2028))
    steps = [
        step("delete", "IAMMember", "old", {**role, "condition": old}),
        step("create", "IAMMember", "new", None, {**role, "condition": new}),
        step("create", "IAMMember", "admin", None, {"role": "roles/bigquery.admin", "member": member}),
    ]
    limited = "roles/bigquery.resourceViewer on project dev-project"
    assert {each.text for each in consequences(tmp_path, {}, *steps)} == {
        f"revokes {limited} from {member} under the condition 'until 2027'",
        f"grants {limited} to {member} under the condition 'until 2028', which is `year < 2028`",
        f"grants roles/bigquery.admin on project dev-project to {member}. The role reads every dataset of the project",
    }


def test_functions_of_one_name_are_shown_at_the_units_that_call_them(tmp_path: Path):
    def calls(name: str, **function: str) -> dict[str, object]:
        secrets = {"config": {"secrets_list": [{"key": "token", "value": {"env": "KEY", "version": 1}}]}}
        keys = {"service": "google_cloud_function", "destination": {"schema": name}, **secrets}
        return unit(connector={**keys, "function": {"name": "casa", **function}})

    files = {"shop": calls("shop", region="us-east4"), "two": calls("two", region="us-east4", project="other-project")}
    trigger = [{"config": {"function_trigger": f"https://{each}"}} for each in "ab"]
    steps = [
        step("create", "FunctionIamMember", "b", None, {"cloudFunction": "casa", "project": "other-project"}),
        step("update", "Connection", "two", *trigger),
    ]
    granted, changed = consequences(tmp_path, files, *steps)
    assert "two.yaml" in granted.place
    assert changed.text.startswith("changes `function` of the connection two")
    lines = (tmp_path / "dev" / "two.yaml").read_text().splitlines()
    assert "function" in lines[int(changed.place.split(":")[1]) - 1]


def test_expiry_that_no_file_could_set_before_is_one_line(tmp_path: Path):
    policy = {"expiry": {"longest": "30d", "warn": "3d", "grace": "5d"}}
    rules = (
        {"policy.expiry": "forbidden"},
        {"policy.expiry.longest": 30, "policy.expiry.warn": 3, "policy.expiry.grace": 5},
    )
    files = {"environment": {**ENVIRONMENT, "policy": policy}, "shop": unit()}
    steps = [step("update", "Preflight", "preflight", *({"rules": each} for each in rules))]
    assert found(consequences(tmp_path, files, *steps)) == [
        (
            "stop",
            "rule_loosened",
            "lets files set `expires`, up to 30 days ahead, which no file could before: after that day a run pauses "
            "the connection, and 5 days later it deletes the connection and the data",
        )
    ]


def test_new_connection_names_the_secrets_that_it_is_sent(tmp_path: Path):
    other = {"secret": "payroll-password", "version": 3, "project": "payroll"}
    config = {"host": "db.example.com", "password": other, "token": {"held_by": "fivetran"}}
    inputs = {"service": "postgres", "destination": {"schema": "shop"}, "unit": "shop", "config": config}
    (created,) = consequences(tmp_path, {"shop": unit()}, step("create", "Connection", "shop", None, inputs))
    secret = "version 3 of the secret payroll-password in project payroll as `config.password`"
    assert created.text.endswith(f"once its setup tests pass, and sends it {secret}")
    assert created.several
    assert created.several.after.endswith(f"once their setup tests pass, and sends each {secret}")


def test_grant_to_a_group_is_shown_without_the_number_of_people(tmp_path: Path):
    old = {**ACCESS, "entries": {"a": READER}}
    new = {**ACCESS, "entries": {"g": {"role": "READER", "groupByEmail": "g@x.org"}}}
    changed = consequences(tmp_path, {"shop": unit()}, step("update", "DatasetAccess", "shop", old, new))
    assert [(each.kind, "people named in the list: 1 → 0" in each.text) for each in changed] == [
        ("access_granted", False),
        ("access_revoked", True),
    ]


def test_deleted_connection_is_shown_with_the_dataset_that_stays(tmp_path: Path):
    alone = {"description": "x", "owners": ["a@example.com"], "dataset": {}}
    recorded = {"units": {"gone": {"file": "dev/gone.yaml", "connection": "sheets.gone"}}}
    steps = [
        step("delete", "Connection", "gone", {"service": "google_sheets"}),
        step("update", "Preflight", "preflight", recorded, {"units": {}}),
    ]
    [deleted] = consequences(tmp_path, {"sheets": alone}, *steps)
    assert deleted.text == "deletes the connection sheets.gone. The dataset sheets stays, with its data"


def test_rule_for_what_a_source_adds_later_is_shown_with_its_meaning(tmp_path: Path):
    both = ({"sync": {"new": each}} for each in ("block_all", "allow_columns"))
    [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Activation", "shop", *both))
    assert changed.text == (
        "changes `sync.new` of the connection shop from block_all to allow_columns: columns that the source adds later "
        "arrive, readable; schemas and tables do not"
    )


def test_hashing_that_begins_leaves_values_readable(tmp_path: Path):
    both = ({"sync": {"new": "allow_all", **each}} for each in ({}, {"schemas": {"s": {"tables": {"t": HASHED}}}}))
    [begun] = consequences(tmp_path, {"shop": unit()}, step("update", "Activation", "shop", *both))
    assert begun.text.endswith(
        "its values arrive hashed from the next sync on, and those in BigQuery can stay readable"
    )


def test_renamed_unit_with_a_new_connection_is_shown_to_keep_only_datasets(tmp_path: Path):
    recorded = {"old": {"owners": ["owner@example.com"]}}
    replaced = step("replace", "Connection", "shop", CONNECTION, CONNECTION)
    items = consequences(tmp_path, {"shop": unit(formerly="old")}, replaced, units=recorded)
    [renamed] = [each.text for each in items if each.kind == "unit_renamed"]
    assert renamed.endswith(": its datasets and their data stay, and its connection is replaced")


def test_function_of_another_region_is_not_taken_for_the_former_one(tmp_path: Path):
    steps = [
        step("create", "FunctionIamMember", "shop", None, {"cloudFunction": "casa", "region": "us-east4"}),
        step("delete", "FunctionIamMember", "old", {"cloudFunction": "casa", "region": "us-central1"}),
        step("create", "ServiceIamMember", "shop", None, {"name": "casa", "location": "us-west1", "project": "other"}),
    ]
    assert found(consequences(tmp_path, {"shop": unit()}, *steps)) == [
        ("stop", "function_granted", "lets Fivetran call the function casa in us-east4"),
        ("stop", "function_granted", "lets Fivetran call the function casa in us-west1 of project other"),
        ("note", "function_revoked", "no longer lets Fivetran call the function casa in us-central1"),
    ]


def test_function_that_is_no_longer_called_is_shown_at_the_unit(tmp_path: Path):
    def calls(region: str, name: str) -> dict[str, Any]:
        return {"config": {"function_trigger": f"https://{region}-p.cloudfunctions.net/{name}"}}

    steps = [
        step("delete", "FunctionIamMember", "p/us-central1/casa", {"cloudFunction": "casa", "region": "us-central1"}),
        step("update", "Connection", "other", calls("us-east4", "casa"), calls("us-east4", "casa2")),
        step("update", "Connection", "shop", calls("us-central1", "casa"), calls("us-central1", "casa2")),
    ]
    files = {"shop": unit(), "other": unit("other")}
    [revoked] = [each for each in consequences(tmp_path, files, *steps) if each.kind == "function_revoked"]
    assert Path(revoked.place.split(":")[0]).name == "shop.yaml"


def test_last_day_in_the_past_is_shown_at_its_line(tmp_path: Path):
    grant = {"role": "roles/bigquery.dataViewer", "members": ["user:b@example.com"], "until": "2026-11-20"}
    old = {**ACCESS, "entries": {"a": until("2026-12-20", "2026-12-21")}}
    steps = [step("update", "DatasetAccess", "shop", old, {**ACCESS, "entries": {}})]
    [revoked] = consequences(tmp_path, {"shop": unit(dataset={"access": [grant]})}, *steps)
    assert revoked.text == (
        "revokes roles/bigquery.dataViewer on dataset shop from user:b@example.com: the file says that its last day "
        "was 2026-11-20 (people named in the list: 1 → 0)"
    )
    lines = (tmp_path / "dev" / "shop.yaml").read_text().splitlines()
    assert "user:b@example.com" in lines[int(revoked.place.split(":")[1]) - 1]


@pytest.mark.parametrize(("paused", "once"), [(None, ""), ("INC-1", " once it is no longer paused")])
def test_schedule_of_a_paused_connection_is_shown_as_later(tmp_path: Path, paused: str | None, once: str):
    both = ({"paused": paused, "schedule": {"by": "fivetran", "every": each}} for each in ("6h", "1h"))
    [changed] = consequences(tmp_path, {"shop": unit()}, step("update", "Activation", "shop", *both))
    assert changed.text == f"changes when the connection shop syncs{once}: every 1h, instead of every 6h"


def test_number_of_people_is_shown_on_lines_that_change_it_that_way(tmp_path: Path):
    def reader(name: str) -> dict[str, Any]:
        return {"role": "READER", "userByEmail": f"{name}@example.com"}

    old, new = {"a": reader("ann"), "b": reader("bo")}, {"c": reader("cleo")}
    steps = [step("update", "DatasetAccess", "shop", {**ACCESS, "entries": old}, {**ACCESS, "entries": new})]
    shown = {(each.kind, "2 → 1" in each.text) for each in consequences(tmp_path, {"shop": unit()}, *steps)}
    assert shown == {("access_granted", False), ("access_revoked", True)}


@pytest.mark.parametrize(
    ("has_connection", "datasets", "data", "text"),
    [
        (
            True,
            ("shop",),
            "keep",
            "its connection is paused. Once its file is deleted, a run deletes the connection and leaves its data in "
            "BigQuery",
        ),
        (
            True,
            ("shop",),
            "delete",
            "its connection is paused. Once its file is deleted, a run deletes the connection and deletes its data",
        ),
        (True, (), "keep", "its connection is paused. Once its file is deleted, a run deletes the connection"),
        (False, ("shop",), "keep", "once its file is deleted, a run leaves its data in BigQuery"),
    ],
    ids=["kept", "deleted", "shared-dataset", "dataset-alone"],
)
def test_retired_unit_is_shown_with_what_later_runs_do(
    tmp_path: Path, has_connection: bool, datasets: tuple[str, ...], data: str, text: str
):
    recorded = {"file": "dev/shop.yaml", "datasets": dict.fromkeys(datasets, "US")}
    recorded |= {"connection": "shop"} if has_connection else {}
    end = {"retired": True, "kept": data == "keep"}
    retired = {**recorded, "ending": end if has_connection else {}, "dataset_endings": dict.fromkeys(datasets, end)}
    steps = [step("update", "Preflight", "preflight", *({"units": {"shop": each}} for each in (recorded, retired)))]
    files = {"shop": unit(retire={"ticket": "T-1", "data": data})}
    [shown] = [each for each in consequences(tmp_path, files, *steps) if each.kind == "retired"]
    assert shown.text == f"retires shop (T-1): {text}"
