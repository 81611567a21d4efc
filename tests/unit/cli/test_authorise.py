"""`reconciler authorise`."""

import logging
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from .shop import Shop


@pytest.fixture
def ads(shop: Shop) -> str:
    """A unit whose service needs a person's consent, and its connection."""
    shop.unit("ads", service="google_ads")
    return shop.connection("google_ads", {"schema": "ads"}, setup_state="incomplete", paused=True)


def test_the_link_stands_alone_on_stdout_and_what_it_is_on_stderr(shop: Shop, ads: str):
    ran = shop.run("authorise", "ads", "--redirect-uri", "https://example.com/done")
    assert ran.code == 0
    (link,) = ran.out.splitlines()
    assert link.startswith("https://fivetran.com/connect-card/setup?")
    query = parse_qs(urlsplit(link).query)
    assert query["redirect_uri"] == ["https://example.com/done"]
    assert query["auth"][0] not in ran.err
    lines = ran.err.splitlines()
    assert lines[0] == f"ads ({ads}, google_ads) is not connected yet."
    assert lines[1] == f"  set-up page: https://fivetran.com/dashboard/connections/{ads}/setup"
    assert lines[2].startswith("  Fivetran's service account: g-")
    assert lines[3].startswith("  Fivetran's public key: ssh-rsa ")
    assert lines[4].startswith("Whoever has this link can set the connection up, for a day: ")


def test_each_call_makes_another_link_and_writes_nothing_down(shop: Shop, ads: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    before = sorted(shop.specs.parent.rglob("*"))
    links = {shop.run("authorise", "ads").out for _ in range(2)}
    assert len(links) == 2
    assert sorted(shop.specs.parent.rglob("*")) == before
    for link in links:
        assert parse_qs(urlsplit(link.strip()).query)["auth"][0] not in caplog.text


def test_a_service_that_needs_no_consent_gets_no_link_but_what_there_is_to_hand_over(shop: Shop):
    shop.write(
        "app",
        {
            "description": "x",
            "owners": ["a@example.com"],
            "connector": {"service": "postgres", "destination": {"schema_prefix": "app"}},
            "datasets": {"public": {}},
        },
    )
    task = {"code": "connect", "message": "Open the port"}
    shop.connection("postgres", {"schema_prefix": "app"}, setup_state="incomplete", tasks=[task])
    ran = shop.run("authorise", "app")
    assert (ran.code, ran.out) == (0, "")
    assert "  public_key: ssh-rsa " in ran.err
    assert "  task connect: Open the port\n" in ran.err
    assert ran.err.endswith("No link: postgres needs nobody's consent in a browser.\n")
    assert not any("connect-card" in route for route in shop.requests())


def test_consent_that_the_config_makes_needless_is_not_asked_for(shop: Shop):
    shop.unit("sheets", service="google_sheets", config={"auth_type": "ServiceAccount"})
    file = shop.specs / "dev" / "sheets.yaml"
    file.write_text(file.read_text().replace("schema: sheets", "schema: sheets\n    table: t"))
    shop.connection("google_sheets", {"schema": "sheets", "table": "t"})
    assert shop.run("authorise", "sheets").out == ""


def test_what_is_connected_already_can_be_authorised_anew_and_is_not_set_up_again(shop: Shop):
    shop.unit("zoom", service="zoom")
    zoom = shop.connection("zoom", {"schema": "zoom"})
    ran = shop.run("authorise", "zoom")
    first, again, whoever = ran.err.splitlines()
    assert first == f"zoom ({zoom}, zoom) is connected already: nobody has to do anything."
    assert again == "The link asks for consent again, which takes the place of the one that was given."
    assert whoever.startswith("Whoever has this link ")
    assert ran.out.startswith("https://")
    shop.unit("stripe")
    shop.connection("stripe", {"schema": "stripe"})
    ran = shop.run("authorise", "stripe")
    assert (ran.out, len(ran.err.splitlines())) == ("", 2)


def test_a_service_without_a_file_in_the_catalogue_gets_a_link(shop: Shop, simulators):
    httpx.put(f"{simulators.admin_url}/services/brand_new", json={"name": "Brand new"}).raise_for_status()
    shop.unit("new", service="brand_new")
    shop.connection("brand_new", {"schema": "new"}, setup_state="incomplete")
    assert shop.run("authorise", "new").out.startswith("https://")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "no unit 'nobody' in dev"),
        (
            ["stripe"],
            "connectors/dev/stripe.yaml: Fivetran has no such connection yet: `pulumi up --stack dev` makes it",
        ),
        (["stripe", "--redirect-uri", "example.com"], "expected a URL that starts with https://"),
    ],
)
def test_what_cannot_be_is_one_line(shop: Shop, arguments: list[str], said: str):
    shop.unit("stripe")
    ran = shop.run("authorise", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_key_that_may_only_read_is_told_so(shop: Shop, ads: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIVETRAN_APIKEY", "simulator-read-only-key")
    ran = shop.run("authorise", "ads")
    assert (ran.code, ran.out) == (3, "")
    assert "Give the API key a role that allows this" in ran.err
