import pickle
import string

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.api import Credentials, FivetranClient, FivetranError, InvalidSettings, MissingCredentials
from reconciler.fivetran.api.client_settings import BaseUrl

from .support import KEY, SECRET, Server, chain, ok

BOTH = {"FIVETRAN_APIKEY": KEY, "FIVETRAN_APISECRET": SECRET}


@pytest.mark.parametrize(
    ("env", "missing", "present"),
    [
        ({}, ["FIVETRAN_APIKEY and FIVETRAN_APISECRET are not set"], []),
        ({"FIVETRAN_APIKEY": KEY}, ["FIVETRAN_APISECRET is not set"], ["FIVETRAN_APIKEY is not"]),
        ({"FIVETRAN_APISECRET": SECRET}, ["FIVETRAN_APIKEY is not set"], ["FIVETRAN_APISECRET is not"]),
        ({"FIVETRAN_APIKEY": " \n", "FIVETRAN_APISECRET": SECRET}, ["FIVETRAN_APIKEY is not set"], []),
    ],
)
def test_missing_credentials_are_named_and_the_others_not_shown(
    env: dict[str, str], missing: list[str], present: list[str]
) -> None:
    with pytest.raises(MissingCredentials) as caught:
        FivetranClient.from_environment(env)
    text = str(caught.value)
    assert all(words in text for words in missing)
    assert not any(words in text for words in [*present, KEY, SECRET])


def test_public_api_is_used_without_a_base_url() -> None:
    server = Server(ok({"account_id": "a"}))
    with FivetranClient.from_environment(BOTH, transport=httpx.MockTransport(server)) as client:
        client.account_info()
    assert str(server.request.url) == "https://api.fivetran.com/v1/account/info"


def test_line_end_around_a_key_is_not_part_of_it() -> None:
    server = Server(ok({"account_id": "a"}))
    env = {"FIVETRAN_APIKEY": "k\n", "FIVETRAN_APISECRET": " s\r\n"}
    with FivetranClient.from_environment(env, transport=httpx.MockTransport(server)) as client:
        client.account_info()
    assert server.request.headers["Authorization"] == "Basic azpz"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/", " http://127.0.0.1:8080/v1//\n"],
)
def test_trailing_slash_is_tolerated(url: str) -> None:
    server = Server(ok({"account_id": "a"}))
    env = {**BOTH, "FIVETRAN_API_URL": url}
    with FivetranClient.from_environment(env, transport=httpx.MockTransport(server)) as client:
        client.account_info()
    assert str(server.request.url) == "http://127.0.0.1:8080/v1/account/info"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "api.localhost", "[::1]", "0.0.0.0"])
def test_http_is_accepted_for_this_machine(host: str) -> None:
    assert BaseUrl.parse(f"http://{host}:9000/v1").is_local


@pytest.mark.parametrize("host", ["10.0.0.1", "172.17.0.2", "double", "host.docker.internal", "fivetran.test"])
def test_http_is_accepted_within_a_private_network(host: str) -> None:
    assert not BaseUrl.parse(f"http://{host}:9000/v1").is_local


@pytest.mark.parametrize("host", ["api.fivetran.com", "8.8.8.8", "localhost.example.com", "127.0.0.1.nip.io"])
def test_http_over_the_internet_is_rejected_since_it_would_send_the_key_in_clear(host: str) -> None:
    with pytest.raises(InvalidSettings, match="in clear"):
        FivetranClient(f"http://{host}/v1", KEY, SECRET)


@pytest.mark.parametrize(
    "url",
    [
        "", "fivetran", "ftp://api.fivetran.com/v1", "https://", "https:///v1", "//api.fivetran.com", "https://[::1/v1",
        "https://user:hunter22@api.fivetran.com/v1", "https://api.fivetran.com/v1?x=hunter22",
        "https://api.fivetran.com/v1#hunter22", "https://a b/v1", "https://api.fivetran.com:port/v1", "http://\x00/",
        "hunter22",
    ],
)  # fmt: skip
def test_base_url_that_cannot_be_used_is_rejected_without_being_shown(url: str) -> None:
    with pytest.raises(InvalidSettings, match="FIVETRAN_API_URL") as caught:
        FivetranClient(url, KEY, SECRET)
    assert "hunter22" not in str(caught.value)


@given(st.text(max_size=40) | st.text(alphabet=string.printable, max_size=40).map(lambda tail: f"http://{tail}"))
def test_any_text_is_a_base_url_or_an_error_of_ours(text: str) -> None:
    error = None
    try:
        BaseUrl.parse(text)
    except FivetranError as caught:
        error = caught
    assert error is None or list(chain(error)) == [error]


def test_credentials_do_not_show_and_are_not_pickled() -> None:
    credentials = Credentials(KEY, SECRET)
    assert KEY not in repr(credentials)
    assert SECRET not in repr(credentials)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(credentials)


def test_client_does_not_show_its_key_and_is_not_pickled() -> None:
    dill = pytest.importorskip("dill")  # what Pulumi writes providers into its state with
    with FivetranClient("http://127.0.0.1:1/v1", KEY, SECRET) as client:
        assert repr(client) == "FivetranClient('http://127.0.0.1:1/v1')"
        for dumps in (pickle.dumps, dill.dumps):
            with pytest.raises(TypeError, match="not pickled"):
                dumps(client)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://proxy", "http://[::1"])
def test_proxy_that_cannot_be_used_is_rejected_with_the_variables_to_look_at(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(InvalidSettings, match="ALL_PROXY"):
        FivetranClient("https://api.example.test/v1", KEY, SECRET)
    FivetranClient("http://127.0.0.1:1/v1", KEY, SECRET).close()
