"""The model of `tests/config/good/every_field`, field by field."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from reconciler.config import load
from reconciler.model import (
    Adopt,
    AirflowSchedule,
    Awaiting,
    BigqueryEtl,
    Condition,
    Connector,
    DagByHand,
    Dataset,
    DatasetAdopt,
    Destination,
    DestinationSchema,
    Environment,
    FivetranSchedule,
    Fleet,
    Function,
    Grant,
    Ignore,
    Labels,
    ReadsElsewhere,
    SchemaSync,
    Sync,
    TableSync,
    TaskElsewhere,
    Unit,
)
from reconciler.model.errors import InvalidSpecs, ReconcilerError
from reconciler.model.policy import AllowResync, Change, DeleteGuard, ExpiryPolicy, Never, PeoplePolicy, Policy, Retire

CASES = Path(__file__).parents[2] / "config"


@pytest.fixture(scope="module")
def dev() -> Fleet:
    folder = CASES / "good" / "every_field"
    return load(folder, folder).fleet("dev")


def unit(fleet: Fleet, name: str) -> Unit:
    return next(unit for unit in fleet.units if unit.name == name)


def test_environment_is_what_its_file_says(dev: Fleet):
    assert dev.environment == Environment(
        name="dev",
        file="dev/environment.yaml",
        gcp_project="example-dev",
        group="Fivetran_Dev",
        formerly="Fivetran_Test",
        quota_left=25,
        destination=Destination(
            location="US",
            region="GCP_US_EAST4",
            time_zone_offset="-11",
            settings={
                "networking_method": "PrivateLink",
                "proxy_agent_id": "agent_1",
                "private_link_id": "link_1",
                "hybrid_deployment_agent_id": "agent_2",
                "external_secrets_manager_id": "manager_1",
                "daylight_saving_time_enabled": False,
                "bucket": "example-staging",
                "support_json_type": True,
            },
        ),
        fivetran_access=(
            Grant("Manage Destination", ("user:automation@example.com",)),
            Grant(
                "Destination Reviewer",
                ("team:Data Engineering", "user:someone@example.com"),
                ticket="DENG-1",
                until=date(2200, 1, 31),
            ),
        ),
        workgroups="gcp-wg-{workgroup}--{subgroup}@example.com",
        automation=(
            Grant("roles/bigquery.dataOwner", ("serviceAccount:reconciler@example-dev.iam.gserviceaccount.com",)),
        ),
        default_access=(Grant("roles/bigquery.dataViewer", ("workgroup:data/engineers", "domain:example.com")),),
        project_access=(
            Grant("roles/bigquery.jobUser", ("workgroup:data/engineers",)),
            Grant(
                "roles/bigquery.metadataViewer",
                ("group:audit@example.com",),
                condition=Condition("this year", 'request.time < timestamp("2200-01-01T00:00:00Z")'),
            ),
        ),
        labels=Labels({"realm": "nonprod"}, ("app_code", "realm")),
        ignore=Ignore(("fivetran_log",), ("dbt_*", "google_sheets.budget")),
        bigquery_etl=BigqueryEtl(
            ("example-shared-dev", "example-data-*"),
            (DagByHand("fivetran_by_hand", "dags/by_hand.py of another repository"),),
            (TaskElsewhere("fivetran_legacy_*", "the account of the sales team"),),
            (
                ReadsElsewhere(
                    "example-shared-dev.shop_external.prod_*", "example-prod.shop", "the shop has no test data"
                ),
            ),
        ),
        policy=Policy(
            expiry=ExpiryPolicy(
                required=True, longest=timedelta(days=99_999), warn=timedelta(days=20), grace=timedelta(days=0)
            ),
            removal="retire",
            people=PeoplePolicy(
                need=frozenset({"ticket", "until"}),
                longest=timedelta(days=99_999),
                warn=timedelta(days=3),
                standing=(
                    "user:automation@example.com",
                    "group:gcp-wg-data--Engineers@example.com",
                    "domain:example.com",
                    "group:b@example.com",
                ),
            ),
            public_access="forbidden",
            undeclared_datasets="forbidden",
            undeclared_fivetran_access="revoked",
            delete_guard=DeleteGuard(share=7, at_least=0),
            secret_versions="pinned",
            pulumi_config="allowed",
            trust="any",
        ),
        secrets_project="example-secrets",
    )


def test_default_policy_lets_units_expire_and_be_removed_with_their_file(tmp_path: Path):
    file = tmp_path / "dev" / "environment.yaml"
    file.parent.mkdir()
    text = (CASES / "good" / "every_field" / "prod" / "environment.yaml").read_text()
    file.write_text(text)
    assert load(tmp_path, tmp_path).fleet("dev").environment.policy.expiry == ExpiryPolicy(forbidden=True)
    file.write_text(text.replace("policy: {expiry: forbidden}", "policy: {}"))
    assert load(tmp_path, tmp_path).fleet("dev").environment.policy == Policy(
        ExpiryPolicy(warn=timedelta(days=14), grace=timedelta(days=7)),
        "file",
        PeoplePolicy(warn=timedelta(days=7)),
        "forbidden",
        "allowed",
        DeleteGuard(20, 3),
    )


def test_policy_can_forbid_references_to_the_config_of_the_stack(tmp_path: Path):
    file = tmp_path / "dev" / "environment.yaml"
    file.parent.mkdir()
    text = (CASES / "good" / "every_field" / "prod" / "environment.yaml").read_text()
    file.write_text(text.replace("policy: {expiry: forbidden}", "policy: {pulumi_config: forbidden}"))
    assert load(tmp_path, tmp_path).fleet("dev").environment.policy.pulumi_config == "forbidden"


def test_references_without_project_get_the_secrets_project_of_the_environment(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    for name in ("environment", "stripe"):
        source = CASES / "good" / "smallest" / "dev" / f"{name}.yaml"
        (tmp_path / "dev" / source.name).write_text(source.read_text())
    unit_file = tmp_path / "dev" / "stripe.yaml"
    unit_file.write_text(
        "description: x\nowners: [a@example.com]\ndataset: {}\nconnector:\n  service: acme\n"
        "  destination: {schema: stripe}\n  config: {api_key: {secret: stripe}}\n"
        "  auth: {tokens: [{token: {secret: two, version: 2}}]}\n"
    )
    fleet = load(tmp_path, tmp_path).fleet("dev")
    connector = unit(fleet, "stripe").connector
    assert connector is not None
    project = fleet.environment.gcp_project
    assert fleet.environment.secrets_project == project
    assert connector.config == {"api_key": {"secret": "stripe", "project": project}}
    assert connector.auth == {"tokens": [{"token": {"secret": "two", "version": 2, "project": project}}]}


def test_unit_is_what_its_file_says(dev: Fleet):
    assert unit(dev, "stripe") == Unit(
        name="stripe",
        file="dev/stripe.yaml",
        description="Subscriptions and invoices.",
        owners=("subplat@example.com", "data@example.com"),
        connector=Connector(
            service="acme",
            destination=DestinationSchema(schema="stripe"),
            config={
                "api_key": {"secret": "fivetran-stripe-api-key", "version": 3, "project": "example-secrets"},
                "accounts": [
                    {"id": 1, "secret": {"env": "STRIPE_SECOND"}},
                    {"id": 2, "secret": {"secret": "fivetran-stripe-2", "version": 1, "project": "example-other"}},
                    {"id": 3, "secret": {"pulumi_config": "stripe_third", "version": 2}},
                    {"id": 4, "secret": {"held_by": "fivetran"}},
                ],
                "historical_sync_time_frame": "ALL_TIME",
            },
            auth={"client_access": {"client_id": "reconciler", "client_secret": {"env": "STRIPE_CLIENT_SECRET"}}},
            settings={
                "networking_method": "ProxyAgent",
                "proxy_agent_id": "agent_1",
                "private_link_id": "link_1",
                "hybrid_deployment_agent_id": "agent_2",
                "external_secrets_manager_id": "manager_1",
                "external_secrets_keys_config": {"api_key": "STRIPE_KEY"},
                "data_delay_sensitivity": "CUSTOM",
                "data_delay_threshold": 120,
                "pause_after_trial": True,
                "destination_schema_names": "SOURCE_NAMING",
            },
            schedule=AirflowSchedule("fivetran_stripe"),
            sync=Sync(
                new="block_all",
                others="reset",
                schemas={
                    "stripe": SchemaSync(
                        tables={
                            "customer": TableSync(
                                mode="history",
                                columns={"id": "included", "email": "hashed", "Phone Number": "excluded"},
                            ),
                            "charge": TableSync(columns={"id": "included"}),
                            "event": TableSync(included=False),
                        }
                    ),
                    "Stripe_Test": SchemaSync(included=False),
                },
            ),
            paused="INC-4711: duplicates",
            awaiting=Awaiting("the vendor installs our key (DENG-42)", "2026-12-15"),
            adopt=Adopt("duel_salutation", apply_changes=True),
            permanent=("historical_sync_time_frame",),
            allow_resync=AllowResync(
                "DENG-1234",
                schema=Change("payments", "stripe"),
                service=Change("stripe_test", "acme"),
                group=Change("Fivetran Old", "Fivetran_Dev"),
                config={"historical_sync_time_frame": Change(["SIX", 6], "ALL_TIME")},
                retire=Retire("DENG-1235", "keep"),
            ),
        ),
        datasets=(
            Dataset(
                id="stripe",
                location="US",
                friendly_name="Stripe",
                description="Subscriptions.\nAnd invoices.\n",
                labels={"realm": "test", "app_code": "subplat", "tag": ""},
                sensitive=True,
                access=(
                    Grant(
                        "roles/bigquery.dataViewer",
                        (
                            "workgroup:data/engineers",
                            "group:b@example.com",
                            "serviceAccount:c@example-dev.iam.gserviceaccount.com",
                        ),
                    ),
                    Grant("organizations/1234/roles/auditor", ("group:b@example.com",)),
                    Grant("projects/example-dev/roles/auditor", ("group:b@example.com",)),
                    Grant("roles/bigquery.dataEditor", ("user:a@example.com",), "DATA-1", date(2199, 1, 31)),
                    Grant(
                        "roles/bigquery.dataViewer",
                        (
                            "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/s",
                        ),
                        condition=Condition("office hours", "request.time.getHours() < 18", "and not later"),
                    ),
                ),
                default_table_expiration_ms=3_600_000,
                written_by="fivetran",
                adopt=DatasetAdopt(True, ("serviceAccount:old@example-dev.iam.gserviceaccount.com",)),
            ),
        ),
        formerly="stripe_old",
        expires=date(2199, 12, 31),
        former_datasets=(replace(unit(dev, "stripe").datasets[0], id="payments", written_by=None),),
    )


def test_unit_ends_on_a_date_or_never_or_is_retired(dev: Fleet):
    assert unit(dev, "budget").expires == date(2199, 12, 30)
    assert unit(dev, "airflow_metadata").expires == Never("feeds a tier-1 DAG")
    assert unit(dev, "exports").expires is None
    assert unit(dev, "exports").retire == Retire("FIN-1", "delete")


def test_database_connector_writes_a_dataset_a_key_named_by_its_prefix(dev: Fleet):
    database = unit(dev, "airflow_metadata")
    assert [dataset.id for dataset in database.datasets] == ["airflow_metadata_public", "airflow_metadata_Audit_1"]
    assert [dataset.sensitive for dataset in database.datasets] == [False, True]
    assert [dataset.default_access for dataset in database.datasets] == [False, True]
    assert dev.datasets_of(database) == database.datasets


def test_sync_keeps_others_and_includes_named_entries_by_default(dev: Fleet):
    connector = unit(dev, "airflow_metadata").connector
    assert connector is not None
    assert connector.sync == Sync(
        new="allow_columns",
        others="keep",
        schemas={
            "public": SchemaSync(),
            "Audit-1": SchemaSync(tables={"log": TableSync(mode="soft_delete"), "dag": TableSync()}),
            "celery": SchemaSync(included=False),
        },
    )
    budget = unit(dev, "budget").connector
    assert budget is not None
    assert budget.sync is None


def test_dataset_has_the_location_of_the_destination_unless_it_says_otherwise(dev: Fleet):
    assert {dataset.location for one in dev.units for dataset in one.datasets} == {"US"}
    folder = CASES / "good" / "every_field"
    assert unit(load(folder, folder).fleet("prod"), "backups_eu").datasets[0].location == "europe-west1"


def test_dataset_has_the_description_of_its_unit_unless_it_has_its_own(dev: Fleet):
    described = {dataset.id: dataset.description for one in dev.units for dataset in one.datasets}
    assert described["stripe"] == "Subscriptions.\nAnd invoices.\n"
    assert unit(dev, "stripe").description == "Subscriptions and invoices."
    database = unit(dev, "airflow_metadata")
    assert described["airflow_metadata_public"] == database.description
    assert described["airflow_metadata_Audit_1"] == "Who did what."
    assert described["finance_sheets"] == unit(dev, "finance_sheets").description
    assert all(described.values())


def test_dataset_alone_is_named_by_its_file(dev: Fleet):
    sheets = unit(dev, "finance_sheets")
    assert sheets.connector is None
    assert [dataset.id for dataset in sheets.datasets] == ["finance_sheets"]
    assert dev.datasets_of(sheets) == ()


def test_connectors_that_name_a_dataset_write_to_it(dev: Fleet):
    sheets = unit(dev, "finance_sheets").datasets[0]
    assert unit(dev, "budget").datasets == ()
    assert unit(dev, "budget").dataset_unit == "finance_sheets"
    assert dev.datasets_of(unit(dev, "budget")) == (sheets,)
    assert [writer.name for writer in dev.writers_of(sheets)] == ["budget", "exports"]
    assert [writer.name for writer in dev.writers_of(unit(dev, "stripe").datasets[0])] == ["stripe"]


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("budget", FivetranSchedule(every_minutes=15)),
        ("airflow_metadata", FivetranSchedule(every_minutes=1440, daily_at="04:00")),
        ("exports", FivetranSchedule(every_minutes=360)),
        ("stripe", AirflowSchedule("fivetran_stripe")),
    ],
)
def test_schedule_is_airflow_s_or_fivetran_s_and_every_6_hours_when_absent(dev: Fleet, name: str, schedule: object):
    connector = unit(dev, name).connector
    assert connector is not None
    assert connector.schedule == schedule


def test_units_are_sorted_by_name_and_the_environment_is_none_of_them(dev: Fleet):
    names = ["airflow_metadata", "budget", "casa", "exports", "finance_sheets", "stripe"]
    assert [one.name for one in dev.units] == names


def test_function_sets_its_trigger_address_unless_config_declares_one(dev: Fleet):
    connector = unit(dev, "casa").connector
    assert connector is not None
    assert connector.function == Function("casa", "example-functions", "us-central1", 2)
    assert connector.config == {
        "function_trigger": "https://us-central1-example-functions.cloudfunctions.net/casa",
    }


def test_connector_needs_consent_where_its_service_does_and_its_file_gives_no_auth(dev: Fleet):
    needs = {one.name: one.connector.needs_consent for one in dev.units if one.connector}
    assert needs == {"airflow_metadata": False, "budget": True, "casa": False, "exports": False, "stripe": False}


def test_fleet_raises_the_problems_of_an_environment_or_lists_known_ones():
    folder = CASES / "bad" / "task_ids"
    loaded = load(folder, folder)
    with pytest.raises(InvalidSpecs) as invalid:
        loaded.fleet("prod")
    assert invalid.value.problems == loaded.problems_of("prod")
    assert len(invalid.value.problems) == 1
    with pytest.raises(ReconcilerError, match="there is no environment 'stage': the environments are dev, prod"):
        loaded.fleet("stage")


def test_fleet_raises_the_problems_of_the_folder_when_it_has_no_environment(tmp_path: Path):
    with pytest.raises(InvalidSpecs, match="no environment found"):
        load(tmp_path, tmp_path).fleet("dev")


def test_faulty_environment_does_not_hold_up_another():
    folder = CASES / "bad" / "dataset_declared_twice"
    assert list(load(folder, folder).fleets) == ["prod"]
