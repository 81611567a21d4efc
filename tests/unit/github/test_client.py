"""The client of GitHub: what it repeats, what it follows and what it shows, against the local GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.hub import REPOSITORY, Hub

from reconciler.github.client import GitHub, LostAnswer
from reconciler.model.errors import ReconcilerError, RemoteError
from simulator.github.state import Fault, Team


class Client(GitHub):
    """The client, which notes how long it would wait."""

    def __init__(self, hub: Hub, token: str) -> None:
        self.waits: list[float] = []
        super().__init__(token, REPOSITORY, hub.url, sleep=self.waits.append)


@pytest.fixture
def client(hub: Hub) -> Iterator[Client]:
    found = Client(hub, hub.bot)
    with found:
        yield found


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ({"status": 403, "message": SECONDARY, "headers": {"Retry-After": "7"}}, 7),
        ({"status": 403, "message": SECONDARY}, 60),
        ({"status": 429, "headers": {"Retry-After": "9"}}, 9),
        ({"status": 502, "text": "<html>"}, 2),
        ({"status": 503, "headers": {"Retry-After": "3"}}, 3),
        ({"drops": True}, 2),
    ],
    ids=["secondary limit", "without a time", "429", "502", "503", "dropped"],
)
def test_client_waits_and_repeats_what_it_read(hub: Hub, client: Client, fault: dict[str, object], wait: float):
    hub.state.faults.append(Fault("GET", "/issues", **fault))  # type: ignore[arg-type]
    assert client.list("/issues") == []
    assert client.waits == [wait]


def test_client_waits_until_a_date_in_retry_after(hub: Hub, client: Client):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    hub.state.faults.append(Fault("GET", "/issues", status=429, headers={"Retry-After": later}))
    client.list("/issues")
    assert 40 < client.waits[0] <= 50


def test_client_gives_up_when_the_wait_is_too_long(hub: Hub, client: Client):
    hub.state.faults.append(Fault("GET", "/issues", times=9, status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(RemoteError, match=r"GitHub answered 429\. Try again later"):
        client.list("/issues")
    assert client.waits == []


def test_client_does_not_repeat_a_missing_permission(hub: Hub, client: Client):
    hub.state.faults.append(Fault("GET", "/issues", times=9, status=403, message="Resource not accessible"))
    with pytest.raises(RemoteError, match="GitHub answered 403"):
        client.list("/issues")
    assert client.waits == []


def test_client_repeats_a_write_that_was_limited(hub: Hub, client: Client):
    hub.state.faults.append(Fault("POST", "/issues", status=403, message=SECONDARY, headers={"Retry-After": "1"}))
    client.create("/issues", {"title": "x"}, lambda: None)
    assert len(hub.repository.issues) == 1


def test_client_looks_before_it_repeats_a_write_whose_answer_was_lost(hub: Hub, client: Client):
    hub.state.faults.append(Fault("POST", "/issues", drops=True))
    client.create("/issues", {"title": "x"}, lambda: next(iter(client.list("/issues")), None))
    hub.state.faults.append(Fault("POST", "/issues", drops=True, is_lost=True))
    client.create("/issues", {"title": "y"}, lambda: next(iter(client.list("/issues")), None))
    assert [each.title for each in hub.repository.issues.values()] == ["x", "y"]


def test_client_raises_when_every_answer_is_lost(hub: Hub, client: Client):
    hub.state.faults.append(Fault("POST", "/issues", times=9, status=500))
    with pytest.raises(LostAnswer):
        client.create("/issues", {"title": "x"}, lambda: None)


def test_client_follows_a_renamed_repository_with_the_same_method(hub: Hub, client: Client):
    hub.done("PATCH", f"//_admin/repositories/{REPOSITORY}", "", {"name": "example/new"})
    token = hub.state.workflow_token("example/new", {"issues": "write"})
    with Client(hub, token) as renamed:
        renamed.create("/issues", {"title": "x"}, lambda: None)
        assert [each["title"] for each in renamed.list("/issues")] == ["x"]


def test_client_sends_no_token_to_another_host(hub: Hub, client: Client):
    elsewhere = {"Location": "https://example.com/x"}
    hub.state.faults.append(Fault("GET", "/issues", status=301, headers=elsewhere))
    with pytest.raises(RemoteError, match="another host"):
        client.list("/issues")


def test_client_reports_an_answer_that_is_not_json(hub: Hub, client: Client):
    hub.state.faults.append(Fault("GET", "/issues", status=200, text="<html>sign in</html>"))
    with pytest.raises(RemoteError, match="GitHub's answer is not JSON"):
        client.list("/issues")


def test_login_is_the_bot_of_the_tokens_app(hub: Hub, client: Client):
    assert client.login() == "github-actions[bot]"
    app = hub.state.add_app("own", "example", {"issues": "write"})
    with Client(hub, hub.state.app_token(app, REPOSITORY)) as own:
        assert own.login() == "own[bot]"
    with Client(hub, hub.people["ann"]) as ann:
        assert ann.login() == "ann"


def test_login_is_unknown_when_github_rejects_the_question(hub: Hub, client: Client):
    hub.state.faults.append(Fault("POST", "/graphql", status=403, message="Forbidden by an IP allow list"))
    with pytest.raises(RemoteError, match="403"):
        client.login()


def test_membership_is_unknown_when_the_token_may_not_read_teams(hub: Hub, client: Client):
    hub.state.teams["example", "data"] = Team(1, "example", "data", {"bob": "member"})
    assert client.is_team_member("example", "data", "bob") is None
    app = hub.state.add_app("own", "example", {"members": "read"})
    with Client(hub, hub.state.app_token(app, REPOSITORY)) as own:
        assert own.is_team_member("example", "data", "bob") is True
        assert own.is_team_member("example", "data", "eve") is False
        assert own.is_team_member("example", "other", "bob") is None


@pytest.mark.parametrize("url", ["http://api.example.com", "https://user:x@api.example.com", "ftp://api", "x", ""])
def test_client_rejects_an_address_that_a_token_must_not_be_sent_to(url: str):
    with pytest.raises(ReconcilerError, match="GITHUB_API_URL"):
        GitHub("token", REPOSITORY, url)


def test_errors_do_not_show_the_token(hub: Hub):
    with Client(hub, "wrong-token") as github, pytest.raises(RemoteError) as found:
        github.list("/issues")
    assert "wrong-token" not in f"{found.value} {found.value.unmasked_message}"
    assert "401" in str(found.value)
    with pytest.raises(ReconcilerError) as other:
        Client(hub, "secret\nvalue")
    assert "secret" not in str(other.value)
    assert all("ghs_" not in each["path"] for each in hub.state.requests)
