"""Which request each operation makes, as the API's reference describes it."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

from reconciler.fivetran.api import FivetranClient, InvalidSettings, UnexpectedAnswer
from reconciler.fivetran.api.types import AccountInfo, Role

from .support import Server, ok, rejection

V1 = "application/json"
V2 = "application/json;version=2"


class Expected(NamedTuple):
    call: Callable[[FivetranClient], Any]
    request: str
    accept: str
    body: Any = None


OPERATIONS: dict[str, Expected] = {
    "account_info": Expected(lambda c: c.account_info(), "GET /account/info", V1),
    "get_user": Expected(lambda c: c.get_user("u_1"), "GET /users/u_1", V1),
    "list_users": Expected(lambda c: list(c.list_users()), "GET /users?limit=1000", V1),
    "list_group_users": Expected(lambda c: list(c.list_group_users("g_1")), "GET /groups/g_1/users?limit=1000", V1),
    "add_group_user": Expected(
        lambda c: c.add_group_user("g_1", email="ann@example.com", role="View Destination"),
        "POST /groups/g_1/users",
        V1,
        {"email": "ann@example.com", "role": "View Destination"},
    ),
    "update_group_user": Expected(
        lambda c: c.update_group_user("g_1", "u_1", role="View Destination"),
        "PATCH /users/u_1/groups/g_1",
        V1,
        {"role": "View Destination"},
    ),
    "remove_group_user": Expected(lambda c: c.remove_group_user("g_1", "u_1"), "DELETE /groups/g_1/users/u_1", V1),
    "list_teams": Expected(lambda c: list(c.list_teams()), "GET /teams?limit=1000", V1),
    "list_team_users": Expected(lambda c: list(c.list_team_users("t_1")), "GET /teams/t_1/users?limit=1000", V1),
    "get_group_team": Expected(lambda c: c.get_group_team("g_1", "t_1"), "GET /teams/t_1/groups/g_1", V1),
    "add_group_team": Expected(
        lambda c: c.add_group_team("g_1", "t_1", role="View Destination"),
        "POST /teams/t_1/groups",
        V1,
        {"id": "g_1", "role": "View Destination"},
    ),
    "update_group_team": Expected(
        lambda c: c.update_group_team("g_1", "t_1", role="View Destination"),
        "PATCH /teams/t_1/groups/g_1",
        V1,
        {"role": "View Destination"},
    ),
    "remove_group_team": Expected(lambda c: c.remove_group_team("g_1", "t_1"), "DELETE /teams/t_1/groups/g_1", V1),
    "list_roles": Expected(lambda c: list(c.list_roles()), "GET /roles?limit=1000", V1),
    "list_system_keys": Expected(lambda c: list(c.list_system_keys()), "GET /system-keys?limit=1000", V1),
    "list_groups": Expected(lambda c: list(c.list_groups()), "GET /groups?limit=1000", V1),
    "get_group": Expected(lambda c: c.get_group("g_1"), "GET /groups/g_1", V1),
    "create_group": Expected(lambda c: c.create_group("Dev"), "POST /groups", V1, {"name": "Dev"}),
    "update_group": Expected(lambda c: c.update_group("g_1", name="D"), "PATCH /groups/g_1", V1, {"name": "D"}),
    "delete_group": Expected(lambda c: c.delete_group("g_1"), "DELETE /groups/g_1", V1),
    "group_public_key": Expected(lambda c: c.group_public_key("g_1"), "GET /groups/g_1/public-key", V1),
    "group_service_account": Expected(lambda c: c.group_service_account("g_1"), "GET /groups/g_1/service-account", V1),
    "connect_card": Expected(
        lambda c: c.connect_card("a_b", redirect_uri="https://example.com/done"),
        "POST /connections/a_b/connect-card",
        V2,
        {"connect_card_config": {"redirect_uri": "https://example.com/done"}},
    ),
    "list_packages": Expected(lambda c: list(c.list_packages()), "GET /connector-sdk/packages?limit=1000", V1),
    "get_package": Expected(lambda c: c.get_package("p_1"), "GET /connector-sdk/packages/p_1", V1),
    "delete_package": Expected(lambda c: c.delete_package("p_1"), "DELETE /connector-sdk/packages/p_1", V1),
    "list_approvals": Expected(
        lambda c: list(c.list_approvals("certificates", "a_b")), "GET /connections/a_b/certificates?limit=1000", V1
    ),
    "approve": Expected(
        lambda c: c.approve("fingerprints", "a_b", hash_="h=", public_key="ssh-rsa AAAA"),
        "POST /connections/a_b/fingerprints",
        V1,
        {"hash": "h=", "public_key": "ssh-rsa AAAA"},
    ),
    "revoke": Expected(
        lambda c: c.revoke("certificates", "a_b", "aD0"), "DELETE /connections/a_b/certificates/aD0", V1
    ),
    "get_destination": Expected(lambda c: c.get_destination("g_1"), "GET /destinations/g_1", V2),
    "create_destination": Expected(
        lambda c: c.create_destination(
            group_id="g_1",
            service="big_query",
            time_zone_offset="0",
            region="GCP_US_EAST4",
            config={"project_id": "p"},
            run_setup_tests=False,
        ),
        "POST /destinations",
        V2,
        {
            "group_id": "g_1",
            "service": "big_query",
            "time_zone_offset": "0",
            "region": "GCP_US_EAST4",
            "config": {"project_id": "p"},
            "run_setup_tests": False,
        },
    ),
    "update_destination": Expected(
        lambda c: c.update_destination("g_1", config={"bucket": None}, run_setup_tests=True),
        "PATCH /destinations/g_1",
        V2,
        {"config": {"bucket": None}, "run_setup_tests": True},
    ),
    "delete_destination": Expected(lambda c: c.delete_destination("g_1"), "DELETE /destinations/g_1", V2),
    "test_destination": Expected(lambda c: c.test_destination("g_1"), "POST /destinations/g_1/test", V2, {}),
    "list_connections": Expected(
        lambda c: list(c.list_connections("g_1", "google_ads.x")),
        "GET /connections?group_id=g_1&schema=google_ads.x&limit=1000",
        V2,
    ),
    "get_connection": Expected(lambda c: c.get_connection("a_b"), "GET /connections/a_b", V2),
    "create_connection": Expected(
        lambda c: c.create_connection(
            group_id="g_1",
            service="stripe",
            config={"schema": "stripe", "api_key": "k"},
            auth={"token": "t"},
            paused=False,
            schedule_type="auto",
            sync_frequency=1440,
            daily_sync_time="04:00",
            settings={"destination_schema_names": "FIVETRAN_NAMING", "proxy_agent_id": "agent_1"},
            run_setup_tests=True,
        ),
        "POST /connections",
        V2,
        {
            "group_id": "g_1",
            "service": "stripe",
            "config": {"schema": "stripe", "api_key": "k"},
            "auth": {"token": "t"},
            "paused": False,
            "schedule_type": "auto",
            "sync_frequency": 1440,
            "daily_sync_time": "04:00",
            "proxy_agent_id": "agent_1",
            "destination_schema_names": "FIVETRAN_NAMING",
            "run_setup_tests": True,
        },
    ),
    "update_connection": Expected(
        lambda c: c.update_connection("a_b", paused=False, config={}, run_setup_tests=False),
        "PATCH /connections/a_b",
        V2,
        {"config": {}, "paused": False, "run_setup_tests": False},
    ),
    "delete_connection": Expected(lambda c: c.delete_connection("a_b"), "DELETE /connections/a_b", V2),
    "test_connection": Expected(lambda c: c.test_connection("a_b"), "POST /connections/a_b/test", V2, {}),
    "sync_connection": Expected(lambda c: c.sync_connection("a_b"), "POST /connections/a_b/sync", V2, {"force": False}),
    "get_schema_config": Expected(lambda c: c.get_schema_config("a_b"), "GET /connections/a_b/schemas", V1),
    "create_schema_config": Expected(
        lambda c: c.create_schema_config("a_b", schemas={}, schema_change_handling="BLOCK_ALL"),
        "POST /connections/a_b/schemas",
        V1,
        {"schemas": {}, "schema_change_handling": "BLOCK_ALL"},
    ),
    "update_schema_config": Expected(
        lambda c: c.update_schema_config("a_b", schemas={"public": {"enabled": True}}),
        "PATCH /connections/a_b/schemas",
        V1,
        {"schemas": {"public": {"enabled": True}}},
    ),
    "reload_schema_config": Expected(
        lambda c: c.reload_schema_config("a_b"),
        "POST /connections/a_b/schemas/reload",
        V1,
        {"exclude_mode": "PRESERVE"},
    ),
    "get_source_columns": Expected(
        lambda c: c.get_source_columns("a_b", "public", "line items/eu"),
        "GET /connections/a_b/schemas/public/tables/line%20items%2Feu/columns",
        V1,
    ),
    "list_connector_types": Expected(
        lambda c: list(c.list_connector_types()), "GET /metadata/connector-types?limit=1000", V1
    ),
    "get_connector_type": Expected(
        lambda c: c.get_connector_type("stripe"), "GET /metadata/connector-types/stripe", V1
    ),
}
ANSWER = {
    "id": "x",
    "account_id": "a",
    "service_account": "g-x@example.iam.gserviceaccount.com",
    "public_key": "ssh-rsa x",
    "connect_card": {"uri": "https://example.com/card"},
    "items": [],
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_makes_exactly_this_request(name: str) -> None:
    expected = OPERATIONS[name]
    server = Server(ok(ANSWER))
    with server.client() as client:
        expected.call(client)
    request = server.request
    assert f"{request.method} {request.url.raw_path.decode().removeprefix('/v1')}" == expected.request
    assert request.headers["Accept"] == expected.accept
    assert (json.loads(request.content) if request.content else None) == expected.body
    assert request.headers.get("Content-Type") == (None if expected.body is None else "application/json")
    assert request.headers["User-Agent"].startswith("reconciler/")


#: What sends a file in a form.
UPLOADS: dict[str, tuple[Callable[[FivetranClient], Any], str]] = {
    "create_package": (lambda c: c.create_package(b"PK\x03\x04"), "POST /v1/connector-sdk/packages"),
    "update_package": (lambda c: c.update_package("p_1", b"PK\x03\x04"), "PATCH /v1/connector-sdk/packages/p_1"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_package_file_is_sent_as_a_form(name: str) -> None:
    call, method_and_path = UPLOADS[name]
    server = Server(ok({"id": "p_1", "file_sha256_hash": "AB" * 32}))
    with server.client() as client:
        assert call(client).sha256 == "ab" * 32
    request = server.request
    assert f"{request.method} {request.url.path}" == method_and_path
    assert request.headers["Accept"] == V1
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="code.zip"\r\nContent-Type: application/zip\r\n\r\nPK\x03\x04\r\n' in request.content


def test_setup_tests_trust_what_is_presented_when_asked() -> None:
    server = Server(ok({"id": "a_b"}))
    with server.client() as client:
        client.test_connection("a_b", trust_certificates=True)
    assert json.loads(server.requests[0].content) == {"trust_certificates": True}


def test_every_operation_of_the_client_is_tested() -> None:
    methods = {name for name in dir(FivetranClient) if not name.startswith("_")}
    assert methods - {"from_environment", "close", "now", "leave_to_others"} == set(OPERATIONS) | set(UPLOADS) | {
        "download_package"
    }


def test_file_is_returned_as_bytes() -> None:
    server = Server(httpx.Response(200, content=b"PK\x03\x04", headers={"Content-Type": "application/octet-stream"}))
    with server.client() as client:
        assert client.download_package("p_1") == b"PK\x03\x04"
    assert server.request.url.path == "/v1/connector-sdk/packages/p_1/download"
    with Server(httpx.Response(200)).client() as client, pytest.raises(UnexpectedAnswer):
        client.download_package("p_1")


@pytest.mark.parametrize(
    "name",
    [
        "delete_group",
        "add_group_user",
        "update_group_user",
        "remove_group_user",
        "add_group_team",
        "update_group_team",
        "remove_group_team",
        "delete_destination",
        "delete_connection",
        "sync_connection",
        "create_schema_config",
        "update_schema_config",
    ],
)
def test_operation_without_a_result_needs_no_data(name: str) -> None:
    for step in (ok(), ok({"anything": 1})):
        with Server(step).client() as client:
            assert OPERATIONS[name].call(client) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.update_connection("a_b", run_setup_tests=True),
        lambda client: client.update_destination("g", run_setup_tests=True),
        lambda client: client.update_schema_config("a_b"),
    ],
)
def test_update_without_fields_is_rejected_before_it_is_sent(call: Callable[[FivetranClient], Any]) -> None:
    server = Server(ok(ANSWER))
    with server.client() as client, pytest.raises(ValueError, match=r"needs (a field|something) to change"):
        call(client)
    assert not server.requests


@pytest.mark.parametrize("bad", ["", " ", ".", ".."])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, bad: client.get_connection(bad),
        lambda client, bad: client.delete_connection(bad),
        lambda client, bad: client.delete_group(bad),
        lambda client, bad: client.test_destination(bad),
        lambda client, bad: client.get_connector_type(bad),
        lambda client, bad: client.group_service_account(bad),
    ],
)
def test_id_that_would_address_something_else_is_rejected_before_it_is_sent(
    call: Callable[[FivetranClient, str], Any], bad: str
) -> None:
    server = Server(ok(ANSWER))
    with server.client() as client, pytest.raises(InvalidSettings, match="is not an id"):
        call(client, bad)
    assert not server.requests


def test_id_is_quoted_so_that_it_stays_one_segment() -> None:
    server = Server(ok(ANSWER))
    with server.client() as client:
        client.get_connection("a/../b?c#d é")
    assert server.request.url.raw_path == b"/v1/connections/a%2F..%2Fb%3Fc%23d%20%C3%A9"


def test_list_is_filtered_even_where_the_server_passes_over_the_filters() -> None:
    items = [
        {"id": "a", "group_id": "g", "schema": "stripe"},
        {"id": "b", "group_id": "other", "schema": "stripe"},
        {"id": "c", "group_id": "g", "schema": "zoom"},
        {"id": "d", "schema": "Stripe"},
    ]
    with Server(ok({"items": items})).client() as client:
        assert [found.id for found in client.list_connections("g", "stripe")] == ["a", "d"]
        assert [found.id for found in client.list_connections("g")] == ["a", "c", "d"]
        assert [found.id for found in client.list_connections(None)] == ["a", "b", "c", "d"]


def test_service_account_is_the_address_alone() -> None:
    with Server(ok(ANSWER)).client() as client:
        assert client.group_service_account("g") == "g-x@example.iam.gserviceaccount.com"
    with Server(ok({"service_account": ""})).client() as client, pytest.raises(UnexpectedAnswer, match="is missing"):
        client.group_service_account("g")


def test_account_info_names_the_owner_of_the_key() -> None:
    data = {"account_id": "a", "account_name": "Example", "system_key_id": "k"}
    with Server(ok(data)).client() as client:
        assert client.account_info() == AccountInfo("a", "Example", None, "k")


def test_invitation_that_is_not_accepted_is_pending() -> None:
    accepted = {"id": "a", "invited": True, "verified": True, "role": "View Destination"}
    pending = {"id": "b", "invited": True, "verified": False, "logged_in_at": None}
    with Server(ok({"items": [accepted, pending]})).client() as client:
        assert [(user.id, user.role, user.is_pending) for user in client.list_group_users("g")] == [
            ("a", "View Destination", False),
            ("b", None, True),
        ]


def test_roles_and_users_of_a_team_are_listed_although_they_have_no_id() -> None:
    roles = [{"name": "A", "scope": ["DESTINATION"], "is_deprecated": True, "replacement_role_name": "B"}]
    with Server(ok({"items": roles})).client() as client:
        assert list(client.list_roles()) == [Role("A", frozenset({"DESTINATION"}), "B")]
    with Server(ok({"items": [{"user_id": "u_1", "role": "Team Member"}]})).client() as client:
        assert list(client.list_team_users("t")) == ["u_1"]


def test_conflict_is_worded_for_the_reader() -> None:
    message = "Destination with id 'g' has linked connections"
    with Server(rejection(409, "Conflict", message)).client() as client, pytest.raises(Exception) as caught:  # noqa: PT011
        client.delete_destination("g")
    assert str(caught.value) == (
        "DELETE /destinations/g: Fivetran answered 409 Conflict. "
        "It exists already, is still in use, or is being changed. Look at it in Fivetran, then run again."
    )
