"""The JSON of a review, read by a job that holds a token: strictly, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.review.consequence import Consequence, Several
from reconciler.review.review_document import InvalidReview, ReviewDocument, Scope, read_document

from .documents import FINGERPRINT, item, review


def test_document_reads_what_a_review_prints():
    found = [
        Consequence(
            "stop", "dataset_deleted", "deletes", "dataset a", "a", "connectors/dev/a.yaml:3:1", [1], None, True
        ),
        Consequence("stop", "removal_moved", "moves", "dataset b", "b", "b.yaml", None, date(2027, 1, 31)),
        Consequence("note", "connection_created", "creates", "connection c", "c", ""),
    ]
    document = ReviewDocument.of("dev", found, ["x.yaml:1:1: no\n    Do that."], simulated=True)
    assert read_document(json.dumps(document.as_record()).encode()) == document
    assert [each.place for each in document.items] == ["connectors/dev/a.yaml:3:1", "b.yaml", ""]
    assert document.scheduled == {found[0].fingerprint("dev")}


def test_document_that_a_review_prints_can_be_read_whatever_its_length():
    several = Several("dataset", "d" * 1_001, "b" * 20_001)
    long = Consequence("stop", "removal_moved", "t" * 50_000, "o" * 50_000, value="v", several=several)
    document = ReviewDocument.of("dev", [long], ["r" * 50_000])
    read = read_document(json.dumps(document.as_record()).encode())
    text = read.items[0].text
    assert text == "t" * 19_974 + f"… ({50_000 - 19_974:,} more characters)"
    assert read.items[0].fingerprint == long.fingerprint("dev")


@pytest.mark.parametrize(
    "change",
    [
        {"environment": "dev\n## x"},
        {"environment": "../dev"},
        {"simulated": "no"},
        {"simulated": None},
        {"markdown": "# x"},
        {"rejected": "x"},
        {"rejected": [{"text": "x"}]},
        {"scheduled": ["0" * 16]},
        {"scheduled": [FINGERPRINT + "\n"]},
        {"consequences": [item("x", scheduled=True)]},
        {"consequences": [item("x")], "scheduled": [FINGERPRINT]},
        {"quick": {"looked_at": [], "not_looked_at": []}},
        {"quick": {"looked_at": ["<b>"], "not_looked_at": [], "reasons": []}},
        {"quick": {"looked_at": [], "not_looked_at": ["x"], "reasons": ["<b>"]}},
        {"quick": None},
        {"consequences": {}},
        {"consequences": [[]]},
        {"consequences": [item("x", class_="stop")]},
        *(
            {"consequences": [{**item("x"), key: value}]}
            for key, value in [
                ("class", "block"),
                ("class", "note"),
                ("kind", "Deleted"),
                ("kind", "x" * 61),
                ("line", "3"),
                ("line", 0),
                ("line", 3.5),
                ("scheduled", None),
                ("line", 10**30),
                ("file", 3),
                ("file", "x" * 1001),
                ("text", ["x"]),
                ("text", "x" * 20_001),
                ("effective", "tomorrow"),
                ("effective", "2027-02-30"),
                ("effective", "2027-01-31\n"),
                ("fingerprint", None),
                ("fingerprint", FINGERPRINT.upper()),
                ("fingerprint", FINGERPRINT + "\n"),
                ("fingerprint", "`" + FINGERPRINT[1:]),
            ]
        ),
    ],
    ids=lambda change: json.dumps(change)[-60:],
)
def test_document_rejects_json_of_another_form(change: dict[str, Any]):
    with pytest.raises(InvalidReview):
        read_document(review(**change).encode())


@pytest.mark.parametrize("key", ["class", "kind", "file", "line", "text", "effective", "fingerprint"])
def test_document_rejects_a_consequence_that_lacks_a_key(key: str):
    found = item("x")
    del found[key]
    with pytest.raises(InvalidReview):
        read_document(review(found).encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        review("x") + "x",
        review("x").replace('"line": 3', '"line": NaN'),
        review("x").replace('"line": 3', '"line": ' + "9" * 10_000),
        review("x").replace('"simulated": false', '"simulated": true, "simulated": false'),
        " " * (16 * 1024 * 1024 + 1),
    ],
    ids=lambda text: f"{text[:10]} {len(text)}",
)
def test_document_rejects_json_that_is_not_of_a_review(text: str):
    with pytest.raises(InvalidReview):
        read_document(text.encode())


def test_document_rejects_what_is_not_utf_8():
    with pytest.raises(InvalidReview):
        read_document(review("x").encode("utf-16"))


@given(st.text(min_size=1, max_size=60))
def test_error_of_a_document_quotes_nothing_of_it(text: str):
    document = json.loads(review(item("x")))
    document["consequences"][0][f"key {text}"] = text
    document["environment"] = f"canary {text}"
    with pytest.raises(InvalidReview) as found:
        read_document(json.dumps(document).encode())
    assert "canary" not in str(found.value)
    assert str(found.value).isascii()


def test_document_names_a_simulation_as_one():
    assert not read_document(review("x").encode()).simulated
    document = read_document(review("x", simulated=True).encode())
    assert document.simulated
    assert replace(document, simulated=False).as_record() == {**document.as_record(), "simulated": False}


def test_document_of_a_quick_review_says_what_it_covers():
    document = ReviewDocument.of("dev", [], quick=Scope(("a",), ("b", "c"), ()))
    assert read_document(json.dumps(document.as_record()).encode()) == document
    assert read_document(review("x").encode()).quick is None
