"""The API's refusals. Statuses and codes are Fivetran's; where its wording is not known, the words are ours."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal with its HTTP status, the envelope's `code` and `message`, and extra headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def invalid(message: str) -> ApiError:
    """400 for a body, query or path parameter that the API refuses."""
    return ApiError(400, "InvalidInput", message)


def required(field: str) -> ApiError:
    """400 for a required field that is missing, in the API's own words."""
    return invalid(f"Field '{field}' is required")


def unauthorized(message: str) -> ApiError:
    """401: no credentials, wrong ones, or expired ones."""
    return ApiError(401, "AuthFailed", message)


def forbidden(message: str) -> ApiError:
    """403: the key is valid and may not do this."""
    return ApiError(403, "Forbidden", message)


def not_found(code: str, message: str) -> ApiError:
    """404 with one of the `NotFound…` codes."""
    return ApiError(404, code, message)


def unknown_path() -> ApiError:
    """404 for a path that is no route of the API, in the API's own words."""
    return ApiError(404, "NotFound", "HTTP 404 Not Found")


def wrong_method(message: str = "HTTP 405 Method Not Allowed") -> ApiError:
    """405: the route exists, the verb or the kind of object does not fit."""
    return ApiError(405, "MethodNotAllowed", message)


def conflict(message: str) -> ApiError:
    """409: the request is well formed and contradicts what exists."""
    return ApiError(409, "Conflict", message)


def too_many(message: str, retry_after: int) -> ApiError:
    """429 with `Retry-After` in whole seconds."""
    return ApiError(429, "TooManyRequests", message, {"Retry-After": str(retry_after)})


def not_simulated(what: str) -> ApiError:
    """501, which the real API never answers: this double does not know `what`."""
    return ApiError(501, "NotSimulated", f"{what}: the local Fivetran does not simulate this")
