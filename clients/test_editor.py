"""Run the editors' YAML language server on the files of the repository.

With its `.vscode/settings.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import pytest

from clients.editor import server as editor
from reconciler.fivetran import catalog

_HEAD = "description: Orders.\nowners: [a@example.com]\n"
#: Processor seconds in which the server reads the schema and checks a first file. Wall seconds count other processes.
_FIRST_OPEN_S = 1.0
_NAMES = (f"connectors/dev/edited_{number}.yaml" for number in count(1))


@pytest.fixture(scope="module")
def server() -> Iterator[editor.Server]:
    with editor.running() as started:
        yield started


def open_at(server: editor.Server, text: str) -> tuple[str, int, int, list[tuple[int, int, str]]]:
    """Open a text without its `|`; returns its name, the place of the `|`, and the diagnostics."""
    before = text.partition("|")[0]
    name = next(_NAMES)
    found = server.open(name, text.replace("|", ""))
    return name, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1, found


def connector(lines: str, service: str = "stripe", dataset: str = "dataset: {}") -> str:
    indented = "".join(f"  {line}\n" for line in lines.splitlines())
    return f"{_HEAD}connector:\n  service: {service}\n{indented}{dataset}\n"


def completions(server: editor.Server, text: str) -> set[str]:
    name, line, column, _ = open_at(server, text)
    return set(server.complete(name, line, column))


@pytest.mark.parametrize("file", editor.unit_files(), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_editor_shows_no_diagnostic_in_a_unit_file(server, file):
    assert server.open(str(file.relative_to(editor.ROOT)), file.read_text(encoding="utf-8")) == []


def test_editor_opens_its_first_file_within_a_second():
    file = editor.unit_files()[0]
    with editor.running() as started:
        before = started.cpu_seconds()
        started.open(str(file.relative_to(editor.ROOT)), file.read_text(encoding="utf-8"))
        assert started.cpu_seconds() - before < _FIRST_OPEN_S


def test_editor_finds_the_schema_of_a_new_file_by_the_settings(server):
    assert {"connector", "dataset", "expires"} <= completions(server, f"{_HEAD}|\n")


def test_editor_finds_the_schema_of_a_file_in_a_subfolder(server):
    [(line, column, message)] = server.open("connectors/dev/ads/edited.yaml", f"{_HEAD}dataset: {{}}\nexpirse: x\n")
    assert (line, column) == (4, 1), message


def test_editor_offers_every_service(server):
    assert catalog.known() <= completions(server, f"{_HEAD}connector:\n  service: |\n")


@pytest.mark.parametrize("service", ["stripe", "postgres", "google_ads", "github"])
def test_editor_offers_exactly_the_config_keys_of_the_service(server, service):
    described = catalog.catalogue()[service]
    keys = {name for name, field in described.config.items() if not field.readonly}
    assert completions(server, connector("config:\n  |", service)) == keys


def test_editor_offers_the_destination_keys_of_the_service(server):
    offered = completions(server, connector("destination:\n  |", "postgres", "datasets: {public: {}}"))
    assert {"schema_prefix"} == offered & {"schema", "table", "table_group_name", "schema_prefix"}


def test_editor_offers_auth_only_to_services_that_take_it(server):
    assert "auth" not in completions(server, connector("destination: {schema: a}\n|"))
    assert "refresh_token" in completions(server, connector("auth:\n  |", "google_ads"))


def test_editor_offers_enum_values_and_nested_keys(server):
    assert {"QUERY_BASED", "WAL_PGOUTPUT"} <= completions(
        server, connector("config:\n  update_method: |", "postgres", "datasets: {public: {}}")
    )
    assert {"table", "fields", "report_type"} <= completions(
        server, connector("config:\n  reports:\n    - |", "google_ads")
    )


def test_editor_offers_the_keys_of_a_reference_for_a_secret(server):
    assert {"secret", "env", "version"} <= completions(server, connector("config:\n  api_key:\n    |"))


@pytest.mark.parametrize(("by", "keys"), [("airflow", {"task_id"}), ("fivetran", {"every", "daily_at"})])
def test_editor_offers_the_schedule_keys_that_by_allows(server, by, keys):
    offered = completions(server, connector(f"schedule:\n  by: {by}\n  |"))
    assert offered & {"task_id", "every", "daily_at"} == keys


def test_editor_accepts_any_config_of_a_service_outside_the_catalogue(server):
    text = connector("destination: {schema: a}\nconfig: {anything: [1, {env: KEY}]}", "brand_new")
    assert server.open(next(_NAMES), text) == []


def test_editor_shows_what_a_key_is(server):
    name, line, column, _ = open_at(server, connector("config:\n  a|pi_key: {env: KEY}"))
    assert "A secret, as a reference" in server.hover(name, line, column)
    name, line, column, _ = open_at(server, f"{_HEAD}connector:\n  ser|vice: stripe\n")
    assert "Stripe" in server.hover(name, line, column)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("config:\n  |api_kye: {env: KEY}", "api_kye is not allowed"),
        ("config:\n  api_key: |plain", "Reference"),
        ("config:\n  historical_sync_time_frame: |SOMETIMES", "ALL_TIME"),
        ("auth: |{client_id: a}", "`stripe` does not accept `auth`"),
        ("destination: {schema: a, |table: b}", "table is not allowed"),
        (
            "destination: {schema: a}\nschedule: {by: airflow, task_id: a, every: |6h}",
            "`every` needs `by: fivetran`",
        ),
    ],
)
def test_editor_shows_a_diagnostic_at_its_place(server, lines, message):
    _, line, column, found = open_at(server, connector(lines))
    assert [text for row, start, text in found if (row, start) == (line, column) and re.search(message, text)]
