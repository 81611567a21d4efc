"""`check-etl` against checkouts written like bigquery-etl, through the command."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from reconciler.cli.main import cli

TODAY = "2026-06-15"


class Estate:
    """Two environments, dev where everything expires, and prod; and a checkout of bigquery-etl."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment("dev", policy={"expiry": {"required": True, "longest": "400d", "warn": "14d", "grace": "7d"}})
        self.environment("prod")
        self.unit("prod", "orders", task="shop_orders")
        self.query("orders", "`prod-shop.orders.line`", task="shop_orders")

    def environment(self, name: str, policy: Any = None, **more: Any) -> None:
        """Write an environment; prod owns the queries of `shared-*`."""
        etl = {"projects": ["shared-*"]} if name == "prod" else {}
        etl |= more.pop("bigquery_etl", {})
        content = {
            "gcp_project": f"{name}-shop",
            "fivetran": {
                "group": name,
                "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
            },
            **({"policy": policy} if policy else {}),
            **({"bigquery_etl": etl} if etl else {}),
            **more,
        }
        self._write(f"connectors/{name}/environment.yaml", yaml.safe_dump(content, sort_keys=False))

    def unit(self, environment: str, name: str, task: str | None = None, connector: Any = None, **more: Any) -> None:
        """Write a unit with a Stripe connector, whose dataset has its name."""
        schedule = {"schedule": {"by": "airflow", "task_id": task}} if task else {}
        content = {
            "description": "Orders.",
            "owners": ["owner@example.com"],
            "connector": {
                "service": "stripe",
                "destination": {"schema": name},
                "config": {"api_key": {"env": "KEY", "version": 1}},
                **schedule,
                **(connector or {}),
            },
            "dataset": {},
            **more,
        }
        self._write(f"connectors/{environment}/{name}.yaml", yaml.safe_dump(content, sort_keys=False))

    def query(
        self, name: str, table: str, task: str | None = None, checkout: str = "etl", project: str = "shared-prod"
    ) -> None:
        """Write the folder of a query, as bigquery-etl has it."""
        folder = f"{checkout}/sql/{project}/shop_external/{name}_v1"
        tasks = f"  depends_on_fivetran:\n    - task_id: {task}\n" if task else ""
        metadata = f"friendly_name: {name}\nowners:\n  - a@example.com\nscheduling:\n  dag_name: bqetl_shop\n{tasks}"
        self._write(f"{folder}/metadata.yaml", metadata)
        self._write(f"{folder}/query.sql", f"SELECT\n  id,\nFROM\n  {table}\n")

    def file(self, name: str, text: str) -> None:
        """Write a file of the checkout's folder `sql`."""
        self._write(f"etl/sql/{name}", text)

    def run(self, *arguments: str) -> Result:
        """Run the command on the checkout `etl`, or on these."""
        paths = [each for each in arguments if not each.startswith("-")]
        options = [each for each in arguments if each.startswith("-")]
        result = CliRunner().invoke(
            cli, ["check-etl", "--today", TODAY, *options, *(paths or ["etl"])], standalone_mode=False
        )
        assert result.exception is None, result.exception
        return result

    def found(self, *paths: str) -> list[tuple[str, str]]:
        """Return the place and kind of each finding."""
        listed = json.loads(self.run("--format=json", *paths).stdout)
        return [(f"{each['file']}:{each['line']}:{each['column']}", each["kind"]) for each in listed]

    def _write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_SPECS", raising=False)
    return Estate(tmp_path)


ORDERS = "etl/sql/shared-prod/shop_external/orders_v1"


def test_check_etl_finds_nothing_where_queries_and_units_agree(estate: Estate):
    result = estate.run()
    assert (result.return_value, result.stdout) == (0, "")
    assert result.stderr == "1 metadata.yaml file, 1 task, 1 query that reads Fivetran's data: no problems\n"


