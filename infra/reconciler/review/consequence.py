"""A consequence: one thing that a run would do, for the people who review it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

#: `stop` deletes data, re-syncs, widens access, touches who may see sensitive data or change connectors, retires, or
#: removes an Airflow variable: it is applied only as reviewed. `note` changes something else that people notice;
#: `detail` is the rest.
Severity = Literal["stop", "note", "detail"]

#: The form of a fingerprint. People paste it into a command.
FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Several:
    """One line for a consequence of several objects: `before`, the objects, `after`."""

    noun: str
    """What each is, in the singular: `dataset`."""
    name: str
    before: str
    after: str = ""


def several_connections(name: str, before: str, after: str) -> Several:
    """Return the line for a consequence of several connections, of which this is one: `connection ads`."""
    return Several("connection", name.removeprefix("connection "), before, after)


@dataclass(frozen=True)
class Consequence:
    """One thing that a run would do."""

    severity: Severity
    kind: str
    """What is done, as one word for programs: `dataset_deleted`."""
    text: str
    """A sentence without its subject, which is the run."""
    object: str
    """What it is done to: `dataset payroll`."""
    unit: str = ""
    place: str = ""
    """`file:line:col`, or the name alone of a file that is gone."""
    value: Any = None
    """The new value, in JSON, as far as it is reviewed."""
    effective: date | None = None
    """The day on which it happens, if that is not the day of the run."""
    is_scheduled: bool = False
    """Whether an earlier run recorded that it would happen now: by a date in the file, or by `retire`."""
    several: Several | None = None
    """None for what is shown one by one, however many there are."""

    def fingerprint(self, environment: str) -> str | None:
        """Return 16 hexadecimal digits that are the same on every run and machine; None unless it is `stop`.

        A hash of environment, kind, unit, object, new value and effective day: never of line, wording or number.
        """
        if self.severity != "stop":
            return None
        day = self.effective and self.effective.isoformat()
        subject = [environment, self.kind, self.unit, self.object, self.value, day]
        text = json.dumps(subject, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
