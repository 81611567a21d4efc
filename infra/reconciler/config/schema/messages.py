"""Write the messages and hints of the schema check."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.config.schema.suggestions import (
    suggest_boolean,
    suggest_fivetran_member,
    suggest_joined_member,
    suggest_member,
    suggest_name,
    suggest_role,
)
from reconciler.config.yaml.document import Path, shown
from reconciler.yaml_text.writer import format_on_one_line

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_KINDS = {dict: "a mapping", list: "a list", str: "a string", int: "a number", float: "a decimal number"}


def kind_of(value: object) -> str:
    """Name a value's type; true and false by their value."""
    return str(value).lower() if isinstance(value, bool) else _KINDS[type(value)]


def expected_type(types: Sequence[str]) -> str:
    """Return text such as `expected a mapping or a string`."""
    return f"expected {' or '.join(_TYPES[name] for name in types)}"


def hint_for_misplaced_key(homes: Sequence[Sequence[str]]) -> str:
    """Return the hint for a key that is known in other mappings."""
    places = [f"in {shown(home[-1])}" if home else "at the top of the file" for home in homes]
    return f"check the indentation: it belongs {' or '.join(places)}"


def hint_for_unknown_key(near: str | None, properties: Iterable[str]) -> str:
    """Return the hint for a key that is known nowhere."""
    if near:
        return f"did you mean {shown(near)}?"
    names = list(properties)
    settings = "; put the service's own settings in `config`" if "config" in names else ""
    return f"use a known key: {', '.join(names)}{settings}"


def hint_for_type(types: Sequence[str], value: object, about: Mapping[str, Any]) -> str | None:
    """Return the hint for a value that only lacks or has quotes, has a space too many, or is YAML 1.1."""
    if isinstance(value, bool | int | float) and "string" in types:
        text = str(value).lower()
        return f'put it in quotes: "{text}"' if re.search(about.get("pattern", ""), text) else None
    if isinstance(value, str) and "integer" in types and value.isdecimal():
        return "write it without quotes"
    if isinstance(value, str) and "boolean" in types:
        return suggest_boolean(value)
    return suggest_joined_member(value) if "string" in types else None


def hint_with_example(about: Mapping[str, Any], name: str | int, value: object) -> str | None:
    """Return the schema's example for a key or a list item, the nearest of several."""
    examples: list[Any] = about.get("examples", [])
    if not examples:
        return None
    nearest = next((one for one in examples if isinstance(one, dict) and value in one.values()), examples[0])
    form = format_on_one_line(nearest)
    return f"write it like `- {form}`" if isinstance(name, int) else f"write it like `{name}: {form}`"


def explain_choice(allowed: list[str], value: Any) -> tuple[str, str | None]:
    """Return message and hint for a value that is not allowed."""
    message = f"expected one of {', '.join(allowed)}; found "
    if not isinstance(value, str):
        meant = [word for word in allowed if _is_number(value) and word in (str(value), f"{value:+}")]
        return message + kind_of(value), f'put it in quotes: "{meant[0]}"' if meant else None
    # `4h` is nearer to `24h` than to anything that was meant: only words are guessed at.
    near = suggest_name(value, [word for word in allowed if word.isalpha() or word == value.lower()])
    return message + shown(value), f"did you mean {shown(near)}?" if near else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def hint_for_pattern(path: Path, value: str) -> str | None:
    """Return the hint for a string that does not have the form of its key."""
    if value and unicodedata.category(value[0]) in ("Pi", "Pf"):
        return "write \" or ', or no quotes: YAML does not know these"
    if path in (("dataset",), ("formerly",)) and value.endswith((".yaml", ".yml")):
        return f"write the stem alone: {shown(value.rpartition('/')[2].rpartition('.')[0])}"
    if path[-1] == "role":
        meant = suggest_role(value)
        return f"did you mean {shown(meant)}?" if meant else None
    if path[:2] == ("fivetran", "access"):
        return suggest_fivetran_member(value)
    return suggest_member(value) if path[-2:-1] == ("members",) else None


def explain_size(keyword: str, limit: int, value: Any) -> str:
    """Return the message for a number, string or collection out of its limits."""
    match keyword:
        case "minimum":
            return f"expected at least {limit}; found {value}"
        case "maximum":
            return f"expected at most {limit}; found {value}"
        case "minItems" | "minProperties":
            return "expected at least one entry"
        case "maxProperties":
            return f"expected at most {limit} entries; found {len(value)}"
        case "maxLength":
            return f"expected at most {limit} characters; found {len(value)}"
    raise ValueError(f"no message for the keyword {keyword}")
