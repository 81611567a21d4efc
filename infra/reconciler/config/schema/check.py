"""Check one document against its JSON Schema, and report each fault at its key or value.

The schema carries its own words where a keyword is not enough: `patternErrorMessage` and `errorMessage`, which editors
show as well. No schema looks into `config` and `auth`, so a value quoted here is never one of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reconciler.config.schema import messages, schemas
from reconciler.config.schema.suggestions import suggest_name
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.model.errors import Problem

_DESTINATION = ("connector", "destination")

#: Keywords that fail for want of a key.
_OF_KEYS = ("required", "oneOf", "anyOf", "minProperties")


def check(document: Document, kind: schemas.Kind) -> Iterator[Problem]:
    """Yield every place where the document breaks its schema.

    A null breaks nothing here: reading it was a problem already.
    """
    if isinstance(document.data, dict):
        faults = [_Fault.from_error(error, kind) for error in schemas.errors(kind, document.data)]
        yield from _without_repeats(document, [fault for fault in faults if not _follows(fault, document)])
    elif document.data is not None:
        first = schemas.schema(kind)["required"][0]
        message = f"expected a mapping; found {messages.kind_of(document.data)}"
        yield document.on_value((), message, f"begin the file with its keys, such as `{first}: …`")


def _follows(fault: _Fault, document: Document) -> bool:
    """Return whether a fault only follows from one that the reader reported already."""
    return fault.value is None or (fault.keyword in _OF_KEYS and fault.path in document.incomplete)


def check_kind(document: Document, kind: schemas.Kind) -> Problem | None:
    """Find a unit in an environment's file, or an environment in a unit's."""
    if not isinstance(document.data, dict):
        return None
    other: schemas.Kind = "unit" if kind == "environment" else "environment"
    keys = document.data.keys()
    if keys & schemas.schema(kind)["properties"].keys() or not keys & schemas.schema(other)["properties"].keys():
        return None
    if kind == "environment":
        return document.on_key((), "a unit in the file of the environment", "move the unit to a file of its own")
    return document.on_key((), "an environment in the file of a unit", "move it to the folder's environment.yaml")


@dataclass(frozen=True)
class _Fault:
    """One error of the validator: its keyword and limit, its subschema, and its place."""

    kind: schemas.Kind
    keyword: str
    limit: Any
    about: dict[str, Any]
    conditional: bool
    path: Path
    value: Any

    @classmethod
    def from_error(cls, error: Any, kind: schemas.Kind) -> _Fault:
        *around, _ = error.schema_path
        about = schemas.find_subschema(kind, around)
        path = tuple(error.instance_path)
        return cls(kind, error.kind.name, error.kind.value, about, "allOf" in around, path, error.instance)


def _without_repeats(document: Document, faults: list[_Fault]) -> Iterator[Problem]:
    """Drop faults that another one explains: a misspelt key is not also missing."""
    reported: set[Path] = set()
    explained: set[Path] = set()
    for fault in faults:
        if fault.keyword == "additionalProperties":
            for key in _unknown_keys(document, fault):
                reported |= {fault.path, key.path}
                explained |= key.meant
                yield key.problem
    for fault in sorted(faults, key=lambda fault: fault.conditional):
        missing = fault.keyword == "required"
        place = (*fault.path, fault.limit) if missing else fault.path
        if fault.keyword != "additionalProperties" and place not in reported and not (missing and place in explained):
            reported.add(place)
            yield _problem(document, fault)


@dataclass(frozen=True)
class _UnknownKey:
    """The problem with a key, its path, and the paths of the keys that it may stand for."""

    problem: Problem
    path: Path
    meant: frozenset[Path]


def _unknown_keys(document: Document, fault: _Fault) -> Iterator[_UnknownKey]:
    known = fault.about.get("properties", {})
    free = [name for name in known if name not in fault.value]
    for index, key in enumerate(fault.limit):
        path = (*fault.path, key)
        if not known:  # the user chooses the keys, in the form the schema gives
            problem = document.on_key(path, f"{shown(key)}: {fault.about['patternErrorMessage']}")
            yield _UnknownKey(problem, path, frozenset())
            continue
        homes = [home for home in schemas.find_homes(fault.kind).get(key.strip(), ()) if home != fault.path]
        near = suggest_name(key, free) if index < MOST_SHOWN and not homes else None
        hint = messages.hint_for_misplaced_key(homes) if homes else messages.hint_for_unknown_key(near, known)
        problem = document.on_key(path, f"unknown key {shown(key)}{_inside(fault.path)}", hint)
        meant = [(*home, key.strip()) for home in homes] + ([(*fault.path, near)] if near else [])
        yield _UnknownKey(problem, path, frozenset(meant))


def _problem(document: Document, fault: _Fault) -> Problem:
    own, path = fault.about.get("errorMessage"), fault.path
    match fault.keyword:
        case "required":
            message = own or f"{shown(fault.limit)} is missing{_inside(path)}"
            hint = None if own else schemas.description(fault.kind, fault.about["properties"][fault.limit])
            # Whether a dataset is missing, and which key it needs, follows from the destination, if there is one.
            return document.on_key(_DESTINATION if own and path == () else path, message, hint)
        case "not" | "oneOf":
            return document.on_key(path, str(own))
    message, hint = _explain_value(fault)
    if fault.keyword == "uniqueItems":
        path = (*path, _repeated(fault.value))
    return document.on_value(path, _format_key(path) + (own if own and fault.keyword == "type" else message), hint)


def _explain_value(fault: _Fault) -> tuple[str, str | None]:
    """Return message and hint for an invalid value."""
    match fault.keyword:
        case "type":
            message = f"{messages.expected_type(fault.limit)}; found {messages.kind_of(fault.value)}"
            hint = (
                None if "errorMessage" in fault.about else messages.hint_for_type(fault.limit, fault.value, fault.about)
            )
            return message, hint or messages.hint_with_example(fault.about, fault.path[-1], fault.value)
        case "enum":
            return messages.explain_choice(fault.limit, fault.value)
        case "pattern":
            message = f"{fault.about['patternErrorMessage']}; found {shown(fault.value)}"
            return message, messages.hint_for_pattern(fault.path, fault.value)
        case "uniqueItems":
            return f"{shown(fault.value[_repeated(fault.value)])} is in the list twice", None
        case _:
            return messages.explain_size(fault.keyword, fault.limit, fault.value), None


def _repeated(items: list[Any]) -> int:
    """Return the index of the first item that repeats an earlier one."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        if repr(item) in seen:
            return index
        seen.add(repr(item))
    return 0


def _inside(path: Path) -> str:
    return f" in {shown(path[-1])}" if path and isinstance(path[-1], str) else ""


def _format_key(path: Path) -> str:
    """Format the key of a fault, for the start of a message."""
    key = next((step for step in reversed(path) if isinstance(step, str)), None)
    return "" if key is None else f"{shown(key)}: "


#: How many problems of one file are shown.
MOST_SHOWN = 100


def limit_problems(problems: Sequence[Problem]) -> tuple[tuple[Problem, ...], Mapping[str, int]]:
    """Keep the first problems of each file, and count those beyond them.

    In such a file one more problem, at the place of the first that is left out, says how many there are.
    """
    shown: list[Problem] = []
    left_out: dict[str, int] = {}
    for file, of_file in groupby(problems, key=lambda problem: problem.file):
        every = list(of_file)
        shown += every[:MOST_SHOWN]
        if rest := every[MOST_SHOWN:]:
            left_out[file] = len(rest)
            noun = "problem" if len(rest) == 1 else "problems"
            message = f"{len(rest):,} more {noun} below"
            shown.append(Problem(file, rest[0].line, rest[0].column, message, "fix the ones above first"))
    return tuple(shown), left_out
