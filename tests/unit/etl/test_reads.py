"""Which datasets SQL, Python and YAML read, as bigquery-etl writes them."""

import pytest

from reconciler.etl.metadata import read_dataset_metadata, read_metadata
from reconciler.etl.reads import Read, Reader

READER = Reader(["dev-shop", "prod-shop"])


def in_sql(text: str, own: str | None = None) -> list[tuple[str, str | None]]:
    return [(each.project, each.dataset) for each in READER.in_sql(text, own)]


def in_python(text: str) -> list[tuple[str, str | None]]:
    return [(each.project, each.dataset) for each in READER.in_python(text)]


@pytest.mark.parametrize(
    "table",
    [
        "`dev-shop.orders.line`",
        "`dev-shop`.orders.line",
        "`dev-shop`.`orders`.`line`",
        "`dev-shop.orders`.line",
        "dev-shop.orders.line",
        "dev-shop . orders . line",
        "`dev-shop.orders.line_*`",
        "`dev-shop.orders.line$20260101`",
        "`dev-shop.orders.INFORMATION_SCHEMA.TABLES`",
        "[dev-shop:orders.line]",
    ],
)
def test_sql_reads_a_dataset_however_its_name_is_quoted(table: str):
    assert in_sql(f"SELECT 1\r\nFROM\r\n  {table}\r\nWHERE x") == [("dev-shop", "orders")]


def test_sql_reads_have_the_line_and_column_of_the_project():
    text = "SELECT\n  a\nFROM\n  `dev-shop.orders.line`\nJOIN prod-shop.people.person USING (a)\n"
    assert READER.in_sql(text) == [Read(4, 4, "dev-shop", "orders"), Read(5, 6, "prod-shop", "people")]


@pytest.mark.parametrize(
    "text",
    [
        "-- from `dev-shop.orders.line`",
        "# from dev-shop.orders.line",
        "/* from\n dev-shop.orders.line */ SELECT 1",
        "{# from `dev-shop.orders.line` #} SELECT 1",
        "SELECT 'dev-shop.orders.line' AS source",
        'SELECT "dev-shop" AS project',
        "SELECT '''it's dev-shop.orders''' AS note",
        "SELECT dev-shop AS difference",
        "SELECT 1 FROM `my-dev-shop.orders.line`",
        "SELECT 1 FROM `dev-shop-2.orders.line`",
        "SELECT NET.HOST('https://dev-shop.example.com/x') -- 'reconciler@dev-shop.iam.example.com'",
        'SELECT "it\'s -- no comment" # dev-shop.orders.line',
    ],
)
def test_sql_reads_nothing_in_comments_strings_and_longer_names(text: str):
    assert in_sql(text) == []


def test_sql_reads_what_follows_a_string_with_a_comment_sign():
    assert in_sql("SELECT '--', \"/*\", '#' FROM `dev-shop.orders.line`") == [("dev-shop", "orders")]


def test_sql_reads_the_tables_of_a_statement_in_a_string():
    text = 'EXECUTE IMMEDIATE "SELECT COUNT(*) FROM `dev-shop.orders.line` WHERE day = @day";'
    assert in_sql(text) == [("dev-shop", "orders")]


def test_sql_reads_strings_of_a_template():
    text = """
    {% set sources = [{'id': 'dev-shop.orders', 'column': "line"}] %}
    {% for source in sources %} SELECT 1 FROM `{{ source['id'] }}.line` {% endfor %}
    """
    assert in_sql(text) == [("dev-shop", "orders")]


@pytest.mark.parametrize("tag", ["{{ source }}", "{{source}}", "{{- source -}}"])
def test_sql_reads_through_a_variable_of_a_template(tag: str):
    text = f'{{%- set source = "dev-shop" -%}}\nSELECT 1 FROM `{tag}.orders.line`, {tag}.people.person'
    assert in_sql(text) == [("dev-shop", "orders"), ("dev-shop", "people")]


def test_sql_reads_its_own_project_where_a_template_names_it():
    assert in_sql("SELECT 1 FROM `{{ project_id }}.orders.line`", "dev-shop") == [("dev-shop", "orders")]
    assert in_sql("SELECT 1 FROM `{{ project_id }}.orders.line`", None) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM `dev-shop.{{ dataset }}.line`",
        "SELECT 1 FROM `dev-shop.orders_{{ region }}.line`",
        "SELECT 1 FROM `dev-shop.region-us.INFORMATION_SCHEMA.JOBS`",
        '{% set sources = [("dev-shop", "orders")] %} SELECT 1',
    ],
)
def test_sql_reads_a_project_alone_where_the_dataset_is_rendered_later(text: str):
    assert in_sql(text) == [("dev-shop", None)]


def test_sql_reads_a_dataset_whose_variable_the_template_sets():
    assert in_sql('{% set d = "orders" %}SELECT 1 FROM `dev-shop.{{ d }}.line`') == [("dev-shop", "orders")]


def test_python_reads_what_its_strings_name():
    text = '''
"""Copy dev-shop.orders to somewhere."""
SOURCE = "prod-shop"  # not dev-shop.orders


def main():
    """Read dev-shop.orders."""
    query = f"""
      SELECT 1 -- dev-shop.orders
      FROM `{SOURCE}.people.person`
    """
    run(query, "--table=dev-shop.stock.item", table="dev-shop.returns.line")
'''
    assert in_python(text) == [("prod-shop", "people"), ("dev-shop", "stock"), ("dev-shop", "returns")]


def test_python_reads_a_project_alone_in_a_client_call():
    assert in_python('bigquery.DatasetReference("dev-shop", "orders")') == [("dev-shop", None)]


