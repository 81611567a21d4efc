"""Count the requests to Fivetran that a run needs, for a reviewer who watches the quota."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.fivetran.api.client_settings import USUAL_SHARE, requests_per_hour
from reconciler.fivetran.api.pacing import USUAL_REQUESTS_PER_HOUR, Limits
from reconciler.fivetran.group_roles import role_changes
from reconciler.model.commands import count
from reconciler.review.consequence import Consequence, Severity
from reconciler.review.context import Context
from reconciler.review.preview import Preview, Step

#: Read before anything is created: the account, its groups, and the group's connections.
_FOR_CREATION = 4
#: Read the users of the group and the teams of the account; each role is one more.
_ROLES = 2
#: Read and write the declared tables, and read them back.
_TABLES = 3

_REQUESTS: Mapping[tuple[str, str], int] = {
    ("Connection", "create"): 3,
    ("Connection", "adopt"): 3,
    ("Connection", "replace"): 4,
    ("Connection", "delete"): 1,
    ("Activation", "create"): 1,
    ("Activation", "replace"): 1,
    ("Destination", "create"): 4,
    ("Destination", "update"): 2,
    ("DestinationTests", "create"): 2,
    ("DestinationTests", "update"): 2,
    ("Package", "create"): 2,
    ("Package", "update"): 2,
}

#: The inputs of a connection that are not sent.
_ONLY_IN_STATE = frozenset({"ending", "file", "unit"})

#: Steps that end in a setup test.
_TESTED = frozenset(
    {("Connection", "create"), ("Connection", "adopt"), ("Connection", "replace"), ("DestinationTests", "create")}
)


@dataclass(frozen=True)
class Forecast:
    """What a run needs of Fivetran, without waits and repetitions."""

    requests: int
    setup_tests: int


def forecast(preview: Preview) -> Forecast:
    """Return about how many requests a run of this preview sends: 0 where nothing of Fivetran changes."""
    requests = sum(requests_of(step) for step in preview.steps)
    if any(step.type == "Connection" and step.operation in ("create", "adopt", "replace") for step in preview.steps):
        requests += _FOR_CREATION
    return Forecast(requests, sum(_is_tested(step) for step in preview.steps))


def requests_of(step: Step) -> int:
    """Return about how many requests to Fivetran one step sends."""
    if step.type == "GroupAccess" and step.operation != "delete":
        changes = role_changes(step.old.get("members") or {}, step.new.get("members") or {})
        return _ROLES + sum(1 for _ in changes)
    found = _REQUESTS.get((step.type, step.operation), 0)
    if (step.type, step.operation) == ("Connection", "update"):
        changed = {key for key in {*step.old, *step.new} if step.old.get(key) != step.new.get(key)}
        # A change of the config is read back and tested; what only state knows is not sent.
        return 3 if changed & {"config", "auth", "trust"} else 1 if changed - _ONLY_IN_STATE else 0
    if step.type != "Activation" or step.operation == "delete":
        return found
    if step.old.get("sync") != step.new.get("sync"):
        found += _TABLES
    if step.operation == "update" and any(step.old.get(key) != step.new.get(key) for key in ("paused", "schedule")):
        found += 1
    return found


def _is_tested(step: Step) -> bool:
    sends = any(step.old.get(part) != step.new.get(part) for part in ("config", "auth", "trust"))
    return (step.type, step.operation) in _TESTED or ((step.type, step.operation) == ("Connection", "update") and sends)


def quota(context: Context) -> Iterator[Consequence]:
    """Return what the run takes of Fivetran's quota, with the time that its limits make it take."""
    found = forecast(context.preview)
    if not found.requests:
        return
    hourly = requests_per_hour(os.environ)
    limits = Limits(requests_per_hour=hourly)
    each_hour = f"{hourly or USUAL_REQUESTS_PER_HOUR:,} an hour"
    allowed = f"FIVETRAN_REQUESTS_PER_HOUR: {each_hour}" if hourly else f"the usual quota: {each_hour}"
    text = f"sends about {count(found.requests, 'request')} to Fivetran ({allowed})"
    if found.setup_tests:
        text += f", with {count(found.setup_tests, 'setup test')}"
    minutes = _minutes(found, limits)
    declared = context.environment.quota_left
    share = USUAL_SHARE if declared is None else declared
    usable = (hourly or USUAL_REQUESTS_PER_HOUR) * (100 - share) // 100
    is_too_much = found.requests > usable
    severity: Severity = "note" if minutes or is_too_much else "detail"
    if is_too_much:
        text += (
            f"; one hour allows {usable:,} of them, because {share} % are left to others: split the change, "
            "or the run waits for the quota"
        )
    if minutes:
        text += f"; at Fivetran's limits this takes at least {count(minutes, 'minute')}"
    yield Consequence(severity, "quota", text, "quota", "", context.environment_place("fivetran"))


def _minutes(found: Forecast, limits: Limits) -> int:
    """Return for how many whole minutes the limits hold the run up; 0 if they do not."""
    hourly = max(
        (found.requests - 1) // (limits.requests_per_hour or USUAL_REQUESTS_PER_HOUR),
        (found.setup_tests - 1) // limits.setup_tests_per_hour,
    )
    if hourly > 0:
        return hourly * 60
    return max(0, math.ceil(found.setup_tests / limits.setup_tests_per_minute) - 1)


def unchecked(context: Context) -> Iterator[Consequence]:
    """Return what the preview could not ask Fivetran. An apply asks again before it writes."""
    for text in context.preview.unchecked:
        yield Consequence("note", "unchecked", text, text, "", context.environment_place("fivetran"))
