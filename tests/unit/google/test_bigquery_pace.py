"""How fast datasets are read."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.engine.prefork import forking_simulators

from reconciler.google.bigquery.api import Datasets
from reconciler.google.bigquery.pace import READS_A_SECOND, READS_BESIDE_PLUGIN, Pace
from reconciler.resources.run.access_lists import AccessLists
from reconciler.stack.stages import DATASETS_AHEAD
from simulator.process import Simulators, running


class Clock:
    """A clock that only waits move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def send(self, pace: Pace, times: int) -> None:
        for _ in range(times):
            pace.wait()
            self.sent.append(self.now)


@pytest.fixture(scope="module")
def simulators():
    with forking_simulators(), running() as simulators:
        yield simulators


@pytest.fixture
def quota(simulators: Simulators, monkeypatch: pytest.MonkeyPatch):
    """The counts of the local BigQuery, where two datasets exist."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", simulators.bigquery_url)
    with httpx.Client(base_url=f"{simulators.admin_url}/gcp") as admin:
        admin.post("/reset")
        for name in ("a", "b"):
            admin.put(f"/datasets/p/{name}", json={}).raise_for_status()
        yield lambda: admin.get("/quota").json()


def most_in_a_second(sent: list[float]) -> int:
    return max(sum(at <= other < at + 1 for other in sent) for at in sent)


def test_pace_lets_its_number_through_in_any_second_and_nearly_as_many_on_average():
    clock = Clock()
    clock.send(Pace(42, lambda: clock.now, clock.sleep), 420)
    assert most_in_a_second(clock.sent) in {41, 42}
    assert clock.now < 420 / 40


def test_pace_keeps_its_average_when_sleeps_take_a_little_longer():
    clock = Clock()
    clock.send(Pace(42, lambda: clock.now, lambda seconds: clock.sleep(seconds + 0.01)), 420)
    assert most_in_a_second(clock.sent) in {41, 42}
    assert clock.now < 420 / 40


def test_pace_makes_up_for_half_a_request_after_a_pause_of_the_machine():
    clock = Clock()
    pace = Pace(42, lambda: clock.now, clock.sleep)
    for _ in range(3):
        clock.send(pace, 42)
        clock.now += 2.0
    assert min(later - sooner for sooner, later in itertools.pairwise(clock.sent)) == pytest.approx(pace.apart_s / 2)
    assert most_in_a_second(clock.sent) <= 42


def test_pace_lets_no_other_thread_sleep_while_one_sleeps():
    # Else all that slept through a pause of the machine would send at once.
    locked: list[bool] = []
    pace = Pace(40, lambda: 0.0, lambda _: locked.append(pace._lock.locked()))
    pace.wait()
    pace.wait()
    assert locked == [True]


def test_pace_does_not_wait_for_the_first_request():
    clock = Clock()
    clock.send(Pace(40, lambda: clock.now, clock.sleep), 1)
    assert clock.now == 0


def test_reads_beside_the_plugin_leave_it_as_many_and_its_head_start():
    parallel, others_of_a_unit = 16, 3  # PULUMI_PARALLEL; the list, the connection and the activation
    head_start = DATASETS_AHEAD + parallel // others_of_a_unit
    assert 2 * READS_BESIDE_PLUGIN + head_start <= 100
    assert READS_A_SECOND <= 100


def test_reading_many_datasets_at_once_keeps_the_quota(quota):
    with Datasets("p") as datasets:
        found = datasets.get_all(["a", "b"] * 110)
        assert set(found) == {"a", "b"}
    assert 50 < quota()["most"]["datasets.get"] <= 100
    assert quota()["rejected"] == {}


def test_lists_of_a_refresh_are_read_and_answered_at_the_pace_beside_the_plugin(quota):
    slept: list[float] = []
    lists = AccessLists(slept.append)
    answered: list[Any] = []
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        lists.expect("p", ["a", "b"])
        answered += pool.map(lambda name: lists.read("p", name), ["a", "b"] * 50)
    assert all(answered)
    assert time.monotonic() - began > 98 / READS_BESIDE_PLUGIN
    assert quota()["most"]["datasets.get"] <= 50


def test_list_that_a_refresh_asked_for_before_is_not_read_ahead(quota):
    lists = AccessLists(lambda _: None)
    assert lists.read("p", "a") is not None
    lists.expect("p", ["a", "b"])
    assert lists.read("p", "b") is not None
    assert quota()["most"]["datasets.get"] == 2


def test_read_beyond_the_quota_is_repeated_until_bigquery_answers(quota, simulators: Simulators):
    with httpx.Client(base_url=f"{simulators.admin_url}/gcp") as admin, Datasets("p") as datasets:
        admin.put("/quota", json={"per_second": 1}).raise_for_status()
        assert datasets.get("a") is not None
        assert datasets.get("b") is not None
    assert quota()["rejected"]["datasets.get"] >= 1
