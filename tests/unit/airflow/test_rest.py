"""The client of Airflow's REST APIs: both versions, pages, lost answers, and no token in any text."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.airflow.credentials import AirflowCredentials
from reconciler.airflow.marker import Marker, mark
from reconciler.airflow.push import Action, AmbiguousWrite, Live, Push, Wanted, apply
from reconciler.airflow.rest import AirflowVariables
from reconciler.model.errors import ReconcilerError, RemoteError

from .stand_in import LARGEST_PAGE, PASSWORD, TOKEN, USER, Airflow, serving

MARKER = Marker("dev", "minor_osprey")
BY_USER = AirflowCredentials(user=(USER, PASSWORD))
BY_TOKEN = AirflowCredentials(token=TOKEN)


@pytest.fixture(params=[2, 3])
def airflow(request: pytest.FixtureRequest) -> Iterator[Airflow]:
    with serving(request.param) as served:
        yield served


def opened(airflow: Airflow, credentials: AirflowCredentials = BY_USER) -> AirflowVariables:
    return AirflowVariables(airflow.url + "/", credentials, sleep=lambda _: None)


def wanted(*keys: str) -> Push:
    return Push(frozenset({"dev"}), {key: Wanted(key, "dev", "minor_osprey") for key in keys}, {}, prune=True)


@pytest.mark.parametrize("credentials", [BY_USER, BY_TOKEN, AirflowCredentials(google=TOKEN)])
def test_each_kind_of_credentials_creates_reads_changes_and_deletes(airflow: Airflow, credentials: AirflowCredentials):
    with opened(airflow, credentials) as store:
        store.create("a", "minor_osprey", MARKER)
        created = store.read("a")
        assert created == Live("a", "minor_osprey", MARKER, mark("", MARKER))
        assert created is not None
        store.update(replace(created, description=f"text {MARKER}"), "kind_owl", Marker("dev", "kind_owl"))
        assert airflow.variables["a"]["value"] == "kind_owl"
        assert airflow.variables["a"]["description"] == f"text {Marker('dev', 'kind_owl')}"
        store.delete(created)
        assert store.read("a") is None


def test_google_token_beside_another_is_for_the_proxy(airflow: Airflow):
    with opened(airflow, AirflowCredentials(token=TOKEN, google="google_token")) as store:
        store.snapshot(())
    assert {each["proxy-authorization"] for each in airflow.headers} == {"Bearer google_token"}


def test_every_page_is_read(airflow: Airflow):
    keys = [f"key_{number}" for number in range(3 * LARGEST_PAGE + 1)]
    airflow.variables = {key: {"key": key, "value": "v", "description": ""} for key in keys}
    with opened(airflow) as store:
        assert sorted(store.snapshot(())) == sorted(keys)


def test_list_that_changes_between_two_pages_is_read_again(airflow: Airflow):
    airflow.variables = {key: {"key": key, "value": "v", "description": ""} for key in "bcdefg"}
    first = {"key": "a", "value": "v", "description": ""}
    airflow.before_page = [lambda: None, lambda: airflow.variables.update(a=first)]
    with opened(airflow) as store:
        assert sorted(store.snapshot(())) == list("abcdefg")


def test_list_that_never_stays_is_an_error(airflow: Airflow):
    airflow.variables = {key: {"key": key, "value": "v", "description": ""} for key in "bcde"}
    new = iter(range(100))

    def add() -> None:
        key = f"a{next(new)}"
        airflow.variables[key] = {"key": key, "value": "v", "description": ""}

    airflow.before_page = [add] * 100
    with opened(airflow) as store, pytest.raises(RemoteError, match="changes all the time"):
        store.snapshot(())


@pytest.mark.parametrize("fault", ["lost", "gateway", "busy", "slow_down"])
@pytest.mark.parametrize(("method", "action"), [("POST", "created"), ("PATCH", "updated"), ("DELETE", "deleted")])
def test_write_with_an_ambiguous_answer_happens_once(airflow: Airflow, fault: str, method: str, action: str):
    before = {"key": "a", "value": "kind_owl", "description": str(Marker("dev", "kind_owl"))}
    airflow.variables = {} if method == "POST" else {"a": before}
    with opened(airflow) as store:
        airflow.faults = [(method, fault)]
        steps = list(apply(wanted() if method == "DELETE" else wanted("a"), store, sleep=lambda _: None))
        assert airflow.faults == []
        assert [step.action.value for step in steps] == [action]
        writes = [each for each, path in airflow.asked if each != "GET" and path != "/auth/token"]
        assert writes == [method]
    shown = {key: each["value"] for key, each in airflow.variables.items()}
    assert shown == ({} if method == "DELETE" else {"a": "minor_osprey"})


def test_write_waits_as_long_as_airflow_asks(airflow: Airflow):
    waits: list[float] = []
    with opened(airflow) as store:
        airflow.faults = [("POST", "slow_down")]
        list(apply(wanted("a"), store, sleep=waits.append))
    assert waits == [7.0]


@pytest.mark.parametrize("fault", ["lost", "gateway", "busy", "slow_down"])
def test_read_is_repeated(airflow: Airflow, fault: str):
    airflow.faults = [("GET", fault)] * 3
    with opened(airflow) as store:
        assert store.snapshot(()) == {}


def test_service_that_stays_down_is_reported(airflow: Airflow):
    airflow.faults = [("GET", "busy")] * 4
    with pytest.raises(RemoteError, match="GET /api/v2/version: Airflow answered 503"), opened(airflow):
        pass
    airflow.faults = [("GET", "lost")] * 4
    with pytest.raises(RemoteError, match="could not be reached"), opened(airflow):
        pass


def test_no_error_shows_a_credential(airflow: Airflow):
    with opened(airflow) as store:
        airflow.faults = [("POST", "quote")]
        with pytest.raises(RemoteError) as caught:
            store.create("a", "minor_osprey", MARKER)
    error = caught.value
    assert str(error) == f"POST /api/v{airflow.version - 1}/variables: Airflow answered 400"
    assert "is odd" in error.unmasked_message
    used = {each.get("authorization", "").rpartition(" ")[2] for each in airflow.headers} - {""}
    for secret in (PASSWORD, *used):
        for text in (error.unmasked_message, repr(error), repr(error.__context__), repr(store), repr(BY_USER)):
            assert secret not in text
    assert error.speaker == "Airflow"


def test_wrong_credentials_are_reported_with_what_to_check(airflow: Airflow):
    with (
        pytest.raises(RemoteError, match=r"answered 401. Check AIRFLOW_TOKEN"),
        opened(airflow, AirflowCredentials(user=(USER, "wrong"))) as store,
    ):
        store.snapshot(())


def test_redirect_to_a_login_page_is_not_followed(airflow: Airflow):
    airflow.faults = [("GET", "login")]
    with pytest.raises(RemoteError, match="the token is not accepted"), opened(airflow):
        pass
    assert len(airflow.asked) == 0


def test_server_without_the_airflow_api_is_rejected(airflow: Airflow):
    airflow.version = 4
    with pytest.raises(RemoteError, match="not an Airflow with a stable REST API"), opened(airflow):
        pass


def test_airflow_3_hides_the_value_of_a_key_that_looks_secret():
    with serving(3) as airflow, opened(airflow) as store:
        for _ in range(2):
            steps = list(apply(wanted("my_secret_connector_id"), store, sleep=lambda _: None))
        assert [step.action for step in steps] == [Action.NONE]


def test_airflow_3_rejects_to_create_what_exists():
    with serving(3) as airflow, opened(airflow) as store:
        store.create("a", "minor_osprey", MARKER)
        with pytest.raises(AmbiguousWrite, match="409"):
            store.create("a", "kind_owl", MARKER)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("airflow.example.com", "is not a URL"),
        ("ftp://airflow.example.com", "is not a URL"),
        ("https://", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://air flow.example.com", "is not a URL"),
        ("https://airflow.example.com:port", "is not a URL"),
        (f"https://me:{PASSWORD}@airflow.example.com", "has a user, a query or a fragment"),
        (f"https://airflow.example.com?token={PASSWORD}", "has a user, a query or a fragment"),
        ("http://airflow.example.com", "is not https"),
    ],
)
def test_address_that_no_token_may_be_sent_to_is_rejected(url: str, problem: str):
    with pytest.raises(ReconcilerError, match=problem) as caught:
        AirflowVariables(url, BY_TOKEN)
    assert PASSWORD not in str(caught.value)


def test_client_is_not_serialised(airflow: Airflow):
    with opened(airflow) as store, pytest.raises(TypeError):
        pickle.dumps(store)
