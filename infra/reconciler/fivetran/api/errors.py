"""Everything a call can raise, as a tree. Catch at the level you mean.

FivetranError
├── MissingCredentials       FIVETRAN_APIKEY or FIVETRAN_APISECRET is not there
├── InvalidSettings          a base URL, proxy or id that no request can be made from
├── TransportError           no answer was read; `sent` says whether the request may have reached Fivetran
└── ApiError                 an answer that is not the one asked for
    ├── Unauthorized         401
    ├── Forbidden            403
    ├── NotFound             404 in the API's own words (its codes begin with `NotFound`)
    ├── Conflict             409
    ├── RateLimited          429; `retry_after` in seconds
    ├── Rejected             any other 4xx: the request itself is at fault
    ├── ServerError          5xx
    └── UnexpectedAnswer     not the API speaking, or not its format: HTML, a redirect, no `data`

The text of an error holds our own words only: what was tried, on what, the status, the API's code where that is an
identifier, the attempts and the next step. The other side's text may quote a secret: it is in `unmasked_message` and
nowhere else, also not in `args`, `__cause__` or `__context__`, and only what masks it first may show it (`saying`).
"""

from __future__ import annotations

from typing import ClassVar, Literal

#: Whether a request reached Fivetran: False = it surely never left, "unknown" = it may have, True = it was answered.
Sent = Literal[False, "unknown", True]


class FivetranError(Exception):
    """Base of everything the client raises on purpose."""

    #: How often the request was made before giving up.
    attempts: int = 1

    @property
    def may_have_taken_effect(self) -> bool:
        """Whether the change may exist although the call failed: look before repeating a create."""
        return False


class MissingCredentials(FivetranError):
    """No API key, or no API secret."""


class InvalidSettings(FivetranError):
    """A setting or an id from which no request can be made."""


class TransportError(FivetranError):
    """No answer could be read: connection, time limit, TLS, proxy, or a broken reply."""

    def __init__(self, reason: str, *, method: str, path: str, sent: Sent) -> None:
        super().__init__(reason)
        self.reason = reason
        self.method = method
        self.path = path
        self.sent: Sent = sent

    @property
    def may_have_taken_effect(self) -> bool:
        """See the base class: true unless the request surely never left."""
        return self.sent is not False and self.method != "GET"

    def __str__(self) -> str:
        step = (
            "Fivetran may have applied the request. Check the network, then run again."
            if self.may_have_taken_effect
            else "Check the network, any proxy and FIVETRAN_API_URL, then run again."
        )
        return f"{self.method} {self.path}: {self.reason}{_times(self.attempts)}. {step}"


class _Unmasked:
    """A text that no `repr`, as of a debugger or of a report with local variables, shows."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<not shown>"


class ApiError(FivetranError):
    """An answer with an HTTP status that is not success, or one that cannot be understood.

    Attributes:
        code: The API's own, where it is an identifier such as `NotFound_Connection`; None otherwise.
        unmasked_message: The other side's text, whole and as it came; empty when it gave none.
        problem: What is wrong with an answer that cannot be understood, in our own words.
    """

    next_step: ClassVar[str] = "Run again; if it stays, ask Fivetran's support."

    #: Seconds after which Fivetran wants to be asked again, where it said so (429, sometimes 503).
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
        """What the other side said, as it came: it may quote a secret."""
        return self._unmasked.text

    @property
    def advice(self) -> str:
        """What the reader can do about it."""
        return self.next_step

    def __str__(self) -> str:
        return self.saying("")

    def saying(self, message: str) -> str:
        """Return the error's text with this text, which must hold no secret, as the API's message."""
        said = f": {message.rstrip('.')}" if message else ""
        return f"{self.answer}{said}. {self.advice}"

    @property
    def answer(self) -> str:
        """What was asked and answered, in our own words, without the advice."""
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
    """404: no such thing, or the key may not see it."""

    next_step = "It was deleted, never existed, or is hidden from this API key."


class Conflict(ApiError):
    """409: it exists already, is in use, or something else is changing it right now."""

    next_step = "It exists already, is still in use, or is being changed: look at it in Fivetran, then run again."


class Rejected(ApiError):
    """Any other 4xx: the request itself is at fault and would fail again."""

    next_step = "Correct what Fivetran rejects; the same request would be rejected again."


class ServerError(ApiError):
    """5xx: Fivetran, or something before it, failed."""

    next_step = "Fivetran failed: run again later, and see https://status.fivetran.com."

    @property
    def may_have_taken_effect(self) -> bool:
        """See the base class: a gateway can fail after the change was made."""
        return self.method != "GET"


class UnexpectedAnswer(ApiError):
    """An answer in another format than the API's; `problem` says in which way."""

    next_step = "Check FIVETRAN_API_URL (with `/v1`) and any proxy: something else may have answered."

    @property
    def may_have_taken_effect(self) -> bool:
        """See the base class: true for an answer that claims success."""
        return self.method != "GET" and 200 <= self.status < 300


class RateLimited(ApiError):
    """429: the account's quota is used up, also by others. `retry_after` is in seconds, None when not told."""

    @property
    def advice(self) -> str:
        """When to come back, as far as Fivetran told."""
        if self.retry_after is None:
            return "The account's quota is used up: wait some minutes and run again."
        return f"The account's quota is used up: wait {round(self.retry_after)} s and run again."


def _times(attempts: int) -> str:
    return f" ({attempts} attempts)" if attempts > 1 else ""
