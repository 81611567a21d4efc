"""Failed setup tests, reported by title and message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.fivetran.api import SetupTest
from reconciler.resources.activation import presented_keys
from reconciler.resources.run.outcomes import OperationError
from reconciler.secrets import KnownValues, known_values_of_run, show, show_label
from reconciler.secrets.masking import mask


def failed_tests(tests: Iterable[SetupTest]) -> list[dict[str, str]]:
    """Return every failed test as title, status and message, unmasked; warnings and skipped tests pass.

    A test that met an unapproved certificate or key also has `presents`, and the `trust` that approves it.
    """
    return [_failed(test) for test in tests if test.failed]


def _failed(test: SetupTest) -> dict[str, str]:
    details = presented_keys.other_details(test)
    found_out = {
        "title": test.title,
        "status": test.status,
        "message": f"{test.message}: {details}" if test.message and details else test.message or details,
    }
    if found := presented_keys.summaries(test):
        found_out |= {"presents": ", ".join(found), "trust": presented_keys.snippet(test)}
    return found_out


def mask_test(test: Mapping[str, str], known: KnownValues) -> dict[str, str]:
    """Return one test of `failed_tests` as it may be stored and shown.

    What a source presented is a public certificate or key, whose lines stay; it is left out where it cannot be masked.
    """
    shown = {key: show_label(test[key], known) for key in ("title", "status")}
    shown["message"] = show(test["message"], known)
    presents = {key: mask(test[key], known.values) for key in ("presents", "trust") if key in test}
    return {**shown, **{key: text for key, text in presents.items() if text is not None}}


def format_test(test: Mapping[str, str]) -> str:
    """Format one test of `failed_tests`, on one line."""
    shown = f"; it presents {test['presents']}" if "presents" in test else ""
    return " ".join(f"{test['title']}: {test['status']}: {test['message']}{shown}".split())


def format_failures(subject: str, failed: Iterable[dict[str, str]]) -> str:
    """Format the failure of some tests."""
    failed = list(failed)
    lines = [f"\n    {format_test(test)}" for test in failed]
    return (
        f"{len(lines)} setup test{'s' if len(lines) > 1 else ''} of {subject} failed:{''.join(lines)}\n"
        "    Fix the cause and run again. The connection and its datasets stay."
        + "".join(_format_trust(test["trust"]) for test in failed if "trust" in test)
    )


def _format_trust(trust: str) -> str:
    """Format the `trust` to paste into the file so that Fivetran trusts what a source presented."""
    lines = "".join(f"\n      {line}" for line in trust.splitlines())
    return f"\n    Compare this with the source's administrator, then add it under `connector`:\n{lines}\n"


def report_failures(subject: str, tests: Iterable[SetupTest]) -> None:
    """Raise `OperationError` naming every test that failed, with what it says masked."""
    failed = failed_tests(tests)
    if failed:
        known = known_values_of_run(ask=True)
        failed = [mask_test(test, known) for test in failed]
    if failed:
        raise OperationError(format_failures(subject, failed))
