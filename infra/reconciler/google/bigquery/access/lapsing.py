"""Access that ends by itself: the condition of an entry that says so, and what to tell of it."""

from __future__ import annotations

import re
from datetime import date, timedelta

from reconciler.model import Condition, Grant
from reconciler.model.policy import PeoplePolicy

#: What a file may write as `ticket`.
_TICKET = re.compile(r"\S(.*\S)?")


def until(day: date, ticket: str | None = None) -> Condition:
    """The condition that ends a grant after its last day, in UTC. Its text never changes: it is in BigQuery."""
    end = "9999-12-31T23:59:59Z" if day == date.max else f"{day + timedelta(days=1)}T00:00:00Z"
    return Condition(f"until {day}", f'request.time < timestamp("{end}")', ticket)


def until_of(condition: Condition | None) -> date | None:
    """The last day by a condition of ours: `until` read back. None for any other condition, and for none."""
    if condition is None:
        return None
    try:
        day = date.fromisoformat(condition.title.removeprefix("until "))
    except ValueError:
        return None
    ticket = condition.description
    if ticket is not None and not _TICKET.fullmatch(ticket):
        return None
    return day if until(day, ticket) == condition else None


def lapses(grant: Grant, policy: PeoplePolicy, today: date) -> str | None:
    """What to tell the people who own a dataset of a grant that ends soon, or has ended; None where there is nothing.

    A grant that has ended is in no list any more.
    """
    if grant.until is None or grant.until - today > policy.warn:
        return None
    many = len(grant.members) - 1
    what = f"{grant.role} for {grant.members[0]}{f' and {many} more' if many else ''}"
    days = (grant.until - today).days
    if days < 0:
        return f"access ended on {grant.until}: {what}; take the grant out"
    when = {0: "today is the last day", 1: "in 1 day"}.get(days, f"in {days} days")
    return f"access ends on {grant.until}, {when}: {what}; a later date in `until` prevents that"
