"""Errors for the user: a problem in a file with its place, and the base classes of all other errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """A problem in a file. Lines and columns count from 1; `hint` is the action that corrects it."""

    file: str
    line: int
    column: int
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{place}\n    {self.hint}" if self.hint else place


class ReconcilerError(Exception):
    """Base of all errors whose text is for the user: without a traceback, and without a secret."""


# Also in fivetran.api.errors: the client imports nothing of the reconciler.
class _Unmasked:
    """A text that `repr` hides, so that debuggers and reports with local variables do not show it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<not shown>"


class RemoteError(ReconcilerError):
    """Fivetran or Google rejected a request, failed, or could not be reached.

    Attributes:
        unmasked_message: Their message. It may quote a secret, so it is not part of the error's text. Only code that
            masks it may show it (`saying`).
        step: The action for the reader.
        speaker: The sender of the message.
    """

    def __init__(self, text: str, *, unmasked_message: str = "", step: str = "", speaker: str = "Google") -> None:
        super().__init__()
        self._unmasked = _Unmasked(unmasked_message)
        self.step = step
        self.speaker = speaker
        self._text = text

    @property
    def unmasked_message(self) -> str:
        """The unchanged message of Fivetran or Google, which may quote a secret."""
        return self._unmasked.text

    def __str__(self) -> str:
        return self.saying("")

    def saying(self, message: str) -> str:
        """Return the error's text with this message, which must contain no secret."""
        quoted = f": {message.rstrip('.')}" if message else ""
        return f"{self._text}{quoted}" + (f". {self.step}" if self.step else "")


#: The error for all exceptions of Google's libraries about credentials, and its hint.
NO_CREDENTIALS = "no valid Google credentials"
LOG_IN = "Log in with `gcloud auth application-default login`"
_NETWORK = "Check the network and any proxy, then run again"
_LATER = "Run again; if it stays, see https://status.cloud.google.com"


def google_error(subject: str, error: BaseException) -> RemoteError:
    """Return the error for an exception of Google's libraries. Google's message is not part of its text."""
    error = getattr(error, "cause", None) or error
    status = getattr(error, "code", None)
    if not isinstance(status, int):
        return _without_answer(subject, error)
    reason = _google_reason(error)
    answer = f"{int(status)} {reason}" if reason else str(int(status))
    step = LOG_IN if status == 401 else _LATER if status == 429 or status >= 500 else ""
    return RemoteError(f"{subject}: Google answered {answer}", unmasked_message=google_message(error), step=step)


def _without_answer(subject: str, error: BaseException) -> RemoteError:
    """Return the error for a failure without an answer of the API: of the network, or of the credentials."""
    name = type(error).__name__
    # By their names: the libraries are slow to import. A body that takes too long is in an error of the connection.
    kinds = {each.__name__ for one in (error, *error.args) for each in type(one).__mro__}
    if kinds & {"Timeout", "TimeoutError"}:
        return RemoteError(f"{subject}: Google gave no answer in time", step=_NETWORK)
    if kinds & {"ConnectionError", "TransportError"}:
        return RemoteError(f"{subject}: Google cannot be reached ({name})", step=_NETWORK)
    if "GoogleAuthError" not in kinds:
        return RemoteError(f"{subject}: Google gave no usable answer ({name})", step=_LATER)
    message = str(error.args[0]) if error.args else ""
    if getattr(error, "retryable", False):
        text = f"{subject}: Google gave no token for these credentials ({name})"
        return RemoteError(text, unmasked_message=message, step=_LATER)
    return RemoteError(f"{subject}: {NO_CREDENTIALS} ({name})", unmasked_message=message, step=LOG_IN)


def google_message(error: BaseException) -> str:
    """Return Google's message without the request that its libraries prepend. It is not masked."""
    details = getattr(error, "errors", None) or [{}]
    message = details[0].get("message") if isinstance(details[0], dict) else None
    text = str(message or getattr(error, "message", None) or error).strip()
    return text.partition(": ")[2] if re.match(r"[A-Z]+ http", text) else text


def _google_reason(error: BaseException) -> str:
    """Return Google's name for the kind of error, such as `accessDenied`; empty if it is not one word."""
    details = getattr(error, "errors", None) or [{}]
    reasons = [getattr(error, "reason", None), details[0].get("reason") if isinstance(details[0], dict) else None]
    return next((each for each in reasons if isinstance(each, str) and re.fullmatch(r"[A-Za-z_]{1,40}", each)), "")


class InvalidSpecs(ReconcilerError):
    """The YAML files have problems; `problems` has all of them, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


#: Printable characters without a shape, in which names that look alike can differ. Emoji have U+FE0F behind a symbol.
SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U000e0100-\U000e01ef]"
    "|(?<![\u2000-\u2bff\U0001f000-\U0001faff])[\ufe00-\ufe0f]"
)


def printable(text: str) -> str:
    """Escape every character that has an effect on a terminal or a log, or no shape."""
    if not text.isascii():
        text = SHAPELESS.sub(lambda found: _escape(found[0]), text)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii", "replace")
