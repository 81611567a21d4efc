"""The page of an estate, as text: what is in it, and that a browser loads and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest

from reconciler.estate.access import AccessGrant
from reconciler.estate.flow import MOST_NODES, place
from reconciler.estate.page import page_data, render, shown
from reconciler.estate.units import Estate

from .example import example_estate

#: A text that is harmful where it is read as markup, as a script, or as an instruction to change the direction.
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"'`{{ 7*7 }} "
    "\u202egnp.exe \u05e9\u05dc\u05d5\u05dd &amp;"
)

#: Attributes that make a browser load something.
_LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "manifest", "ping", "xlink:href"}


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_data(self, data: str) -> None:
        if self._open in self.texts:
            self.texts[self._open][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@cache
def estate(units: int, hostile: str = "") -> Estate:
    return example_estate(units, hostile)


@cache
def page(units: int, hostile: str = "") -> Page:
    return Page(render(estate(units, hostile)))


def data_of(page: Page) -> dict[str, Any]:
    at = [attributes.get("type") for attributes in page.all("script")].index("application/json")
    found: dict[str, Any] = json.loads(page.texts["script"][at])
    return found


def test_page_loads_nothing():
    for tag, attributes in page(24).elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "video", "audio", "use", "image"}
        assert not _LOADING & attributes.keys()
        if "href" in attributes:
            assert tag == "a"
            assert attributes["href"].startswith(("#", "https://"))
    assert all("url(" not in style and "@import" not in style for style in page(24).texts["style"])


def test_page_runs_only_the_scripts_and_styles_of_its_policy():
    found = page(24, HOSTILE)
    [policy] = [each["content"] for each in found.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy))
    types = [attributes.get("type") for attributes in found.all("script")]
    scripts = [text for text, kind in zip(found.texts["script"], types, strict=True) if kind is None]
    texts = [*scripts, *found.texts["style"]]
    hashes = {f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}" for text in texts}
    assert hashes == allowed
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for _, attributes in found.elements:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}


def test_hostile_text_is_shown_as_text():
    harmless, hostile = page(24), page(24, HOSTILE)
    counts = [sum(tag in {"script", "img", "style"} for tag, _ in each.elements) for each in (harmless, hostile)]
    assert counts[0] == counts[1]
    data = data_of(hostile)
    assert {unit["description"] for unit in data["units"]} == {shown(HOSTILE)}
    text = render(estate(24, HOSTILE))
    assert "alert(1)</script>" not in text.replace("\\u003c/script", "")
    assert "\u202e" not in text
    assert "\\u202e" in text


def test_page_has_every_unit_and_its_grants_once():
    shown_units, data = estate(40).rows, page_data(estate(40))
    assert [(unit["environment"], unit["name"]) for unit in data["units"]] == [
        (row.environment, row.unit.name) for row in shown_units
    ]
    for row, unit in zip(shown_units, data["units"], strict=True):
        found = {
            (dataset["id"], data["grants"][number][0], data["grants"][number][1])
            for dataset in unit["datasets"]
            for number in dataset["grants"]
        }
        assert found == {(grant.dataset, shown(grant.member), grant.role) for grant in row.grants}
    assert len(set(data["grants"])) == len(data["grants"])


def test_page_names_the_people_with_their_latest_day_and_no_machine():
    for row, unit in zip(estate(40).rows, page_data(estate(40))["units"], strict=True):
        for member, until in unit.get("people", []):
            days = [grant.until for grant in row.grants if grant.member == member]
            assert until == (None if None in days else max(day for day in days if day))
            assert not member.startswith("serviceAccount:")


def test_page_shows_what_fails_outside_of_trials_first():
    found = estate(200)
    page = render(found)
    failed = [each for each in found.attention if each.level == "failed"]
    prod, dev = (
        [page.index(f'data-unit="{each.environment}/{each.unit}"') for each in failed if each.environment == name]
        for name in ("prod", "dev")
    )
    assert prod
    assert dev
    assert max(prod) < min(dev)
    assert f"need attention: {len({each.unit for each in failed if each.environment == 'dev'})} in dev, " in page


def test_page_counts_owners_of_the_project_as_people():
    row = next(row for row in estate(24).rows if row.datasets)
    dataset = row.datasets[0].id
    role, words = "roles/bigquery.dataOwner", "owners of the project"
    grant = AccessGrant(row.environment, "p", dataset, "projectOwners", role, "owner", words, "granted")
    one = replace(estate(24), rows=(replace(row, grants=(grant,)),))
    assert page_data(one)["units"][0]["people"] == [("projectOwners", None)]


@pytest.mark.parametrize("units", [1, 24, 200])
def test_picture_leads_each_connection_through_all_columns(units: int):
    rows = estate(units).rows
    flow = place(rows)
    for number, row in enumerate(rows):
        columns = {node.column for node in flow.nodes if number in node.units}
        assert columns == ({0, 1, 2, 3} if row.unit.connector else {2})
        steps = {
            (flow.nodes[edge.start].column, flow.nodes[edge.end].column) for edge in flow.edges if number in edge.units
        }
        assert steps == ({(0, 1), (1, 2), (2, 3)} if row.unit.connector else set())


@pytest.mark.parametrize("units", [24, 200])
def test_picture_groups_long_columns_and_no_boxes_overlap(units: int):
    flow = place(estate(units).rows)
    for column in range(4):
        nodes = sorted((node for node in flow.nodes if node.column == column), key=lambda node: node.y)
        assert 0 < len(nodes) <= MOST_NODES
        assert all(below.y >= above.y + flow.node_height for above, below in itertools.pairwise(nodes))
        assert all(
            0 <= node.x <= flow.width - flow.node_width and node.y + flow.node_height <= flow.height for node in nodes
        )
    connections = [node for node in flow.nodes if node.column == 1]
    assert sum(node.things for node in connections) == units
    assert any(node.things > 1 for node in connections) is (units > MOST_NODES)


def test_page_lists_what_fails_first_and_what_ends_in_order():
    days = [each.day for each in estate(200).endings]
    assert days == sorted(days)
    assert min(days) >= estate(200).day
    assert {each.kind for each in estate(200).endings} == {"expiry", "removal", "access"}
    assert all(each.step for each in estate(200).attention)


def test_page_of_an_empty_estate_reports_that_nothing_needs_attention():
    empty = Estate(day=estate(1).day, made_at="now", rows=())
    text = render(empty)
    assert "Nothing that was read needs attention." in text
    assert "Nothing ends in the next" in text


def test_vendored_files_name_their_version_and_licence_and_no_source_map():
    folder = files("reconciler.estate.page").joinpath("vendor")
    script = folder.joinpath("tabulator.min.js").read_text("utf-8")
    assert script.startswith("/* Tabulator v6.5.3 (c) Oliver Folkerd")
    assert "MIT" in folder.joinpath("tabulator.LICENSE").read_text("utf-8")
    assert "sourceMappingURL" not in script + folder.joinpath("tabulator.min.css").read_text("utf-8")
