"""Live connections → units: what needs no Fivetran to be seen."""

import base64
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran import catalog, tables
from reconciler.fivetran.api import Approval, ColumnConfig, Connection, Lock, SchemaConfig, StandardConfig, TableConfig
from reconciler.fivetran.config_diff import differences
from reconciler.importer import destination_of, unit_name
from reconciler.importer.config import Config
from reconciler.importer.connector import settings_of
from reconciler.importer.schedule import schedule_of
from reconciler.importer.sync import sync_of
from reconciler.importer.trust import Approvals, may_have_approvals, trust_of
from reconciler.model import REFERENCE_KEYS, AirflowSchedule, DestinationSchema, FivetranSchedule, Sync, TableSync

STRIPE = DestinationSchema(schema="stripe")


def connection(**fields: Any) -> Connection:
    return dataclasses.replace(Connection.parse({"id": "duel_salutation"}), **fields)


def config(live: dict[str, Any], service: str = "stripe", destination: DestinationSchema = STRIPE) -> Config:
    return Config(live, catalog.find(service), destination, "unit")


#: What has the keys of a reference is read as one, and left out of a draft.
KEYS = st.text(max_size=8).filter(lambda key: key not in REFERENCE_KEYS)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner.filter(lambda item: item is not None), max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=10,
)


def has_null(node: Any) -> bool:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return node is None or any(map(has_null, inner))


@pytest.mark.parametrize(
    ("key", "asked"),
    [("host", True), ("hosts", True), ("servers", True), ("sftp_host", True), ("host_ip", True), ("sub_domain", False)],
)
def test_approvals_are_looked_for_where_config_names_a_host(key: str, asked: bool):
    assert may_have_approvals(connection(config={key: "a.example.com"})) == asked
    assert not may_have_approvals(connection(config={key: ""}))


def test_certificate_whose_name_holds_a_known_secret_is_written_without_it():
    approval = Approval("a", base64.b64encode(b"1" * 32).decode(), "no sk_live_0aZ9", None)
    shown = [str(trust_of(Approvals([approval]), secrets)[1]) for secrets in ((), {"sk_live_0aZ9"})]
    assert ["sk_live" in text for text in shown] == [True, False]


@pytest.mark.parametrize(
    ("live", "written"),
    [
        *((live, 5432) for live in (5432, "5432", "5432.0")),
        (2**53, 2**53),
        *((live, None) for live in (2**53 + 1, str(2**53 + 1), "1_000", "\uff15", "1e999", "0x10")),
    ],
)
def test_number_of_a_typed_setting_is_written_exactly_or_left_out(live: Any, written: int | None):
    found = config({"port": live}, "postgres", DestinationSchema(schema_prefix="shop"))
    assert found.tree == ({} if written is None else {"port": written})
    assert found.left_out == (["config.port"] if written is None else [])


def test_object_in_a_list_of_texts_is_left_out():
    found = config({"manager_accounts": [{}], "accounts": ["1"]}, "google_ads")
    assert (found.tree, found.left_out) == ({"accounts": ["1"]}, ["config.manager_accounts"])


def test_setting_that_holds_a_known_secret_is_named_without_its_value():
    live = connection(settings={"proxy_agent_id": "sk_live_0aZ9", "networking_method": "by sk_live_0aZ9"})
    assert settings_of(live, {"sk_live_0aZ9"}) == ({}, ["networking_method", "proxy_agent_id"])


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_import_of_an_unknown_service_keeps_every_set_value(live: dict[str, Any]):
    found = config(live, "nobody_knows")
    assert list(differences(found.tree, live)) == []
    assert found.left_out == []
    assert not has_null(found.tree)


@given(st.dictionaries(st.sampled_from(sorted(catalog.find("stripe").config)), JSON, max_size=4))  # type: ignore[union-attr]
def test_import_of_a_known_service_has_no_difference_and_names_what_is_left_out(live: dict[str, Any]):
    found = config(live)
    assert list(differences(found.tree, live, field=catalog.config_of("stripe"))) == []
    keys = {path.split(".")[1].split("[")[0] for path in found.left_out}
    says_nothing = {key for key, value in live.items() if value in (None, "", [], {})}
    assert set(live) <= set(found.tree) | keys | says_nothing