def test_python_reads_nothing_in_prose():
    assert in_python('@click.option("--project", help="such as dev-shop")') == []


def test_python_with_a_syntax_error_is_read_as_text():
    assert in_python('print "x" % (\n# dev-shop.orders\nSQL = `dev-shop.stock.item`') == [("dev-shop", "stock")]


METADATA = """\
friendly_name: Orders
description: |-
  Copied from dev-shop.orders.
scheduling:
  dag_name: bqetl_shop
  # depends_on_fivetran: [{task_id: shop_old}]
  depends_on_fivetran:
    - task_id: shop_orders
    - {trigger_rule: all_done, task_id: "shop_people"}
  referenced_tables:
    - ['dev-shop', 'orders', 'line']
  depends_on_tables_existing:
    - {task_id: wait, table_id: prod-shop.people.person}
  arguments: ["--project=dev-shop"]
"""


def test_metadata_has_tasks_and_tables_of_scheduling():
    found = read_metadata(METADATA, READER)
    assert [(each.task_id, each.line, each.column) for each in found.tasks] == [
        ("shop_orders", 8, 16),
        ("shop_people", 9, 41),
    ]
    assert [(each.project, each.dataset, each.line) for each in found.reads] == [
        ("dev-shop", "orders", 11),
        ("prod-shop", "people", 13),
        ("dev-shop", None, 14),
    ]
    assert found.faults == ()


@pytest.mark.parametrize("value", ["null", "[]", "~", ""])
def test_metadata_without_tasks_has_no_fault(value: str):
    assert read_metadata(f"scheduling:\n  depends_on_fivetran: {value}\n", READER).faults == ()


@pytest.mark.parametrize("value", ["shop", "[shop]", "[{task: shop}]", "{task_id: shop}", "[{task_id: }]"])
def test_metadata_with_malformed_tasks_has_a_fault_at_its_place(value: str):
    [fault] = read_metadata(f"scheduling:\n  depends_on_fivetran: {value}\n", READER).faults
    assert fault.line == 2
    assert fault.column >= 24


def test_metadata_reads_merged_mappings():
    text = "x: &daily {depends_on_fivetran: [{task_id: shop}]}\nscheduling: {<<: *daily, dag_name: bqetl_shop}\n"
    assert [each.task_id for each in read_metadata(text, READER).tasks] == ["shop"]


def test_metadata_of_a_template_is_read_without_its_tags():
    text = (
        "{% if x %}\nfriendly_name: {{ name }}\n{% endif %}\nscheduling:\n  depends_on_fivetran:\n  - task_id: shop\n"
    )
    [task] = read_metadata(text, READER).tasks
    assert (task.task_id, task.line, task.column) == ("shop", 6, 14)


def test_metadata_that_is_not_yaml_has_a_fault():
    [fault] = read_metadata("scheduling:\n  depends_on_fivetran: [\n", READER).faults
    assert fault.message.startswith("cannot be read as YAML")
    assert fault.line == 3


def test_dataset_metadata_reads_what_it_syndicates():
    text = """\
syndication:
  prod:
    syndicated_project: "dev-shop"
    syndicated_dataset: "orders"
  syndicated_tables: [line]
  administer_views: true
"""
    assert read_dataset_metadata(text, READER).reads == (Read(4, 25, "dev-shop", "orders"),)


@pytest.mark.parametrize("text", ["/* ", "{# ", "{{ ", "{% ", '"\\', "'\\", "'''\\", "` "])
def test_sql_reads_a_long_text_without_the_end_of_a_comment_tag_or_string(text: str):
    assert in_sql("FROM dev-shop.orders.line " + text * 200_000) == [("dev-shop", "orders")]


def test_metadata_reads_a_long_text_of_tags_without_an_end():
    metadata = read_metadata(f"scheduling:\n  depends_on_fivetran: []\n# {'{{ ' * 200_000}\nx: ]", READER)
    assert [(fault.line, fault.column) for fault in metadata.faults] == [(4, 4)]


def test_metadata_reads_a_dataset_and_its_project_alone_at_one_place():
    text = "scheduling:\n  arguments: ['--from=dev-shop.orders, dev-shop.people_*']\n"
    assert [each.dataset for each in read_metadata(text, READER).reads] == [None, "orders"]


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("scheduling: {depends_on_fivetran: [{task_id: a}, {task_id: 'b', trigger_rule: all_done}]}", ["a", "b"]),
        ('\'scheduling\':\n  "depends_on_fivetran":\n  - "task_id": "a"\n    depends_on: [{task_id: x}]', ["a"]),
        ("x: &t [{task_id: a}]\nscheduling:\n  depends_on_fivetran: *t", ["a"]),
        ("x: &t {depends_on_fivetran: [{task_id: a}]}\nscheduling:\n  <<: *t\n  dag_name: d", ["a"]),
        ("scheduling:\r\n  depends_on_fivetran:\r\n    - task_id: a\r\n", ["a"]),
        ("scheduling:\n  depends_on_fivetran:\n    # the source\n    - task_id: >-\n        a\n", ["a"]),
        ("scheduling:\n  depends_on_fivetran:\n  - task_id: shop_{{ name }}_v{{ n }}", ["shop_*_v*"]),
        ("scheduling:\n  depends_on_fivetran:", []),
        ("scheduling:\n  depends_on_fivetran: []", []),
        ("bigquery:\n  depends_on_fivetran: [{task_id: a}]", []),
        ("# depends_on_fivetran: [{task_id: a}]", []),
    ],
)
def test_metadata_has_the_tasks_however_they_are_written(text: str, tasks: list[str]):
    found = read_metadata(text, READER)
    assert ([task.task_id for task in found.tasks], found.faults) == (tasks, ())
