from email.utils import formatdate

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.api import (
    ApiError,
    Conflict,
    FivetranError,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    Retry,
    ServerError,
    Unauthorized,
    UnexpectedAnswer,
)
from reconciler.fivetran.api.responses import retry_after

from .support import KEY, SECRET, Server, Step, chain, ok, rejection

ONCE = Retry(attempts=1, budget_seconds=0)
HTML = httpx.Response(200, html="<html>Sign in</html>")


def error_of(step: Step) -> ApiError:
    with Server(step).client(retry=ONCE) as client, pytest.raises(ApiError) as caught:
        client.get_connection("a_b")
    assert list(chain(caught.value)) == [caught.value]
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidInput", Rejected),
        (400, "BadRequest", Rejected),
        (401, "AuthFailed", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound_Connection", NotFound),
        (404, "NotFound_Connector", NotFound),
        (404, "NotFound_Integration", NotFound),
        (404, "NotFound", NotFound),
        (404, "notfound_connection", NotFound),
        (405, "", Rejected),
        (406, "", Rejected),
        (409, "Conflict", Conflict),
        (415, "", Rejected),
        (418, "Teapot", Rejected),
        (429, "TooManyRequests", RateLimited),
        (500, "", ServerError),
        (503, "", ServerError),
        (599, "", ServerError),
    ],
)
def test_status_decides_the_class_and_the_error_carries_the_api_s_words(
    status: int, code: str, kind: type[ApiError]
) -> None:
    error = error_of(rejection(status, code, "Words."))
    assert type(error) is kind
    assert (error.status, error.code, error.unmasked_message) == (status, code or None, "Words.")
    assert (error.method, error.path) == ("GET", "/connections/a_b")


@pytest.mark.parametrize("status", [400, 401, 403, 409, 429, 500, 502, 504])
def test_status_that_is_clear_by_itself_needs_no_json(status: int) -> None:
    error = error_of(httpx.Response(status, html="<html>"))
    assert not isinstance(error, UnexpectedAnswer)
    assert (error.code, error.unmasked_message) == (None, "")


@pytest.mark.parametrize(
    "step",
    [
        httpx.Response(404, html="<html>404</html>"),
        httpx.Response(404),
        httpx.Response(404, json={"detail": "Not Found"}),
        httpx.Response(404, json=["NotFound"]),
        rejection(404, "NotFound", "HTTP 404 Not Found"),
        rejection(404, "NoRoute", "no such route"),
    ],
)
def test_message_of_404_about_another_thing_does_not_mean_a_deletion(step: Step) -> None:
    """With a wrong base URL every connection would else count as deleted."""
    error = error_of(step)
    assert type(error) is UnexpectedAnswer
    assert "FIVETRAN_API_URL" in str(error)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (HTML, "text/html instead of the API's JSON"),
        (httpx.Response(200, text="{"), "text/plain instead"),
        (httpx.Response(200, content=b"[1]"), "nothing instead of the API's JSON"),
        (httpx.Response(200, content=b"<a/>", headers={"Content-Type": "x/canary"}), "something else instead"),
        (httpx.Response(200, content=b"\xff\xfe{"), "instead of the API's JSON"),
        (httpx.Response(200, content=b"[" * 100_000), "instead of the API's JSON"),
        (httpx.Response(200, content=b'{"data": ' + b"9" * 5000 + b"}"), "instead of the API's JSON"),
        (httpx.Response(302, headers={"Location": "https://login.example.test/"}), "a redirect"),
        (httpx.Response(200, content=b""), "an answer without `data`"),
        (ok(), "an answer without `data`"),
        (ok([]), "an answer without `data`"),
        (ok({}), "an answer in which `id` is missing"),
        (ok({"id": None}), "an answer in which `id` is missing"),
    ],
)
def test_answer_in_another_format_is_an_error_that_says_in_which_way(step: Step, words: str) -> None:
    error = error_of(step)
    assert type(error) is UnexpectedAnswer
    assert words in error.problem
    assert words in str(error)


def test_message_of_a_missing_route_means_not_found_on_a_trusted_base_url() -> None:
    with Server(ok({"id": "g"}), rejection(404, "NotFound", "HTTP 404 Not Found")).client() as client:
        client.get_group("g")
        with pytest.raises(NotFound):
            client.get_connection("a_b")


def test_redirect_is_not_followed_since_that_would_send_the_key() -> None:
    server = Server(httpx.Response(307, headers={"Location": "https://elsewhere.example.test/"}))
    with server.client(retry=ONCE) as client, pytest.raises(UnexpectedAnswer):
        client.get_group("g")
    assert len(server.requests) == 1


@pytest.mark.parametrize("success", ["Success", "Created", None])
def test_success_is_decided_by_the_status_and_not_by_the_code(success: str | None) -> None:
    step = httpx.Response(201, json={"code": success, "data": {"id": "g"}})
    with Server(step).client() as client:
        assert client.get_group("g").id == "g"


def test_code_that_is_not_an_identifier_is_part_of_the_message() -> None:
    error = error_of(rejection(400, "Invalid sk_live_1", "Words."))
    assert (error.code, error.unmasked_message) == (None, "Invalid sk_live_1: Words.")
    assert "sk_live_1" not in str(error)


def test_error_keeps_the_api_s_message_without_the_credentials_of_the_client() -> None:
    error = error_of(rejection(400, "InvalidInput", f"no {KEY} and {SECRET} here"))
    assert error.unmasked_message == "no ****** and ****** here"


@given(
    status=st.integers(300, 599),
    code=st.text(max_size=20),
    text=st.text(min_size=4, max_size=40).map(lambda text: f"canary-{text}-42"),
    kind=st.sampled_from(["json", "text", "html", "type", "header"]),
)
def test_error_shows_nothing_of_the_message_wherever_it_stands(status: int, code: str, text: str, kind: str) -> None:
    header = text.encode("ascii", "replace").decode().translate(dict.fromkeys((*range(32), 127), "?"))
    answers = {
        "json": lambda: httpx.Response(status, json={"code": code, "message": text, "errors": [text], text: text}),
        "text": lambda: httpx.Response(status, content=text.encode(errors="replace")),
        "html": lambda: httpx.Response(status, html=f"<p>{text}</p>".encode(errors="replace").decode()),
        "type": lambda: httpx.Response(status, content=b"{", headers={"Content-Type": header}),
        "header": lambda: httpx.Response(
            status, json={"code": header}, headers={"X-Reason": header, "Retry-After": header}
        ),
    }
    error = error_of(answers[kind]())
    for each in chain(error):
        for shown in (str(each), repr(each), *map(str, each.args), *map(repr, each.args)):
            assert "canary-" not in shown
            assert text not in shown


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3600", 3600),
        ("1.5", 1.5),
        ("0", 0),
        ("-7", 0),
        (formatdate(1_000_090, usegmt=True), 90),
        (formatdate(999_000, usegmt=True), 0),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("Thu, 99 Foo 2030 99:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, 1_000_000) == seconds


@given(st.text())
def test_any_retry_after_is_seconds_from_now_or_nothing(header: str) -> None:
    seconds = retry_after(header, 1_000_000)
    assert seconds is None or seconds >= 0


@given(status=st.integers(200, 599), body=st.binary() | st.text().map(str.encode))
def test_any_answer_is_a_result_or_an_error_of_ours(status: int, body: bytes) -> None:
    with Server(httpx.Response(status, content=body)).client(retry=ONCE) as client:
        error = None
        try:
            client.get_connection("a_b")
        except FivetranError as caught:
            error = caught
    assert error is None or list(chain(error)) == [error]
