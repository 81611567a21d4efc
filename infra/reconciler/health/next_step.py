"""What the last run found out about a connection that does not work, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fivetran.api import Connection
from reconciler.model import Connector, Unit, commands
from reconciler.model.errors import printable
from reconciler.stack.outputs import Recorded

_STEPS = {
    "refused": "correct {file}, then {up}",
    "awaiting": "{authorise} prints what that takes; when it is done, {refresh}",
    "consent": "when that is done, {refresh}, which starts it",
    "overdue": "see to it, or give it another day in {file}; then {refresh}",
    "testing": "{up}, which reads what its tests came to",
    "failed": "look at {file} and at what the test names, mend the cause, then {up}, which tests it again",
    "broken": "do what Fivetran asks for, then {refresh}, which tests it again",
    "untold": "{refresh}, which tests it and says what fails",
}


def of_the_last_run(last: Recorded | None) -> Iterator[str]:
    """Why the connection did not come to work in the last run, in the tests' own words where it was they."""
    if last is None:
        return
    if last.outcome == "failed":
        yield from (f"setup test {printable(test)}" for test in last.messages)
    if last.outcome == "testing":
        yield "its setup tests were still running when the last run ended"
    if last.outcome == "refused":
        yield from (f"the last run refused it: {printable(reason)}" for reason in last.messages)


def next_step(
    unit: Unit, connector: Connector, live: Connection, awaiting: str | None, last: Recorded | None
) -> str | None:
    """What to do next about a connection; None where nothing is, or where what is wrong says so itself."""
    outcome, works = last.outcome if last else None, live.setup_state == "connected"
    cases = {
        "refused": live.service != connector.service or outcome == "refused",
        "awaiting": awaiting is not None and connector.awaiting is not None,
        "consent": awaiting is not None,
        "overdue": connector.awaiting is not None and not works,
        "failed": outcome == "failed",
        "testing": outcome == "testing",
        "broken": live.setup_state == "broken",
        "untold": not works,
    }
    case = next((case for case, is_so in cases.items() if is_so), None)
    environment = commands.environment_of(unit.file)
    return (
        _STEPS[case].format(
            file=unit.file,
            up=commands.up(environment),
            refresh=commands.up(environment, refresh=True),
            authorise=commands.reconciler("authorise", unit.name, environment=environment),
        )
        if case
        else None
    )
