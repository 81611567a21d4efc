"""All errors that a call can raise, as a tree.

FivetranError
├── MissingCredentials       FIVETRAN_APIKEY or FIVETRAN_APISECRET is not set
├── InvalidSettings          an unusable base URL, proxy or id
├── TransportError           no answer was read; `sent` is whether the request may have reached Fivetran
└── ApiError                 an answer without success
    ├── Unauthorized         401
    ├── Forbidden            403
    ├── NotFound             404 with a code of the API that begins with `NotFound`
    ├── Conflict             409
    ├── RateLimited          429; `retry_after` in seconds
    ├── Rejected             any other 4xx: the request itself is at fault
    ├── ServerError          5xx
    └── UnexpectedAnswer     an answer of another server, or in another format: HTML, a redirect, no `data`

The text of an error is written here: the method and path, the status, the API's code if it is an identifier, the number
of attempts, and the next step. Fivetran's message may quote a secret. It is in `unmasked_message` only, not in `args`,
`__cause__` or `__context__`. Only code that masks it may show it (`saying`).
"""

from __future__ import annotations

from typing import ClassVar, Literal

#: Whether a request reached Fivetran: False = it was not sent, "unknown" = it may have, True = Fivetran answered.
Sent = Literal[False, "unknown", True]


class FivetranError(Exception):
    """Base of all errors that the client raises."""

    #: How often the request was sent.
    attempts: int = 1

    @property
    def may_have_taken_effect(self) -> bool:
        """Whether Fivetran may have made the change although the call failed. Read before repeating a create."""
        return False


class MissingCredentials(FivetranError):
    """The API key or the API secret is missing."""


class InvalidSettings(FivetranError):
    """A setting or an id is unusable for requests."""


class TransportError(FivetranError):
    """No answer could be read: connection, timeout, TLS, proxy, or a broken answer."""

    def __init__(self, reason: str, *, method: str, path: str, sent: Sent) -> None:
        super().__init__(reason)
        self.reason = reason
        self.method = method
        self.path = path
        self.sent: Sent = sent

    @property
    def may_have_taken_effect(self) -> bool:
        """See the base class: true unless the request was certainly not sent."""
        return self.sent is not False and self.method != "GET"

    def __str__(self) -> str:
        step = (
            "Fivetran may have applied the request. Check the network, then run again."
            if self.may_have_taken_effect
            else "Check the network, any proxy and FIVETRAN_API_URL, then run again."
        )
        return f"{self.method} {self.path}: {self.reason}{_times(self.attempts)}. {step}"


class _Unmasked:
    """A text that `repr` hides, so that debuggers and reports with local variables do not show it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<not shown>"


class ApiError(FivetranError):
    """An answer with an HTTP status other than success, or in an unknown format.

    Attributes:
        code: The API's code if it is an identifier such as `NotFound_Connection`, else None.
        unmasked_message: Fivetran's message, complete and unchanged; empty if there is none.
        problem: Why an answer is unusable. Written here.
    """

    next_step: ClassVar[str] = "Run again. If it fails again, ask Fivetran's support."

    #: Seconds to wait, as Fivetran's answer has them (429, sometimes 503).
    retry_after: float | None = None

    def __init__(
        self, *, status: int, code: str | None, method: str, path: str, unmasked_message: str = "", problem: str = ""
    ) -> None:
        super().__init__()
        self.status = status
        self.code = code
        self._unmasked = _Unmasked(unmasked_message)
        self.problem = problem
        self.method = method
        self.path = path

    @property
    def unmasked_message(self) -> str:
        """Fivetran's message, unchanged. It may quote a secret."""
        return self._unmasked.text

    @property
    def advice(self) -> str:
        """The next step for the reader."""
        return self.next_step

    def __str__(self) -> str:
        return self.saying("")

    def saying(self, message: str) -> str:
        """Return the error's text with this message, which must contain no secret."""
        quoted = f": {message.rstrip('.')}" if message else ""
        return f"{self.answer}{quoted}. {self.advice}"

    @property
    def answer(self) -> str:
        """The request and the answer, without the next step."""
        answer = f"{self.status} {self.code}" if self.code else str(self.status)
        problem = f": {self.problem}" if self.problem else ""
        return f"{self.method} {self.path}: Fivetran answered {answer}{_times(self.attempts)}{problem}"


class Unauthorized(ApiError):
    """401: the key or secret is wrong, expired or deleted."""

    next_step = "Set FIVETRAN_APIKEY and FIVETRAN_APISECRET to a key that is valid on the host of FIVETRAN_API_URL."


class Forbidden(ApiError):
    """403: the key is valid, but its role does not allow this."""

    next_step = (
        "Give the API key a role that allows this, or set FIVETRAN_APIKEY and FIVETRAN_APISECRET to one that has it."
    )


class NotFound(ApiError):
    """404: the object does not exist, or the key may not read it."""

    next_step = "It was deleted, never existed, or is hidden from this API key."


class Conflict(ApiError):
    """409: the object exists already, is in use, or another process is changing it."""

    next_step = "It exists already, is still in use, or is being changed. Look at it in Fivetran, then run again."


class Rejected(ApiError):
    """Any other 4xx: Fivetran would reject the same request again."""

    next_step = "Correct the request: Fivetran would reject the same one again."


class ServerError(ApiError):
    """5xx: Fivetran, or a gateway before it, failed."""

    next_step = "Fivetran failed. See https://status.fivetran.com, and run again later."

    @property
    def may_have_taken_effect(self) -> bool:
        """See the base class: a gateway can fail after the change was made."""
        return self.method != "GET"


class UnexpectedAnswer(ApiError):
    """An answer in another format than the API's, with the reason in `problem`."""

    next_step = "Check FIVETRAN_API_URL (with `/v1`) and any proxy: another server may have answered."

    @property
    def may_have_taken_effect(self) -> bool:
        """See the base class: true for an answer with a status of success."""
        return self.method != "GET" and 200 <= self.status < 300


class RateLimited(ApiError):
    """429: the account's users have used up its quota.

    `retry_after` is in seconds, or None if Fivetran sends none.
    """

    @property
    def advice(self) -> str:
        """How long to wait, by `retry_after`."""
        if self.retry_after is None:
            return "The account's quota is used up. Wait some minutes, then run again."
        return f"The account's quota is used up. Wait {round(self.retry_after)} s, then run again."


def _times(attempts: int) -> str:
    return f" ({attempts} attempts)" if attempts > 1 else ""
