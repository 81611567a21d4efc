"""Errors for the user: a fault in a file with its place, and the base of everything that is raised on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One fault in one file. Lines and columns count from 1; `hint` says what to do about it."""

    file: str
    line: int
    column: int
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{place}\n    {self.hint}" if self.hint else place


class ReconcilerError(Exception):
    """Base of every error whose text is written for the user: no traceback, no secret."""


# Also in fivetran.api.errors: the client imports nothing of the reconciler.
class _Unmasked:
    """A text that no `repr` shows, such as one of a debugger or of a report with local variables."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<not shown>"


class RemoteError(ReconcilerError):
    """Fivetran or Google rejected a request, failed, or could not be reached.

    Attributes:
        unmasked_message: Their message. It may quote a secret and is not in the error's text: only code that masks it
            may show it (`saying`).
        step: What the reader can do.
        speaker: Whose message it is.
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
        said = f": {message.rstrip('.')}" if message else ""
        return f"{self._text}{said}" + (f". {self.step}" if self.step else "")


#: What Google's libraries raise about credentials, and what to do about it.
NO_CREDENTIALS = "no valid Google credentials"
LOG_IN = "Log in with `gcloud auth application-default login`"


def google_error(subject: str, error: BaseException) -> RemoteError:
    """Return the error for an exception of Google's libraries, with Google's message kept apart from its text."""
    error = getattr(error, "cause", None) or error
    status = getattr(error, "code", None)
    if not isinstance(status, int):
        return RemoteError(f"{subject}: Google gave no usable answer ({type(error).__name__})")
    reason = _google_reason(error)
    answer = f"{int(status)} {reason}" if reason else str(int(status))
    return RemoteError(f"{subject}: Google answered {answer}", unmasked_message=google_message(error))


def google_message(error: BaseException) -> str:
    """Return Google's message without the request that its libraries put before it. It is not masked."""
    details = getattr(error, "errors", None) or [{}]
    said = details[0].get("message") if isinstance(details[0], dict) else None
    text = str(said or getattr(error, "message", None) or error).strip()
    return text.partition(": ")[2] if re.match(r"[A-Z]+ http", text) else text


def _google_reason(error: BaseException) -> str:
    """Return Google's name for the kind of error, such as `accessDenied`; empty where it is no single word."""
    details = getattr(error, "errors", None) or [{}]
    reasons = [getattr(error, "reason", None), details[0].get("reason") if isinstance(details[0], dict) else None]
    return next((each for each in reasons if isinstance(each, str) and re.fullmatch(r"[A-Za-z_]{1,40}", each)), "")


class InvalidSpecs(ReconcilerError):
    """The YAML has faults; `problems` has all of them, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def printable(text: str) -> str:
    """Escape every character that a terminal or a log would act on."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode("ascii", "replace")
        for character in text
    )
