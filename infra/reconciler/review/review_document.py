"""The JSON of a review: what `reconciler review --format json` prints, and other commands read.

The job that reads it may hold a token while the job that wrote it read a stranger's files. So a document is read
against a strict schema, with limits, and everything that it says is text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from typing import Any

import jsonschema_rs

from reconciler.config.folder import UNIT_NAME
from reconciler.model.errors import ReconcilerError
from reconciler.plan.sources import REASONS
from reconciler.review.consequence import FINGERPRINT, Consequence, Several, Severity

#: Bytes of a document that are read: tens of thousands of consequences.
LONGEST = 16 * 1024 * 1024
_MOST = 50_000

#: Characters of a text and of a name that are read. A longer one is written up to there.
LONGEST_TEXT, LONGEST_NAME = 20_000, 1_000

_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
_NAME = {"type": "string", "maxLength": LONGEST_NAME}
_UNIT = {"type": "string", "pattern": f"^{UNIT_NAME.pattern}$", "maxLength": 255}
_UNITS = {"type": "array", "maxItems": _MOST, "items": _UNIT}
_NUMBER = {"type": ["integer", "null"], "minimum": 1, "maximum": 100_000_000}
_FINGERPRINT = {"type": "string", "pattern": f"^{FINGERPRINT.pattern}$", "maxLength": 16}
_SEVERAL = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"noun": _NAME, "name": _NAME, "before": _TEXT, "after": _TEXT},
    "required": ["noun", "name", "before", "after"],
}
_CONSEQUENCE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "class": {"enum": ["stop", "note", "detail"]},
        "kind": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,59}$"},
        "file": _NAME,
        "line": _NUMBER,
        "column": _NUMBER,
        "unit": _NAME,
        "object": _TEXT,
        "text": _TEXT,
        "effective": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}]},
        "fingerprint": {"anyOf": [{"type": "null"}, _FINGERPRINT]},
        "scheduled": {"type": "boolean"},
        "several": {"anyOf": [{"type": "null"}, _SEVERAL]},
    },
    "required": [
        *("class", "kind", "file", "line", "column", "unit", "object", "text", "effective", "fingerprint", "scheduled")
    ],
    "if": {"properties": {"class": {"const": "stop"}}},
    "then": {"properties": {"fingerprint": _FINGERPRINT}},
    "else": {"properties": {"fingerprint": {"type": "null"}}},
}
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["environment", "simulated", "consequences", "scheduled", "rejected"],
    "properties": {
        "environment": {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}(\\.[a-z0-9][a-z0-9_-]{0,99})?$"},
        "simulated": {"type": "boolean"},
        "consequences": {"type": "array", "maxItems": _MOST, "items": _CONSEQUENCE},
        "scheduled": {"type": "array", "maxItems": _MOST, "items": _FINGERPRINT},
        "rejected": {"type": "array", "maxItems": _MOST, "items": _TEXT},
        "changes": {"type": "integer", "minimum": 0},
        "deletions": {"type": "integer", "minimum": 0},
        "quick": {
            "type": "object",
            "additionalProperties": False,
            "required": ["looked_at", "not_looked_at", "reasons"],
            "properties": {
                "looked_at": _UNITS,
                "not_looked_at": _UNITS,
                "reasons": {"type": "array", "maxItems": len(REASONS), "items": {"enum": sorted(REASONS)}},
            },
        },
    },
}


def shorten(text: str, longest: int) -> str:
    """Return a text of at most this many characters, which says at its end how many it leaves out."""
    if len(text) <= longest:
        return text
    kept = longest - len(f"… ({len(text):,} more characters)")
    return f"{text[:kept]}… ({len(text) - kept:,} more characters)"


class InvalidReview(ReconcilerError):
    """A text is not the JSON of a review."""


class FailedReview(InvalidReview):
    """The review failed: the file is empty, or has the error."""


@dataclass(frozen=True)
class Item:
    """One consequence, as the document has it."""

    severity: Severity
    kind: str
    file: str
    line: int | None
    column: int | None
    unit: str
    object: str
    text: str
    effective: str | None
    fingerprint: str | None
    scheduled: bool
    """Whether a date in a reviewed file, or a retirement, has scheduled it."""
    several: Several | None = None
    """How it reads together with others that differ in the object only."""

    @property
    def place(self) -> str:
        """`file:line:col`, or the file alone."""
        return ":".join(str(each) for each in (self.file, self.line, self.column) if each is not None)

    def as_record(self) -> dict[str, Any]:
        """Return the consequence as JSON has it."""
        record = {"class": self.severity, **vars(self), "several": self.several and asdict(self.several)}
        del record["severity"]
        return record


@dataclass(frozen=True)
class Scope:
    """What a quick review looks at, and what it leaves to the full one."""

    looked_at: tuple[str, ...]
    """Units that changed, were added, renamed or removed; sorted."""
    not_looked_at: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it looks at every unit, by the keys of `plan.sources.REASONS`; empty where it looks only at changed ones."""


