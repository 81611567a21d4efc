"""Setup tests are a result of the run: one that fails is an error with the test's own title and words."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.client import SetupTest
from reconciler.provider.operation import OperationError


def report_failures(subject: str, tests: Iterable[SetupTest]) -> None:
    """Raise `OperationError` naming every test that failed; warnings and skipped tests pass."""
    failed = [test for test in tests if test.failed]
    if failed:
        lines = "".join(f"\n    {' '.join(f'{test.title}: {test.status}: {test.message}'.split())}" for test in failed)
        raise OperationError(
            f"{len(failed)} setup test{'s' if len(failed) > 1 else ''} of {subject} failed:{lines}\n"
            "    What was made is kept and found again: mend the cause and run again."
        )