def test_check_etl_reports_a_task_without_a_unit_at_its_line(estate: Estate):
    estate.query("orders", "`prod-shop.orders.line`", task="shop_order")
    result = estate.run()
    assert result.return_value == 1
    assert f"{ORDERS}/metadata.yaml:7:16: no unit has the task_id shop_order\n" in result.stdout
    assert "Write shop_orders, the task of connectors/prod/orders.yaml, whose data the query reads." in result.stdout
    estate.query("orders", "x", task="shop_order")
    assert "    Did you mean shop_orders?" in estate.run().stdout


def test_check_etl_names_the_lasting_environment_for_a_task_managed_elsewhere(estate: Estate):
    estate.query("people", "x", task="other_task", project="nobodys-project")
    assert "name it under `bigquery_etl: {tasks_elsewhere: […]}` in connectors/prod/" in estate.run().stdout


def test_check_etl_reports_a_unit_that_no_query_uses_at_its_line(estate: Estate):
    estate.query("orders", "`prod-shop.orders.line`")
    assert estate.found() == [("connectors/prod/orders.yaml:14:5", "unit_without_query")]


def test_check_etl_reads_several_checkouts_together(estate: Estate):
    estate.unit("prod", "people", task="shop_people")
    estate.query("people", "`prod-shop.people.person`", task="shop_people", checkout="private")
    assert [kind for _, kind in estate.found()] == ["unit_without_query"]
    assert estate.found("etl", "private", "etl/sql") == []


def test_check_etl_takes_a_dag_by_hand_as_an_exception(estate: Estate):
    estate.query("orders", "`prod-shop.orders.line`")
    by_hand = [{"task_id": "shop_orders", "where": "dags/orders.py"}]
    estate.environment("prod", bigquery_etl={"dags_by_hand": by_hand})
    assert estate.found() == []


def test_check_etl_reports_a_prod_query_that_reads_dev(estate: Estate):
    estate.unit("dev", "orders", expires={"never": "the tests run on it"})
    estate.query("trial", "`dev-shop`.orders.line")
    place = "etl/sql/shared-prod/shop_external/trial_v1/query.sql:4:4"
    assert estate.found() == [(place, "wrong_project")]
    text = estate.run().stdout
    assert "reads dev-shop.orders, which belongs to dev, but shared-prod belongs to prod" in text
    assert "Read prod-shop, or name the query under `bigquery_etl: {reads_elsewhere: […]}` in connectors/prod/" in text


def test_check_etl_takes_a_prod_query_that_reads_dev_on_purpose(estate: Estate):
    estate.unit("dev", "orders", expires={"never": "the tests run on it"})
    estate.query("nonprod_orders", "`dev-shop`.orders.line")
    exception = {"queries": "shared-prod.shop_external.nonprod_*", "datasets": "dev-shop.orders", "reason": "tests"}
    estate.environment("prod", bigquery_etl={"reads_elsewhere": [exception]})
    assert estate.found() == []
    estate.query("other", "`dev-shop`.orders.line")
    assert [kind for _, kind in estate.found()] == ["wrong_project"]


def test_check_etl_reports_dev_reads_of_queries_that_no_environment_owns(estate: Estate):
    estate.unit("dev", "orders", expires={"never": "the tests run on it"})
    estate.query("trial", "`dev-shop`.orders.line", project="unknown-prod")
    estate.query("fine", "`prod-shop`.orders.line", project="unknown-prod")
    assert [kind for _, kind in estate.found()] == ["wrong_project"]


def test_check_etl_reports_exceptions_that_nothing_needs(estate: Estate):
    estate.environment(
        "prod",
        bigquery_etl={
            "dags_by_hand": [{"task_id": "shop_orders", "where": "x"}, {"task_id": "shop_old", "where": "x"}],
            "reads_elsewhere": [{"queries": "shared-prod.*", "datasets": "dev-shop.*", "reason": "tests"}],
        },
    )
    assert {kind for _, kind in estate.found()} == {"unused_exception"}
    assert [line.partition(": ")[2] for line in estate.run().stdout.splitlines() if line.startswith("conn")] == [
        "shop_orders needs no exception: a query names the task",
        "shop_old needs no exception: no unit in prod has it",
        "no query shared-prod.* reads dev-shop.* of another environment",
    ]