@dataclass(frozen=True)
class ReviewDocument:
    """What a run of an environment would do."""

    environment: str
    items: tuple[Item, ...] = ()
    scheduled: frozenset[str] = frozenset()
    """Fingerprints of the scheduled consequences."""
    rejected: tuple[str, ...] = ()
    """Why the run would be rejected."""
    simulated: bool = False
    """Whether the preview ran against local services that were filled from files."""
    changes: int | None = None
    """How many resources the run would create, change or delete; None without a preview."""
    deletions: int | None = None
    """How many of these it would delete or replace."""
    quick: Scope | None = None
    """What a quick review covers; None for a full one."""

    @classmethod
    def of(
        cls,
        environment: str,
        found: Sequence[Consequence],
        rejected: Iterable[str] = (),
        *,
        simulated: bool = False,
        quick: Scope | None = None,
    ) -> ReviewDocument:
        """Return the document of these consequences."""
        items = tuple(_item(each, environment) for each in found)
        reasons = tuple(shorten(each, LONGEST_TEXT) for each in rejected)
        return cls(environment, items, _scheduled(items), reasons, simulated, quick=quick)

    def as_record(self) -> dict[str, object]:
        """Return the document as JSON has it."""
        scope = self.quick
        return {
            **({} if scope is None else {"quick": {key: list(names) for key, names in vars(scope).items()}}),
            "environment": self.environment,
            "simulated": self.simulated,
            "consequences": [each.as_record() for each in self.items],
            "scheduled": sorted(self.scheduled),
            "rejected": list(self.rejected),
            **{key: value for key in ("changes", "deletions") if (value := getattr(self, key)) is not None},
        }


def read_document(raw: bytes) -> ReviewDocument:
    """Read the JSON of a review.

    Raises `FailedReview` for what a failed review leaves, and `InvalidReview`, which quotes nothing of it.
    """
    if not raw.strip():
        raise FailedReview
    if len(raw) > LONGEST:
        raise InvalidReview(f"it has more than {LONGEST // 1024**2} MiB")
    try:
        content = json.loads(raw.decode(), object_pairs_hook=_without_repeated_keys, parse_constant=_reject)
        if isinstance(content, dict) and content.keys() == {"error"}:
            raise FailedReview
        _validator().validate(content)
        items = tuple(_read_item(each) for each in content["consequences"])
    except jsonschema_rs.ValidationError as error:
        at = "".join(f"/{each}" for each in error.instance_path if isinstance(each, int) or each in _KEYS)
        raise InvalidReview(f"it does not have the expected form at {at or 'its top level'}") from None
    except (ValueError, RecursionError):
        raise InvalidReview("it is not valid JSON") from None
    scheduled = frozenset(content["scheduled"])
    if scheduled != _scheduled(items):
        raise InvalidReview("its `scheduled` list does not match its consequences")
    quick = content.get("quick")
    return ReviewDocument(
        content["environment"],
        items,
        scheduled,
        tuple(content["rejected"]),
        content["simulated"],
        content.get("changes"),
        content.get("deletions"),
        None if quick is None else Scope(**{key: tuple(names) for key, names in quick.items()}),
    )


#: The names that an error may show: those of the schema.
_KEYS = frozenset(
    {"environment", "simulated", "consequences", "scheduled", "rejected", "class", "kind", "file", "line", "column"}
    | {"unit", "object", "text", "effective", "fingerprint", "quick", "looked_at", "not_looked_at", "reasons"}
    | {"several", "noun", "name", "before", "after"}
)


def _scheduled(items: Iterable[Item]) -> frozenset[str]:
    return frozenset(each.fingerprint for each in items if each.scheduled and each.fingerprint is not None)


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(_SCHEMA)


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. Two readers may take another one of two equal keys."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key appears twice")
    return dict(pairs)


def _reject(_name: str) -> None:
    raise ValueError("not JSON")


def _read_item(record: dict[str, Any]) -> Item:
    if record["effective"] is not None:
        date.fromisoformat(record["effective"])  # raises ValueError for a day that no month has
    several = Several(**record["several"]) if record.get("several") else None
    rest = {key: value for key, value in record.items() if key not in ("class", "several")}
    return Item(record["class"], **rest, several=several)


def _item(found: Consequence, environment: str) -> Item:
    file, line, column = _split(found.place)
    return Item(
        found.severity,
        found.kind,
        file,
        line,
        column,
        found.unit,
        shorten(found.object, LONGEST_TEXT),
        shorten(found.text, LONGEST_TEXT),
        found.effective.isoformat() if found.effective else None,
        found.fingerprint(environment),
        found.is_scheduled,
        found.several if found.several and _is_short(found.several) else None,
    )


def _is_short(several: Several) -> bool:
    names, texts = (several.noun, several.name), (several.before, several.after)
    return max(map(len, names)) <= LONGEST_NAME and max(map(len, texts)) <= LONGEST_TEXT


def _split(place: str) -> tuple[str, int | None, int | None]:
    file, *position = place.rsplit(":", 2)
    if len(position) == 2 and all(each.isdecimal() for each in position):
        return file, int(position[0]), int(position[1])
    return place, None, None
