"""`reconciler authorise`."""

import logging
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from .workspace import Workspace


@pytest.fixture
def ads(workspace: Workspace) -> str:
    """Declare a unit whose service needs consent; return the id of its connection."""
    workspace.unit("ads", service="google_ads")
    return workspace.connection("google_ads", {"schema": "ads"}, setup_state="incomplete", paused=True)


def test_authorise_prints_only_the_link_to_stdout(workspace: Workspace, ads: str):
    ran = workspace.run("authorise", "ads", "--redirect-uri", "https://example.com/done")
    assert ran.code == 0
    (link,) = ran.out.splitlines()
    assert link.startswith("https://fivetran.com/connect-card/setup?")
    query = parse_qs(urlsplit(link).query)
    assert query["redirect_uri"] == ["https://example.com/done"]
    assert query["auth"][0] not in ran.err
    lines = ran.err.splitlines()
    assert lines[0] == f"ads ({ads}, google_ads) is not connected yet."
    assert lines[1] == f"  setup page: https://fivetran.com/dashboard/connections/{ads}/setup"
    assert lines[2].startswith("  Fivetran's service account: g-")
    assert lines[3].startswith("  Fivetran's public key: ssh-rsa ")
    assert lines[4] == ("Send this link to one person only: it can set up the connection, for a day. It is not stored.")


def test_authorise_creates_a_new_link_each_time_and_stores_none(
    workspace: Workspace, ads: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    before = sorted(workspace.specs.parent.rglob("*"))
    links = {workspace.run("authorise", "ads").out for _ in range(2)}
    assert len(links) == 2
    assert sorted(workspace.specs.parent.rglob("*")) == before
    for link in links:
        assert parse_qs(urlsplit(link.strip()).query)["auth"][0] not in caplog.text


def test_authorise_prints_keys_and_tasks_without_a_link_for_a_database(workspace: Workspace):
    workspace.write(
        "app",
        {
            "description": "x",
            "owners": ["a@example.com"],
            "connector": {"service": "postgres", "destination": {"schema_prefix": "app"}},
            "datasets": {"public": {}},
        },
    )
    task = {"code": "connect", "message": "Open the port"}
    workspace.connection("postgres", {"schema_prefix": "app"}, setup_state="incomplete", tasks=[task])
    ran = workspace.run("authorise", "app")
    assert (ran.code, ran.out) == (0, "")
    assert "  public_key: ssh-rsa " in ran.err
    assert "  task connect: Open the port\n" in ran.err
    assert ran.err.endswith("No link: postgres needs no consent in a browser.\n")
    assert not any("connect-card" in route for route in workspace.requests())


def test_authorise_prints_no_link_when_the_config_replaces_consent(workspace: Workspace):
    workspace.unit("sheets", service="google_sheets", config={"auth_type": "ServiceAccount"})
    file = workspace.specs / "dev" / "sheets.yaml"
    file.write_text(file.read_text().replace("schema: sheets", "schema: sheets\n    table: t"))
    workspace.connection("google_sheets", {"schema": "sheets", "table": "t"})
    assert workspace.run("authorise", "sheets").out == ""


def test_authorise_prints_only_a_link_for_a_connection_that_works(workspace: Workspace):
    workspace.unit("zoom", service="zoom")
    zoom = workspace.connection("zoom", {"schema": "zoom"})
    ran = workspace.run("authorise", "zoom")
    first, again, warning = ran.err.splitlines()
    assert first == f"zoom ({zoom}, zoom) is connected: nothing needs to be done."
    assert again == "The link asks for consent again, which replaces the present consent."
    assert warning.startswith("Send this link to one person only: ")
    assert ran.out.startswith("https://")
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"})
    ran = workspace.run("authorise", "stripe")
    assert (ran.out, len(ran.err.splitlines())) == ("", 2)


def test_authorise_prints_a_link_for_a_service_outside_the_catalogue(workspace: Workspace, simulators):
    httpx.put(f"{simulators.admin_url}/services/brand_new", json={"name": "Brand new"}).raise_for_status()
    workspace.unit("new", service="brand_new")
    workspace.connection("brand_new", {"schema": "new"}, setup_state="incomplete")
    assert workspace.run("authorise", "new").out.startswith("https://")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no unit 'nobody' in dev"),
        (
            ["stripe"],
            "connectors/dev/stripe.yaml: Fivetran has no such connection yet: run `pulumi up --stack dev` to create it",
        ),
        (["stripe", "--redirect-uri", "example.com"], "expected a URL that starts with https://"),
    ],
)
def test_authorise_rejects_wrong_usage_with_one_message(workspace: Workspace, arguments: list[str], message: str):
    workspace.unit("stripe")
    ran = workspace.run("authorise", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_authorise_names_the_missing_role_when_the_key_is_read_only(
    workspace: Workspace, ads: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FIVETRAN_APIKEY", "simulator-read-only-key")
    ran = workspace.run("authorise", "ads")
    assert (ran.code, ran.out) == (3, "")
    assert "Give the API key a role that allows this" in ran.err
