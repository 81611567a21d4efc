"""The page of an estate: one HTML file that loads nothing.

Its texts are other people's, and are shown as texts.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from reconciler.estate.access import AccessGrant
from reconciler.estate.flow import place
from reconciler.estate.units import STATE_WORDS, Estate, UnitRow, UpcomingEnd, weeks_of
from reconciler.model.errors import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

#: Weeks on the time line.
_WEEKS = 13
#: How many lines of a list are shown at once; the rest is folded.
_FIRST = 6

#: Words between backticks are commands or names; an address of Fivetran's dashboard is a link.
_CODE = re.compile(r"`([^`]+)`|(https://fivetran\.com/dashboard/[\w./-]+)")

#: Sources of access that stand for no person: automation, Fivetran, and views that read for their own readers.
_MACHINES = ("automation", "fivetran", "authorised")


def render(estate: Estate) -> str:
    """Return the page, which is self-contained: a browser loads nothing for it."""
    folder = files(__package__)
    styles = [(folder / name).read_text("utf-8") for name in ("vendor/tabulator.min.css", "page.css")]
    scripts = [(folder / name).read_text("utf-8") for name in ("vendor/tabulator.min.js", "page.js")]
    template = _environment().from_string((folder / "page.html.j2").read_text("utf-8"))
    endings = [each for each in estate.endings if (each.day - estate.day).days < 7 * _WEEKS]
    weeks = weeks_of(endings, estate.day, _WEEKS)
    return template.render(
        estate=estate,
        attention=sorted(
            estate.attention,
            key=lambda each: (("failed", "warning", "notice").index(each.level), each.environment in estate.trials),
        ),
        first=_FIRST,
        endings=endings,
        later=len(estate.endings) - len(endings),
        weeks=[(start, number, number / max(1, *(each for _, each in weeks))) for start, number in weeks],
        flow=place(estate.rows),
        legend=_legend(estate),
        data=page_data(estate),
        tiles=_tiles(estate),
        styles=styles,
        scripts=scripts,
        policy=_policy(styles, scripts),
        environments=sorted({row.environment for row in estate.rows} | {each.environment for each in estate.readings}),
    )


def page_data(estate: Estate) -> dict[str, Any]:
    """Return the data for the page's script, as JSON. A grant that several datasets share is in it once."""
    grants: dict[tuple[object, ...], int] = {}

    def number(grant: AccessGrant) -> int:
        key = (
            *(shown(text) for text in (grant.member, grant.role)),
            *(
                grant.until,
                grant.ticket and shown(grant.ticket),
                shown(grant.where),
                grant.place and shown(grant.place),
            ),
            *(grant.state, grant.condition and shown(grant.condition), grant.reads is None),
        )
        return grants.setdefault(key, len(grants))

    units = [_unit(row, estate, number) for row in estate.rows]
    flow = place(estate.rows)
    return {
        "day": str(estate.day),
        "states": STATE_WORDS,
        "trials": sorted(estate.trials),
        "units": units,
        "grants": list(grants),
        "nodes": [node.units for node in flow.nodes],
        "edges": [(edge.start, edge.end, edge.units) for edge in flow.edges],
    }


def _unit(row: UnitRow, estate: Estate, number: Any) -> dict[str, Any]:
    unit, status = row.unit, row.status
    people: dict[str, str | None] = {}
    for grant in row.grants:
        if _is_for_people(grant):
            member = shown(grant.member)
            known = people.get(member, "")
            # Of several grants the one with the latest last day counts; one without a last day is later than all.
            people[member] = None if known is None or grant.until is None else max(known, grant.until)
    found: dict[str, Any] = {
        "environment": row.environment,
        "name": unit.name,
        "file": shown(unit.file),
        "file_url": f"{estate.source}{unit.file}" if estate.source else None,
        "description": shown(unit.description),
        "owners": [shown(owner) for owner in unit.owners],
        "service": unit.connector.service if unit.connector else None,
        "connection": unit.connector.destination.connection_name if unit.connector else None,
        "connection_url": row.connection_url,
        "state": row.state,
        "schedule": row.schedule,
        "task": row.task,
        "variable": row.variable,
        "expires": _iso(row.expires),
        "removed_on": _iso(row.removed_on),
        "never": row.never and shown(row.never),
        "retired": unit.retire.ticket if unit.retire else None,
        "datasets": [
            {
                "id": each.id,
                "url": each.url,
                "sensitive": each.sensitive,
                "grants": [number(grant) for grant in row.grants if grant.dataset == each.id],
            }
            for each in row.datasets
        ],
        "people": sorted(people.items(), key=lambda each: (each[1] is None, each[1] or "", each[0])),
    }
    if status is not None:
        found |= {
            "id": status.connection,
            "setup": status.setup_state,
            "sync": "paused" if status.paused else status.sync_state,
            "succeeded": status.succeeded_at,
            "failed": status.failed_at,
            "history": status.historical_sync_done,
            "findings": [shown(each) for each in status.findings],
            "tasks": [shown(each) for each in status.tasks],
            "pending": status.awaiting and shown(status.awaiting),
            "next": status.next_step and shown(status.next_step),
            "airflow": shown(status.airflow.words) if status.airflow else None,
        }
    elif unit.connector is not None and unit.connector.paused:
        found["pause"] = shown(unit.connector.paused)
    return {key: value for key, value in found.items() if value not in (None, [], "")}


