"""GitHub's errors."""

from __future__ import annotations

from aiohttp import web

_DOCUMENTATION = "https://docs.github.com/rest"


class ApiError(Exception):
    """An error as the API answers it."""

    def __init__(self, status: int, message: str, *, errors: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    def response(self) -> web.Response:
        """Return the answer."""
        body = {"message": self.message, "documentation_url": _DOCUMENTATION, "status": str(self.status)}
        if self.errors is not None:
            body["errors"] = self.errors  # type: ignore[assignment]
        return web.json_response(body, status=self.status)


def not_found() -> ApiError:
    """Return the error for what does not exist, or must not be known to exist."""
    return ApiError(404, "Not Found")


def not_allowed(*, by_app: bool) -> ApiError:
    """Return the error for a missing permission."""
    return ApiError(403, f"Resource not accessible by {'integration' if by_app else 'personal access token'}")


def invalid(resource: str, field: str, code: str, message: str = "") -> ApiError:
    """Return the error for a field that has a wrong value."""
    fault = {"resource": resource, "field": field, "code": code}
    return ApiError(422, "Validation Failed", errors=[{**fault, "message": message} if message else fault])