def test_check_etl_reports_a_task_whose_query_reads_another_environment(estate: Estate):
    estate.unit("dev", "orders", expires={"never": "the tests run on it"})
    estate.query("orders", "`dev-shop.orders.line`", task="shop_orders")
    assert sorted(kind for _, kind in estate.found()) == ["task_of_another_environment", "wrong_project"]


def test_check_etl_reports_a_dataset_that_no_file_declares(estate: Estate):
    estate.query("people", "`prod-shop.order.line`")
    assert [kind for _, kind in estate.found()] == ["undeclared_dataset"]
    assert (
        "reads prod-shop.order, which no file in connectors/prod declares\n    Did you mean orders?"
        in estate.run().stdout
    )


def test_check_etl_leaves_out_ignored_datasets(estate: Estate):
    estate.query("people", "`prod-shop.dbt_orders.line`")
    estate.environment("prod", ignore={"schemas": ["dbt_*"]})
    assert estate.found() == []


@pytest.mark.parametrize(
    ("expires", "severity", "words"),
    [
        ("2026-12-31", "warning", "expires on 2026-12-31 and is deleted on 2027-01-08"),
        ("2026-06-10", "failed", "expired on 2026-06-10 and gets no new data, and is deleted on 2026-06-18"),
        ("2026-05-01", "failed", "expired on 2026-05-01 and was deleted on 2026-05-09"),
    ],
)
def test_check_etl_reports_a_dataset_that_expires(estate: Estate, expires: str, severity: str, words: str):
    estate.unit("dev", "trial", expires=expires)
    exception = {"queries": "shared-prod.*", "datasets": "dev-shop.trial", "reason": "tests"}
    estate.environment("prod", bigquery_etl={"reads_elsewhere": [exception]})
    estate.query("trial", "`dev-shop`.trial.line")
    [found] = json.loads(estate.run("--format=json").stdout)
    assert (found["kind"], found["severity"]) == ("dataset_ends", severity)
    assert words in found["message"]


def test_check_etl_warns_a_dev_query_only_near_the_expiry(estate: Estate):
    estate.environment(
        "dev", policy={"expiry": {"required": True, "warn": "14d"}}, bigquery_etl={"projects": ["trial-dev"]}
    )
    estate.unit("dev", "trial", expires="2026-12-31")
    estate.query("trial", "`dev-shop`.trial.line", project="trial-dev")
    assert estate.found() == []
    estate.unit("dev", "trial", expires="2026-06-20")
    assert [kind for _, kind in estate.found()] == ["dataset_ends"]


def test_check_etl_reports_a_dataset_that_retires(estate: Estate):
    estate.environment("prod", policy={"removal": "retire"})
    estate.unit("prod", "orders", retire={"ticket": "SHOP-1"})
    estate.query("orders", "`prod-shop.orders.line`")
    [found] = json.loads(estate.run("--format=json").stdout)
    assert "reads prod-shop.orders, which is retired (SHOP-1) and gets no new data" in found["message"]
    assert found["owners"] == ["owner@example.com"]


def test_check_etl_reports_a_task_that_has_no_variable(estate: Estate):
    estate.unit("prod", "orders", task="shop_orders", connector={"paused": "the source moves"})
    assert estate.found() == [(f"{ORDERS}/metadata.yaml:7:16", "task_without_variable")]


def test_check_etl_reads_every_kind_of_file_beside_metadata(estate: Estate):
    folder = "shared-prod/shop"
    estate.file(f"{folder}/a/view.sql", "CREATE VIEW x AS SELECT 1 FROM `dev-shop.a.t`")
    estate.file(f"{folder}/b/script.sql", "INSERT INTO x SELECT 1 FROM `dev-shop.b.t`")
    estate.file(f"{folder}/c/init.sql", "SELECT 1 FROM `dev-shop.c.t`")
    estate.file(f"{folder}/d/query.py", 'SQL = "SELECT 1 FROM `dev-shop.d.t`"')
    estate.file(f"{folder}/e/part1.sql", "SELECT 1 FROM `dev-shop.e.t`")
    estate.file(f"{folder}/f/query.sql.jinja", "SELECT 1 FROM `dev-shop.f.t`")
    estate.file(f"{folder}/g/README.md", "SELECT 1 FROM `dev-shop.g.t`")
    estate.file(
        "shared-prod/shop_syndicate/dataset_metadata.yaml",
        "syndication:\n  prod:\n    syndicated_project: dev-shop\n    syndicated_dataset: h\n",
    )
    wrong = [place.split("/")[4] for place, kind in estate.found() if kind == "wrong_project"]
    assert wrong == ["a", "b", "c", "d", "e", "f", "dataset_metadata.yaml:4:25"]


