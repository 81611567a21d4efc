import pytest

from reconciler.fivetran.api import (
    ApiError,
    Conflict,
    FivetranError,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
    Unauthorized,
    UnexpectedAnswer,
)


def api_error(kind: type[ApiError], status: int, method: str = "GET") -> ApiError:
    return kind(status=status, code="Code", unmasked_message="The API's words.", method=method, path="/connections/a_b")


def test_api_error_reads_what_was_tried_on_what_and_the_next_step() -> None:
    answer, step = "GET /connections/a_b: Fivetran answered 404 Code", NotFound.next_step
    error = api_error(NotFound, 404)
    assert str(error) == f"{answer}. {step}"
    assert error.saying("The API's words.") == f"{answer}: The API's words. {step}"


@pytest.mark.parametrize(
    ("kind", "status", "step"),
    [
        (Unauthorized, 401, "Set FIVETRAN_APIKEY"),
        (Forbidden, 403, "role"),
        (Conflict, 409, "exists already"),
        (Rejected, 400, "Correct"),
        (ServerError, 503, "run again later"),
        (UnexpectedAnswer, 302, "Check FIVETRAN_API_URL"),
    ],
)
def test_each_error_says_the_next_step(kind: type[ApiError], status: int, step: str) -> None:
    assert step in str(api_error(kind, status))


@pytest.mark.parametrize(("seconds", "words"), [(3600.4, "Wait 3600 s, then run again"), (None, "Wait some minutes")])
def test_rate_limit_says_when_to_come_back(seconds: float | None, words: str) -> None:
    error = api_error(RateLimited, 429)
    error.retry_after = seconds
    assert words in str(error)


def test_answer_without_words_is_reported_by_its_status() -> None:
    error = Forbidden(status=403, code=None, method="GET", path="/groups")
    assert str(error).startswith("GET /groups: Fivetran answered 403. Give")


def test_error_names_the_attempts_when_there_was_more_than_one() -> None:
    error = api_error(ServerError, 502)
    error.attempts = 5
    assert "502 Code (5 attempts)" in str(error)
    lost = TransportError("no answer", method="GET", path="/groups", sent="unknown")
    lost.attempts = 2
    assert "no answer (2 attempts)." in str(lost)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError("x", method="POST", path="/p", sent=False), False),
        (TransportError("x", method="POST", path="/p", sent="unknown"), True),
        (TransportError("x", method="POST", path="/p", sent=True), True),
        (TransportError("x", method="GET", path="/p", sent="unknown"), False),
        (api_error(ServerError, 502, "POST"), True),
        (api_error(ServerError, 502, "GET"), False),
        (api_error(UnexpectedAnswer, 200, "POST"), True),
        (api_error(UnexpectedAnswer, 302, "POST"), False),
        (api_error(RateLimited, 429, "POST"), False),
        (api_error(Conflict, 409, "POST"), False),
        (api_error(Rejected, 400, "POST"), False),
        (api_error(NotFound, 404, "DELETE"), False),
    ],
    ids=repr,
)
def test_error_reports_whether_the_change_may_exist(error: FivetranError, expected: bool) -> None:
    assert error.may_have_taken_effect is expected


def test_lost_write_says_that_its_effect_is_not_known() -> None:
    assert "Fivetran may have applied the request" in str(TransportError("x", method="POST", path="/p", sent="unknown"))
    assert "Fivetran may have applied the request" not in str(TransportError("x", method="POST", path="/p", sent=False))