def test_values_take_the_type_of_the_service_where_they_say_the_same():
    live = {"port": "5432", "host": 17, "always_encrypted": "true", "connection_type": "DIRECTLY", "database": True}
    found = config(live, "postgres", DestinationSchema(schema_prefix="app"))
    assert found.tree == {"port": 5432, "host": "17", "always_encrypted": True, "connection_type": "Directly"}
    assert found.left_out == ["config.database"]


def test_choice_is_written_as_the_catalogue_has_it():
    found = config({"file_type": "CSV", "on_error": "Fail"}, "gcs", DestinationSchema(schema="app", table="files"))
    assert (found.tree, found.left_out) == ({"file_type": "csv", "on_error": "fail"}, [])


def test_settings_that_are_not_fivetrans_default_are_written():
    live = connection(
        settings={
            "networking_method": "PrivateLink",
            "private_link_id": "link_1",
            "data_delay_sensitivity": "NORMAL",
            "data_delay_threshold": 0,
            "pause_after_trial": True,
            "destination_schema_names": "SOURCE_NAMING",
        }
    )
    assert settings_of(live, secrets=[]) == (
        {
            "networking_method": "PrivateLink",
            "private_link_id": "link_1",
            "pause_after_trial": True,
            "destination_schema_names": "SOURCE_NAMING",
        },
        [],
    )


def test_settings_that_fivetran_shows_and_does_not_take_are_named():
    live = connection(settings={"networking_method": "UnmanagedProxyAgent", "data_delay_threshold": -1})
    assert settings_of(live, secrets=[]) == ({}, ["networking_method: UnmanagedProxyAgent", "data_delay_threshold: -1"])


def test_destination_s_keys_are_not_in_the_config_but_a_database_s_own_schema_is():
    assert config({"schema": "stripe", "table": "x"}).tree == {}
    source = config({"schema_prefix": "p", "schema": "its_own"}, "nobody_knows", DestinationSchema(schema_prefix="p"))
    assert source.tree == {"schema": "its_own"}


def test_secret_in_a_list_is_marked_by_the_name_that_stands_beside_it():
    live = {"secrets_list": [{"key": "Access_Token", "value": "******"}, {"key": "b", "value": "******"}]}
    found = config(live, "google_cloud_function")
    held = {"held_by": "fivetran"}
    assert found.tree == {"secrets_list": [{"key": "Access_Token", "value": held}, {"key": "b", "value": held}]}
    assert found.comments == {
        (
            "connector",
            "config",
            "secrets_list",
            0,
            "value",
        ): "fill in: {secret: fivetran-unit-access-token, version: 1}",
        ("connector", "config", "secrets_list", 1, "value"): "fill in: {secret: fivetran-unit-b, version: 1}",
    }


def test_import_writes_no_credential_that_fivetran_shows():
    found = config({"api_token": "canary", "nested": {"password": "canary"}, "n": "-----BEGIN PRIVATE KEY-----"}, "x")
    assert "canary" not in str(found.tree)
    assert "PRIVATE" not in str(found.tree)
    assert len(found.comments) == 3


@pytest.mark.parametrize(
    ("service", "schema", "live", "destination"),
    [
        ("stripe", "stripe", {}, DestinationSchema(schema="stripe")),
        ("google_sheets", "a.b", {}, DestinationSchema(schema="a", table="b")),
        ("sftp", "a.b", {}, DestinationSchema(schema="a", table_group_name="b")),
        ("google_sheets", "a.b", {"schema": "a", "table": "a source's"}, DestinationSchema(schema="a", table="b")),
        ("postgres", "app", {}, DestinationSchema(schema_prefix="app")),
        ("postgres", "app", {"schema": "public"}, DestinationSchema(schema_prefix="app")),
        ("brand_new", "a", {"schema_prefix": "a"}, DestinationSchema(schema_prefix="a")),
        (
            "brand_new",
            "a.b",
            {"schema": "a", "table_group_name": "b"},
            DestinationSchema(schema="a", table_group_name="b"),
        ),
        ("brand_new", "a.b", {}, DestinationSchema(schema="a", table="b")),
        ("brand_new", "a", {"table": "of something else"}, DestinationSchema(schema="a")),
    ],
)
def test_destination_is_what_fivetran_says_in_the_form_of_the_service(
    service: str, schema: str, live: dict[str, Any], destination: DestinationSchema
):
    assert destination_of(connection(service=service, schema=schema, config=live)) == destination