def _is_for_people(grant: AccessGrant) -> bool:
    return grant.source not in _MACHINES and not grant.member.startswith("serviceAccount:")


def _tiles(estate: Estate) -> list[tuple[str, int, str]]:
    """Return the numbers on top: a label, the number, and a state to filter by, if it is one."""
    datasets = {(each.project, each.id): each.sensitive for row in estate.rows for each in row.datasets}
    soon = sum((each.day - estate.day).days <= 30 for each in estate.endings)
    by_state = {state: sum(row.state == state for row in estate.rows) for state in STATE_WORDS}
    members = {grant.member for row in estate.rows for grant in row.grants if _is_for_people(grant)}
    return [
        ("units", len(estate.rows), ""),
        (f"need attention{_by_environment(estate)}", by_state["attention"], "attention"),
        ("pending", by_state["pending"], "pending"),
        ("sensitive datasets", sum(datasets.values()), "sensitive"),
        ("people and groups with access", len(members), "people"),
        ("ends in 30 days", soon, "soon"),
    ]


def _by_environment(estate: Estate) -> str:
    """Return how many units of each environment need attention; empty for one environment or none."""
    found = Counter(row.environment for row in estate.rows if row.state == "attention")
    several = len({row.environment for row in estate.rows}) > 1
    return (
        f": {', '.join(f'{number:,} in {name}' for name, number in sorted(found.items()))}" if several and found else ""
    )


def _legend(estate: Estate) -> list[tuple[str, str]]:
    """Return the legend of the colours that are in the picture."""
    states = {row.state for row in estate.rows if row.unit.connector is not None}
    found: list[tuple[str, str]] = [(state, words) for state, words in STATE_WORDS.items() if state in states]
    if any(each.sensitive for row in estate.rows for each in row.datasets):
        found.append(("sensitive", "sensitive"))
    if any(row.task for row in estate.rows):
        found.append(("airflow", "started by Airflow"))
    return found


def shown(text: str) -> str:
    """Return a text on one line, with invisible and bidirectional characters written out."""
    return printable(" ".join(text.split()))


def _policy(styles: list[str], scripts: list[str]) -> str:
    """Return the content security policy: only the page's own scripts run, and nothing is loaded."""

    def hashes(texts: list[str]) -> str:
        found = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{each}'" for each in found)

    return (
        f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 (only this page needs it)

    found = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"shown": shown, "code": _code, "days": _days, "long_date": _long_date}
    return found


def _code(text: str) -> Markup:
    """Return a text with backticks as code, and addresses of Fivetran's dashboard as links."""
    from markupsafe import Markup, escape  # noqa: PLC0415

    found, at = Markup(""), 0
    text = shown(text)
    for match in _CODE.finditer(text):
        found += escape(text[at : match.start()])
        code, address = match.groups()
        if code:
            found += Markup("<code>{}</code>").format(code)
        else:
            link = Markup('<a href="{}" rel="noreferrer" target="_blank">{}</a>')
            found += link.format(address, address.removeprefix("https://"))
        at = match.end()
    return found + escape(text[at:])


def _days(each: UpcomingEnd, day: date) -> str:
    days = (each.day - day).days
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def _long_date(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _iso(day: date | None) -> str | None:
    return None if day is None else str(day)
