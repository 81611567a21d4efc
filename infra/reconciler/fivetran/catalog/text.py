"""A service as the text of its file, and back: canonical, so that a pull changes only lines whose facts changed.

    # yaml-language-server: $schema=../service.schema.json
    name: Google Ads
    destination: schema
    consent: unless auth
    config:
      accounts[]: string
      reports[]:
        fields[]: string
        table (required): string
      sync_mode: [AllAccounts, ManagerAccounts, SpecificAccounts]
    auth:
      refresh_token: secret

A line is a field, sorted by name: `[]` after it for a list, then what holds for it in parentheses, then its type; a
list of texts is a choice, a mapping the fields of an object. Everything is read as text, whatever YAML makes of it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import yaml

from reconciler.fivetran.catalog.consent import Consent
from reconciler.fivetran.catalog.service import Field, Form, Kind, Service

FIRST_LINE = "# yaml-language-server: $schema=../service.schema.json"
_NEEDED = {"name", "destination", "consent"}
_MAY_BE_ABSENT = {"status", "secret", "config", "auth"}
#: What stands in parentheses, in this order: the word and the attribute.
_FLAGS = {"required": "required", "immutable": "immutable", "read-only": "readonly", "nullable": "nullable"}
_WORDS: Mapping[str, Kind] = {kind: kind for kind in get_args(Kind) if kind not in ("choice", "list")}
_KEY = re.compile(r"(?P<name>[^\s\[\]().]+)(?P<lists>(?:\[\])*)(?: \((?P<flags>[a-z, -]+)\))?")
#: Texts that every reader of YAML takes for a text as they stand.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")
_PLAIN_KEY = re.compile(rf"{_PLAIN.pattern}(?:\[\])*(?: \([a-z, -]+\))?")
_NOT_TEXT = re.compile(r"y|n|yes|no|on|off|true|false|null", re.IGNORECASE)
_WIDTH = 120


class Unreadable(ValueError):
    """A service's file, or the API's metadata, that does not describe a service; the text says what is wrong."""


def read(service_id: str, text: str) -> Service:
    """A service from the text of its file. Raises Unreadable."""
    try:
        data = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 (makes nothing but texts, lists and mappings)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Unreadable(f"not valid YAML{f', line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(data, dict) or not _NEEDED <= set(data) <= _NEEDED | _MAY_BE_ABSENT:
        known = ", ".join(sorted(_NEEDED | _MAY_BE_ABSENT))
        raise Unreadable(f"expected a mapping of {known}; {', '.join(sorted(_MAY_BE_ABSENT))} may be absent")
    if not all(isinstance(data.get(key, ""), str) for key in ("name", "status", "destination", "consent")):
        raise Unreadable("`name`, `status`, `destination` and `consent` are texts")
    secret = data.get("secret", [])
    if not isinstance(secret, list) or not all(isinstance(path, str) for path in secret):
        raise Unreadable("`secret` is a list of paths in `config`")
    if data["destination"] not in set(Form):
        raise Unreadable(f"`destination`: expected one of {', '.join(Form)}")
    try:
        consent = Consent.parse(data["consent"])
    except ValueError as error:
        raise Unreadable(str(error)) from None
    return Service(
        id=service_id,
        name=data["name"],
        form=Form(data["destination"]),
        consent=consent,
        config=_fields(data.get("config", {}), "config"),
        auth=_fields(data.get("auth", {}), "auth"),
        status=data.get("status"),
        secret=tuple(secret),
    )


def write(service: Service) -> str:
    """The text of a service's file. Raises Unreadable when a name or a choice cannot be written in it."""
    return "\n".join(_lines(service)) + "\n"


def _lines(service: Service) -> Iterator[str]:
    yield FIRST_LINE
    yield f"name: {_plain(service.name)}"
    if service.status is not None:
        yield f"status: {_plain(service.status)}"
    yield f"destination: {service.form}"
    yield f"consent: {service.consent}"
    if service.secret:
        yield f"secret: [{', '.join(_plain(path) for path in sorted(service.secret))}]"
    for key, fields in (("config", service.config), ("auth", service.auth)):
        if fields:
            yield f"{key}:"
            yield from _field_lines(fields, "  ")


def _field_lines(fields: Mapping[str, Field], indent: str) -> Iterator[str]:
    for name in sorted(fields):
        outer = inner = fields[name]
        lists = ""
        while inner.items is not None:
            inner, lists = inner.items, f"{lists}[]"
        flags = ", ".join(word for word, attribute in _FLAGS.items() if getattr(outer, attribute))
        key = f"{name}{lists} ({flags})" if flags else f"{name}{lists}"
        match = _KEY.fullmatch(key)
        if match is None or match["name"] != name:
            raise Unreadable("the name of a field cannot be written")
        start = f"{indent}{_plain(key, _PLAIN_KEY)}:"
        if inner.kind == "choice":
            yield from _choice_lines(start, inner.choices, indent)
        elif inner.fields:
            yield start
            yield from _field_lines(inner.fields, f"{indent}  ")
        else:
            yield f"{start} {inner.kind}"


def _choice_lines(start: str, choices: tuple[str, ...], indent: str) -> Iterator[str]:
    written = [_plain(choice) for choice in sorted(choices)]
    line = f"{start} [{', '.join(written)}]"
    if len(line) <= _WIDTH:
        yield line
    else:
        yield start
        yield from (f"{indent}  - {choice}" for choice in written)


def _plain(text: str, plain: re.Pattern[str] = _PLAIN) -> str:
    """A text for YAML, in quotes where some reader would take it for something else."""
    if not text.isprintable():
        raise Unreadable("a text cannot be written")
    if plain.fullmatch(text) and not _NOT_TEXT.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fields(data: Any, where: str) -> dict[str, Field]:
    if not isinstance(data, dict):
        raise Unreadable(f"`{where}`: expected a mapping")
    return dict(_field(key, value, where) for key, value in data.items())


def _field(key: str, value: Any, where: str) -> tuple[str, Field]:
    match = _KEY.fullmatch(key)
    flags = match["flags"].split(", ") if match and match["flags"] else []
    if match is None or not set(flags) <= set(_FLAGS):
        raise Unreadable(f"`{where}`: {key!r} is no field: a name, [] for a list, and some of ({', '.join(_FLAGS)})")
    found = _typed(value, f"{where}.{match['name']}")
    for _ in range(len(match["lists"]) // 2):
        found = Field("list", items=found)
    held: dict[str, Any] = {attribute: word in flags for word, attribute in _FLAGS.items()}
    return match["name"], dataclasses.replace(found, **held)


def _typed(value: Any, where: str) -> Field:
    if isinstance(value, list) and value and all(isinstance(choice, str) for choice in value):
        return Field("choice", choices=tuple(value))
    if isinstance(value, dict) and value:
        return Field("object", fields=_fields(value, where))
    kind = _WORDS.get(value) if isinstance(value, str) else None
    if kind is None:
        raise Unreadable(f"`{where}`: expected one of {', '.join(sorted(_WORDS))}, a list of choices, or fields")
    return Field(kind)
