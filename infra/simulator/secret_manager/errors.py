"""Answer with errors of Google's APIs.

An HTTP status, a code of `google.rpc.Code` by name, a message, sometimes details.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The HTTP status of each code (google/rpc/code.proto).
CODES: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class ApiError(Exception):
    """The API rejects a request."""

    def __init__(self, code: str, message: str, details: tuple[Mapping[str, Any], ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    @property
    def status(self) -> int:
        """The HTTP status."""
        return CODES[self.code]

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        error: dict[str, Any] = {"code": self.status, "message": self.message, "status": self.code}
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def denied(permission: str, resource: str) -> ApiError:
    """403: IAM denies a permission, or the object does not exist and the caller may not know that."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "IAM_PERMISSION_DENIED",
        "domain": "iam.googleapis.com",
        "metadata": {"permission": permission, "resource": resource},
    }
    message = f"Permission '{permission}' denied for resource '{resource}' (or it may not exist)."
    return ApiError("PERMISSION_DENIED", message, (info,))


def not_enabled(project_number: str) -> ApiError:
    """403: the API is not enabled in the project."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": "secretmanager.googleapis.com", "consumer": f"projects/{project_number}"},
    }
    message = (
        f"Secret Manager API has not been used in project {project_number} before or it is disabled. Enable it by "
        "visiting the API's page in the console then retry."
    )
    return ApiError("PERMISSION_DENIED", message, (info,))


def unimplemented(what: str) -> ApiError:
    """501: the error of this simulator, not of Google."""
    return ApiError("UNIMPLEMENTED", f"{what} is not simulated")