@pytest.mark.parametrize(
    ("live", "schedule"),
    [
        ({"schedule_type": "auto", "sync_frequency": 60}, FivetranSchedule(60)),
        ({"schedule_type": "auto", "sync_frequency": 1440}, FivetranSchedule(1440)),
        ({"schedule_type": "auto", "sync_frequency": 1440, "daily_sync_time": "4:00"}, FivetranSchedule(1440, "04:00")),
        ({"schedule_type": "auto", "sync_frequency": 60, "daily_sync_time": "04:00"}, FivetranSchedule(60)),
        ({"schedule_type": None, "sync_frequency": None}, FivetranSchedule()),
        ({"schedule_type": "manual", "sync_frequency": 60}, AirflowSchedule("fivetran_u")),
    ],
)
def test_schedule_is_the_live_one(live: dict[str, Any], schedule: object):
    assert schedule_of(connection(**live), "u", "dev", None, ())[0] == schedule


def test_import_names_an_interval_that_no_file_can_declare():
    found, comment = schedule_of(connection(schedule_type="auto", sync_frequency=100), "u", "dev", None, ())
    assert found == FivetranSchedule(120)
    assert comment == "Fivetran syncs every 100 minutes; files cannot declare that, and this is the nearest value."


def test_names_are_snake_case_and_never_that_of_another_file():
    assert unit_name("google_sheets.budget", "id", ()) == "google_sheets_budget"
    assert unit_name("A.B-c", "id", {"a_b_c"}) == "a_b_c_id"
    assert unit_name("environment", "id", ()) == "environment_id"
    assert unit_name("__", "id", ()) == "id"


LOCKS = st.none() | st.builds(Lock, st.sampled_from(["SYSTEM_TABLE", "DELETED"]), st.none())
COLUMNS = st.builds(ColumnConfig, st.booleans(), st.booleans() | st.none(), LOCKS)
NAMES = st.sampled_from(["a", "b", "c d", "É"])
TABLES = st.builds(
    TableConfig,
    st.booleans(),
    st.none() | st.sampled_from(["soft_delete", "history", "live"]),
    st.just(True),
    st.just(True),
    LOCKS,
    st.dictionaries(NAMES, COLUMNS, max_size=3),
)
LIVE = st.builds(
    StandardConfig,
    st.sampled_from(["allow_all", "allow_columns", "block_all"]),
    st.dictionaries(
        NAMES,
        st.builds(SchemaConfig, st.booleans(), st.none(), st.dictionaries(NAMES, TABLES, max_size=3)),
        max_size=3,
    ),
)


@given(LIVE)
def test_sync_that_was_imported_differs_in_nothing_from_what_is_live(live: StandardConfig):
    found = sync_of(live, left_out=[])
    if found is not None:
        compared = tables.compare(tables.inputs(found), live)
        assert compared.differences == ()
        assert compared.patch == {}
        assert compared.findings == ()


@given(LIVE)
def test_every_schema_that_is_not_as_new_ones_become_is_in_the_file(live: StandardConfig):
    found, lets_in = sync_of(live, left_out=[]), live.schema_change_handling == "allow_all"
    chosen = {name for name, schema in live.schemas.items() if schema.enabled is not lets_in}
    assert chosen <= set(found.schemas if found is not None else ())


def test_import_writes_no_sync_when_nothing_was_selected():
    table = TableConfig(True, "soft_delete", True, True, None, {"id": ColumnConfig(True, False, None)})
    usual = StandardConfig("allow_all", {"s": SchemaConfig(True, "s", {"t": table})})
    assert sync_of(usual, left_out=[]) is None
    assert sync_of(None, left_out=[]) is None
    history = dataclasses.replace(table, sync_mode="history")
    chosen = StandardConfig("allow_all", {"s": SchemaConfig(True, "s", {"t": table, "u": history})})
    found = sync_of(chosen, left_out=[])
    assert isinstance(found, Sync)
    assert found.schemas["s"].tables == {"u": TableSync(mode="history")}
