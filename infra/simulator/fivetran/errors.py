"""The API's errors. Statuses and codes are Fivetran's. Texts are ours where Fivetran's are unknown."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """An error with its HTTP status, the envelope's `code` and `message`, and headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def invalid(message: str) -> ApiError:
    """400: the API rejects a body, query or path parameter."""
    return ApiError(400, "InvalidInput", message)


def required(field: str) -> ApiError:
    """400: a required field is missing. The text is the API's."""
    return invalid(f"Field '{field}' is required")


def unauthorized(message: str) -> ApiError:
    """401: credentials are missing, wrong or expired."""
    return ApiError(401, "AuthFailed", message)


def forbidden(message: str) -> ApiError:
    """403: the key is valid, but its role does not allow this."""
    return ApiError(403, "Forbidden", message)


def not_found(code: str, message: str) -> ApiError:
    """404: an object does not exist, with a `NotFound…` code."""
    return ApiError(404, code, message)


def unknown_path() -> ApiError:
    """404: the path is not a route of the API. The text is the API's."""
    return ApiError(404, "NotFound", "HTTP 404 Not Found")


def wrong_method(message: str = "HTTP 405 Method Not Allowed") -> ApiError:
    """405: the route exists, but not for this method or kind of object."""
    return ApiError(405, "MethodNotAllowed", message)


def conflict(message: str) -> ApiError:
    """409: the request is valid, but conflicts with an object."""
    return ApiError(409, "Conflict", message)


def too_many(message: str, retry_after: int) -> ApiError:
    """429: with `Retry-After` in whole seconds."""
    return ApiError(429, "TooManyRequests", message, {"Retry-After": str(retry_after)})


def not_simulated(what: str) -> ApiError:
    """501, which the real API never answers: `what` is not simulated."""
    return ApiError(501, "NotSimulated", f"{what}: the local Fivetran does not simulate this")