def test_check_etl_shows_findings_as_annotations(estate: Estate):
    estate.query("orders", "`prod-shop.orders.line`", task="shop_order")
    assert (
        f"::error file={ORDERS}/metadata.yaml,line=7,col=16::no unit has the task_id"
        in estate.run("--format=github").stdout
    )


def test_check_etl_reports_metadata_that_cannot_be_read(estate: Estate):
    estate.file("shared-prod/shop/x/metadata.yaml", "scheduling:\n  depends_on_fivetran: [\n")
    estate.file("shared-prod/shop/y/metadata.yaml", "scheduling:\n  depends_on_fivetran: [shop_orders]\n")
    assert estate.found() == [
        ("etl/sql/shared-prod/shop/x/metadata.yaml:3:1", "unreadable"),
        ("etl/sql/shared-prod/shop/y/metadata.yaml:2:25", "unreadable"),
    ]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("[" * 50_000 + "]" * 50_000, "2:513"),
        ("{% x %}" + "[" * 50_000 + "]" * 50_000, "2:15"),
        ("\n" + "".join(f"{' ' * depth}a:\n" for depth in range(1, 600)), "502:501"),
        ('"\x01"', "1:1"),
    ],
    ids=["lists", "template", "mappings", "control character"],
)
def test_check_etl_reports_yaml_that_no_parser_accepts(estate: Estate, content: str, place: str):
    estate.file("shared-prod/shop/x/metadata.yaml", f"# depends_on_fivetran\nscheduling:  {content}\n")
    assert estate.found() == [(f"etl/sql/shared-prod/shop/x/metadata.yaml:{place}", "unreadable")]


DAG = "scheduling:\n  dag_name: bqetl_shop\n"
TASK = "  depends_on_fivetran:\n  - task_id: shop_orders\n"


@pytest.mark.parametrize(
    "content",
    [
        DAG + TASK,
        f"\ufeff{DAG}{TASK}".encode(),
        f"---\n{DAG}{TASK}...\n",
        f"{DAG}{TASK}".replace("\n", "\r\n"),
        f"x: &tasks\n- task_id: shop_orders\n{DAG}  depends_on_fivetran: *tasks\n",
        f"{DAG}  depends_on_fivetran: !!seq\n  - !!map {{task_id: !!str shop_orders}} # a note\n",
        f"{DAG}  depends_on_fivetran:\n  - task_id: other\n{TASK}",
        f"labels:\n{''.join(f'  k{number}: v{number}{chr(10)}' for number in range(20_000))}{DAG}{TASK}",
    ],
    ids=["plain", "bom", "markers", "crlf", "anchor", "tags", "last-of-a-key", "huge"],
)
def test_check_etl_finds_the_task_of_metadata_however_it_is_written(estate: Estate, content: str | bytes):
    (estate.root / ORDERS / "metadata.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert estate.found() == []


@pytest.mark.parametrize(
    "scheduling", ["scheduling:\n", "scheduling:\n  dag_name: null\n", "scheduling:\n  dag_name:\n"]
)
def test_check_etl_counts_no_task_of_a_query_without_a_dag(estate: Estate, scheduling: str):
    (estate.root / ORDERS / "metadata.yaml").write_text(f"{scheduling}{TASK}")
    line = len(scheduling.splitlines()) + 2
    assert estate.found() == [
        ("connectors/prod/orders.yaml:14:5", "unit_without_query"),
        (f"{ORDERS}/metadata.yaml:{line}:14", "task_without_dag"),
    ]


def test_check_etl_takes_the_dag_of_a_generator_for_known_later(estate: Estate):
    (estate.root / ORDERS / "metadata.yaml").write_text("")
    template = estate.root / "etl" / "sql_generators" / "shop" / "templates" / "metadata.yaml"
    template.parent.mkdir(parents=True)
    template.write_text(f"scheduling:\n{TASK}")
    assert estate.found() == []


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (f"# caf\xe9\n{DAG}{TASK}".encode("latin-1"), "1:6"),
        (f"{DAG}{TASK}# é\xe9".encode("latin-1"), "5:3"),
        (f"{DAG}{TASK}".encode("utf-16"), "1:1"),
        (f"{DAG}{TASK}".encode("utf-16-be"), "1:1"),
    ],
)
def test_check_etl_reports_metadata_that_is_not_utf_8(estate: Estate, content: bytes, place: str):
    file = estate.root / "etl" / "sql" / "shared-prod" / "shop" / "x" / "metadata.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert estate.found() == [(f"etl/sql/shared-prod/shop/x/metadata.yaml:{place}", "unreadable")]


