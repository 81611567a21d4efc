"""Faults and counts: ordered over HTTP, met over gRPC."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import pytest

from .google_engine import DATASET, GET_DATASET, Engine, rejected

DENIED = "googleapi: Error 403: Access Denied: Dataset p:d, accessDenied"


def fault(engine: Engine, **settings: Any) -> int:
    return int(engine.admin("POST", "/faults", settings)["number"])


def rule(engine: Engine, number: int) -> dict[str, Any]:
    return next(each for each in engine.admin("GET", "/faults") if each["number"] == number)


def test_nth_matching_call_fails_with_the_given_text(engine: Engine):
    number = fault(engine, method="Create", id="projects/p/datasets/a*", nth=2, error=DENIED)
    engine.create(DATASET, {"datasetId": "a1"})
    engine.create(DATASET, {"datasetId": "b1"})
    with rejected() as rejection:
        engine.create(DATASET, {"datasetId": "a2"})
    assert (rejection.code, rejection.message) == (grpc.StatusCode.UNKNOWN, DENIED)
    engine.create(DATASET, {"datasetId": "a2"})
    report = rule(engine, number)
    assert (report["seen"], report["hits"]) == (3, 1)


def test_fault_without_an_end_hits_until_it_is_dropped(engine: Engine):
    engine.admin("PUT", "/datasets/p/d", {})
    fault(engine, method="Invoke", type=GET_DATASET, times=0, error=DENIED, code="PERMISSION_DENIED")
    for _ in range(3):
        with rejected() as rejection:
            engine.invoke(GET_DATASET, datasetId="d")
        assert rejection.code is grpc.StatusCode.PERMISSION_DENIED
        assert rejection.message == f"invoking {GET_DATASET}: {DENIED}"
    engine.admin("DELETE", "/faults")
    assert engine.invoke(GET_DATASET, datasetId="d")["datasetId"] == "d"


def test_lost_answer_is_unavailable_and_the_effect_is_there(engine: Engine):
    fault(engine, method="Create", after=True)
    with rejected() as rejection:
        engine.create(DATASET, {"datasetId": "d"})
    assert rejection.code is grpc.StatusCode.UNAVAILABLE
    assert engine.dataset("d")["datasetReference"]["datasetId"] == "d"


def test_error_before_the_effect_leaves_no_effect(engine: Engine):
    fault(engine, method="Create", error="gone")
    with rejected():
        engine.create(DATASET, {"datasetId": "d"})
    assert engine.admin("GET", "/state")["projects"] == {}


def test_error_after_the_effect_is_what_a_retried_insert_answers(engine: Engine):
    fault(engine, method="Create", after=True, error="googleapi: Error 409: Already Exists: Dataset p:d, duplicate")
    with rejected() as rejection:
        engine.create(DATASET, {"datasetId": "d"})
    assert "Already Exists" in rejection.message
    assert engine.dataset("d")


def test_held_call_waits_for_its_release_and_blocks_no_other(engine: Engine):
    number = fault(engine, method="Create", id="*/held", hold=True)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(engine.create, DATASET, {"datasetId": "held"})
        engine.wait_until_held(number)
        engine.create(DATASET, {"datasetId": "other"})
        assert list(engine.admin("GET", "/state")["projects"]["p"]["datasets"]) == ["other"]
        assert not held.done()
        engine.admin("POST", f"/faults/{number}/release")
        assert held.result(10)[0] == "projects/p/datasets/held"


def test_reset_releases_held_calls(engine: Engine):
    number = fault(engine, method="Create", hold=True)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(engine.create, DATASET, {"datasetId": "held"})
        engine.wait_until_held(number)
        engine.admin("POST", "/reset")
        held.result(10)


def test_delay_is_waited_for(engine: Engine):
    fault(engine, method="Create", delay_ms=200)
    start = time.monotonic()
    engine.create(DATASET, {"datasetId": "d"})
    assert time.monotonic() - start >= 0.2


def test_previews_are_hit_only_by_faults_for_previews(engine: Engine):
    fault(engine, method="Create", error="no")
    engine.create(DATASET, {"datasetId": "d"}, preview=True)
    fault(engine, method="Create", error="no preview", preview=True)
    with rejected() as rejection:
        engine.create(DATASET, {"datasetId": "d"}, preview=True)
    assert rejection.message == "no preview"


def test_calls_are_counted_by_method_type_and_preview(engine: Engine):
    engine.create(DATASET, {"datasetId": "d"}, preview=True)
    for name in ("a", "b"):
        engine.create(DATASET, {"datasetId": name})
    engine.invoke(GET_DATASET, datasetId="a")
    assert engine.admin("GET", "/calls") == [
        {"method": "Create", "type": DATASET, "preview": False, "count": 2},
        {"method": "Create", "type": DATASET, "preview": True, "count": 1},
        {"method": "Invoke", "type": GET_DATASET, "preview": False, "count": 1},
    ]
    engine.admin("DELETE", "/calls")
    assert engine.admin("GET", "/calls") == []


@pytest.mark.parametrize(
    ("request_line", "body", "status", "words"),
    [
        ("POST /faults", {"methd": "Create"}, 400, "a fault has no methd; it has after, code, delay_ms"),
        ("POST /faults", {"code": "NOPE"}, 400, "there is no gRPC code NOPE"),
        ("POST /faults", [], 400, "expected a JSON object"),
        ("POST /faults/99/release", None, 404, "no such fault"),
        ("GET /datasets/p/none", None, 404, "Not found: Dataset p:none"),
        ("PUT /datasets/p/a-b", {}, 400, "Invalid dataset ID"),
        ("PUT /unknown-members", {}, 400, "members"),
    ],
)
def test_admin_api_explains_what_is_wrong_with_a_request(
    engine: Engine, request_line: str, body: Any, status: int, words: str
):
    answer: httpx.Response = engine.http.request(*request_line.split(), json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_access_entries_come_and_go_by_hand(engine: Engine):
    engine.admin("PUT", "/datasets/p/d", {})
    grant = {"role": "READER", "userByEmail": "jane@example.com"}
    assert grant in engine.admin("POST", "/datasets/p/d/access", grant)["access"]
    left = engine.admin("DELETE", "/datasets/p/d/access", {"userByEmail": "jane@example.com"})["access"]
    assert len(left) == 4
    assert grant not in left


def test_tables_come_and_go_by_hand(engine: Engine):
    engine.admin("PUT", "/datasets/p/d", {})
    assert engine.admin("PUT", "/datasets/p/d/tables/t", {"rows": 5})["tables"] == {"t": 5}
    assert engine.admin("DELETE", "/datasets/p/d/tables/t")["tables"] == {}
