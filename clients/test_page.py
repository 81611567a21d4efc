"""Open the estate's page in Chromium: it loads nothing and opens fast.

It works by keyboard, on paper and read aloud.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.unit.estate.example import example_estate
from tests.unit.estate.test_page import HOSTILE

from clients.environments import HERE, environment, node_packages
from reconciler.estate.page import render, shown

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Seconds in which a page of 1,000 units opens. What other processes of the machine take does not count.
_FAST_S = 1.0
ROWS = "#table .tabulator-row"


@functools.cache
def browser() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    assert found is not None, f"none of {', '.join(_BROWSERS)} is on PATH: install Chromium"
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    wanted = {"small": (29, ""), "large": (1000, ""), "hostile": (24, HOSTILE)}
    for name, (units, text) in wanted.items():
        (folder / f"{name}.html").write_text(render(example_estate(units, text)), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in wanted}


def look(page: Path, *steps: list[Any], scheme: str = "light") -> dict[str, Any]:
    """Open a page and run steps; return their results, its requests and its messages."""
    asked = {
        "browser": browser(),
        "page": page.as_uri(),
        "axe": str(node_packages("page") / "axe-core" / "axe.min.js"),
        "scheme": scheme,
        "steps": steps,
    }
    command = [str(environment("page") / "python"), str(HERE / "page" / "look.py"), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", ["small", "large", "hostile"])
def test_page_asks_for_nothing_and_the_browser_has_no_complaint(pages, name):
    found = look(pages[name], ["click", f"{ROWS} button.link"])
    assert found["requests"] == [pages[name].as_uri()]
    assert found["messages"] == []


def test_page_of_1000_units_opens_within_a_second(pages):
    [times] = look(pages["large"], ["open", 3])["results"]
    assert min(times) < _FAST_S, times


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_no_violation_that_axe_finds(pages, scheme):
    steps = [["axe"], ["click", f"{ROWS} button.link"], ["axe"], ["press", "Escape"], ["click", ".node"], ["axe"]]
    found = look(pages["small"], *steps, scheme=scheme)["results"]
    assert [found[0], found[2], found[5]] == [[], [], []]


def test_page_searches_filters_and_sorts(pages):
    count = ["texts", "#shown-count"]
    names = ["texts", f"{ROWS} button.link"]
    found = look(
        pages["small"],
        ["fill", "#search", "stripe finance"],
        count,
        ["click", "#clear-filters"],
        ["select", "#by-environment", "dev"],
        ["select", "#by-sensitive", "yes"],
        count,
        ["click", "#clear-filters"],
        ["fill", "#search", "analyst"],
        ["focus", ".tabulator-col[tabulator-field=name]"],
        ["press", "Enter"],
        names,
        ["press", "Enter"],
        names,
    )["results"]
    rows = example_estate(29).rows
    finance = sum(
        row.unit.connector is not None and row.unit.connector.service == "stripe" and "finance" in str(row.unit)
        for row in rows
    )
    sensitive = sum(row.environment == "dev" and any(each.sensitive for each in row.datasets) for row in rows)
    assert found[1] == [f"{finance} of 29"]
    assert found[5] == [f"{sensitive} of 29"]
    assert found[10]
    assert found[10] == sorted(found[12], reverse=True)
    assert found[12] == sorted(found[12])


def ends_soon(row):
    days = [str(row.expires or ""), *(grant.until or "" for grant in row.grants)]
    return any("2026-11-30" <= day <= "2026-12-30" for day in days)


@pytest.mark.parametrize(
    ("tile", "is_meant"),
    [
        ("attention", lambda row: row.state == "attention"),
        ("pending", lambda row: row.state == "pending"),
        ("sensitive", lambda row: any(each.sensitive for each in row.datasets)),
        ("soon", ends_soon),
    ],
)
def test_number_on_top_filters_the_table(pages, tile, is_meant):
    found = look(pages["small"], ["click", f"[data-filter={tile}]"], ["texts", f"{ROWS} button.link"])
    assert found["messages"] == []
    assert set(found["results"][1]) == {row.unit.name for row in example_estate(29).rows if is_meant(row)}


def test_picture_shows_one_neighbourhood_by_keyboard_and_escape_clears_it(pages):
    lit, pressed = ["count", ".node.lit"], ["count", ".node[aria-pressed=true]"]
    steps = [
        ["focus", ".node[tabindex='0']"],
        ["press", "ArrowRight"],
        ["press", "Enter"],
        *(lit, pressed, ["count", ROWS], ["evaluate", "() => document.activeElement.dataset.c"]),
        *(["press", "Escape"], lit, pressed, ["texts", "#shown-count"]),
    ]
    found = look(pages["small"], *steps)["results"]
    assert found[3:7] == [4, 1, 1, "1"]
    assert found[8:] == [0, 0, ["29"]]


def test_details_of_a_unit_open_by_keyboard_and_give_the_focus_back(pages):
    active = ["evaluate", "() => document.activeElement.textContent"]
    found = look(
        pages["small"],
        ["focus", f"{ROWS} button.link"],
        active,
        ["press", "Enter"],
        ["texts", "dialog[open] h2, dialog[open] h3"],
        ["press", "Escape"],
        ["count", "dialog[open]"],
        active,
    )["results"]
    name = found[1]
    assert found[3][0].startswith(name)
    assert any(heading.startswith("Who can read") for heading in found[3])
    assert found[5] == 0
    assert found[6] == name


def test_page_prints_every_unit(pages):
    assert look(pages["large"], ["print"])["results"] == [1000]


def test_hostile_text_stays_text(pages):
    steps = [["click", f"{ROWS} button.link"], ["texts", "dialog p"], ["count", "script"], ["count", "img"]]
    found = look(pages["hostile"], *steps)
    assert found["messages"] == []
    assert found["results"][1][0] == shown(HOSTILE)
    assert found["results"][2:] == [3, 0]