def test_check_etl_follows_merged_mappings_once(estate: Estate):
    bomb = "".join(f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 2_000))
    text = f"a0: &a0\n  depends_on_fivetran: [{{task_id: nope}}]\n  dag_name: x\n{bomb}scheduling: {{<<: *a1999}}\n"
    estate.file("shared-prod/shop/x/metadata.yaml", text)
    loop = "scheduling: &a\n  <<: &b\n    <<: *a\n  x: depends_on_fivetran\n"
    estate.file("shared-prod/shop/y/metadata.yaml", loop)
    assert estate.found() == [("etl/sql/shared-prod/shop/x/metadata.yaml:2:35", "task_without_unit")]


def test_check_etl_reports_a_path_that_is_not_a_regular_file(estate: Estate):
    os.mkfifo(estate.root / ORDERS / "view.sql")
    (estate.root / ORDERS / "init.sql").symlink_to("/dev/zero")
    (estate.root / ORDERS / "loop.sql").symlink_to("loop.sql")
    places = [f"{ORDERS}/{name}.sql:1:1" for name in ("init", "loop", "view")]
    assert estate.found() == [(place, "unreadable") for place in places]


def test_check_etl_reports_a_folder_that_cannot_be_listed(estate: Estate, monkeypatch: pytest.MonkeyPatch):
    folder, scandir = "etl/sql/shared-prod/locked", os.scandir
    (estate.root / folder).mkdir()

    def deny(path: str) -> Any:
        if str(path) == folder:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    assert estate.found() == [(f"{folder}:1:1", "unreadable")]


