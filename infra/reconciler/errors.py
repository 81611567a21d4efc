"""The errors a user reads: a fault in a file with its place, and the base of everything we raise on purpose."""

from __future__ import annotations

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


class OtherSideFailed(ReconcilerError):
    """Fivetran or Google refused, failed or could not be reached."""


class InvalidSpecs(ReconcilerError):
    """The YAML has faults; `problems` holds all of them, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
