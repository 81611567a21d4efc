"""What the last run found about a connection that does not work, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fivetran.api import Connection
from reconciler.health.last_run import Recorded
from reconciler.model import Connector, Unit, commands
from reconciler.model.errors import printable

_STEPS = {
    "rejected": "correct {file}, then run {up}",
    "action": "run {authorise} to see what is needed; when it is done, run {refresh}",
    "consent": "when the user has consented, run {refresh}, which starts it",
    "overdue": "do what is overdue, or write a later date in {file}; then run {refresh}",
    "testing": "run {up}, which reads the results of the tests",
    "failed": "correct {file} or what the test names, then run {up}, which tests it again",
    "broken": "do what Fivetran asks for, then run {refresh}, which tests it again",
    "untested": "run {refresh}, which tests it and shows what fails",
}


def last_run_findings(last: Recorded | None) -> Iterator[str]:
    """Return why the connection failed in the last run, with the tests' own messages if tests failed."""
    if last is None:
        return
    if last.outcome == "failed":
        yield from (f"setup test {printable(test)}" for test in last.messages)
    if last.outcome == "testing":
        yield "its setup tests were still running when the last run ended"
    if last.outcome == "refused":
        yield from (f"the last run rejected it: {printable(reason)}" for reason in last.messages)


def next_step(
    unit: Unit, connector: Connector, live: Connection, pending: str | None, last: Recorded | None
) -> str | None:
    """Return what to do next about a connection; None if the finding alone says what to do."""
    outcome, works = last.outcome if last else None, live.setup_state == "connected"
    cases = {
        "rejected": live.service != connector.service or outcome == "refused",
        "action": pending is not None and connector.awaiting is not None,
        "consent": pending is not None,
        "overdue": connector.awaiting is not None and not works,
        "failed": outcome == "failed",
        "testing": outcome == "testing",
        "broken": live.setup_state == "broken",
        "untested": not works,
    }
    case = next((case for case, applies in cases.items() if applies), None)
    environment = commands.environment_of(unit.file)
    return (
        _STEPS[case].format(
            file=unit.file,
            up=commands.up(commands.stack_of(unit.file)),
            refresh=commands.up(commands.stack_of(unit.file), refresh=True),
            authorise=commands.reconciler("authorise", unit.name, environment=environment),
        )
        if case
        else None
    )