def test_check_etl_rejects_a_folder_without_metadata(estate: Estate, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    result = estate.run("etl", "empty")
    assert result.return_value == 2
    assert result.stderr.startswith("Error: empty has no metadata.yaml\n    Name a checkout of bigquery-etl")


def test_check_etl_names_queries_by_their_folders_wherever_it_starts(estate: Estate, monkeypatch: pytest.MonkeyPatch):
    estate.unit("dev", "orders", expires={"never": "the tests run on it"})
    estate.query("trial", "`dev-shop`.orders.line")
    exception = {"queries": "shared-prod.shop_external.trial_v1", "datasets": "dev-shop.*", "reason": "tests"}
    estate.environment("prod", bigquery_etl={"reads_elsewhere": [exception]})
    for path in ("etl", "etl/sql", "etl/sql/shared-prod", str(estate.root / "etl")):
        assert estate.found(path) == []


def test_check_etl_reports_a_dataset_once_a_file(estate: Estate):
    estate.query("people", "`prod-shop.order.line` JOIN `prod-shop.order.item` USING (id)")
    assert [kind for _, kind in estate.found()] == ["undeclared_dataset"]


def test_check_etl_warns_a_prod_task_of_a_unit_that_expires(estate: Estate):
    estate.unit("prod", "orders", task="shop_orders", expires="2026-12-31")
    found = estate.found()
    assert (f"{ORDERS}/metadata.yaml:7:16", "task_without_variable") in found
    text = "expires on 2026-12-31: then the variable shop_orders_connector_id is deleted, and the DAG fails"
    assert text in estate.run().stdout


def test_check_etl_leaves_out_fivetrans_own_dataset(estate: Estate):
    estate.query("log", "`prod-shop.fivetran_metadata.log`")
    assert estate.found() == []


def test_check_etl_reports_how_long_tables_are_kept(estate: Estate):
    estate.unit("prod", "orders", task="shop_orders", dataset={"default_table_expiration_ms": 2_592_000_000})
    result = estate.run()
    assert result.return_value == 0
    assert "reads prod-shop.orders, whose tables are deleted 30 days after they are created" in result.stdout


def test_check_etl_expects_no_query_of_a_paused_unit(estate: Estate):
    estate.query("orders", "`prod-shop.orders.line`")
    estate.unit("prod", "orders", task="shop_orders", expires="2026-06-10")
    assert {kind for _, kind in estate.found()} == {"dataset_ends"}


def test_check_etl_names_the_environment_that_declares_a_dataset(estate: Estate):
    estate.unit("dev", "trial", expires="2026-12-31")
    estate.query("trial", "`prod-shop.trial.line`")
    assert "or read dev-shop, which has it." in estate.run().stdout


def test_check_etl_counts_a_file_once_that_several_paths_have(estate: Estate):
    assert estate.run("etl", "etl/sql").stderr == estate.run().stderr


def test_check_etl_warns_a_query_of_a_dataset_that_was_replaced(estate: Estate):
    resync = {"schema": {"from": "orders_old", "to": "orders"}, "ticket": "SHOP-1"}
    estate.unit("prod", "orders", task="shop_orders", connector={"allow_resync": resync})
    estate.query("orders", "`prod-shop.orders_old.line`", task="shop_orders")
    [found] = json.loads(estate.run("--format=json").stdout)
    assert (found["kind"], found["severity"], found["hint"]) == ("dataset_ends", "warning", "Read the new dataset.")


def test_check_etl_takes_a_task_managed_elsewhere_as_an_exception(estate: Estate):
    estate.query("deals", "`elsewhere.crm.deal`", task="crm_deals")
    text = estate.run().stdout
    assert "name it under `bigquery_etl: {tasks_elsewhere: […]}` in connectors/prod/environment.yaml" in text
    elsewhere = [{"task_id": "crm_*", "where": "the account of sales"}, {"task_id": "erp_*", "where": "nowhere"}]
    estate.environment("prod", bigquery_etl={"projects": ["shared-prod"], "tasks_elsewhere": elsewhere})
    found = [message for message in estate.run().stdout.splitlines() if "needs no exc" in message or "crm" in message]
    assert [line.partition(": ")[2] for line in found] == ["erp_* needs no exception: no query names it"]


def test_check_etl_reports_an_exception_for_a_task_that_a_unit_has(estate: Estate):
    elsewhere = [{"task_id": "shop_*", "where": "the account of sales"}]
    estate.environment("prod", bigquery_etl={"tasks_elsewhere": elsewhere})
    assert "shop_* needs no exception: a unit has it" in estate.run().stdout


def test_check_etl_takes_a_task_of_a_template_for_each_that_it_can_be(estate: Estate):
    folder = estate.root / "etl" / "sql_generators" / "shop" / "templates"
    folder.mkdir(parents=True)
    text = "scheduling:\n  dag_name: bqetl_shop\n  depends_on_fivetran:\n    - task_id: shop_{{ name }}\n"
    (folder / "lines_v1.metadata.yaml.jinja").write_text(text)
    shutil.rmtree(ORDERS)
    estate.query("lines", "`prod-shop.orders.line`")
    assert "unit_without_query" not in [kind for _, kind in estate.found()]
    assert "task_without_unit" not in [kind for _, kind in estate.found()]
