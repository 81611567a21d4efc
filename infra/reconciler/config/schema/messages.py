"""What the messages of the schema check say about types, choices and sizes."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from reconciler.config.schema.suggestions import boolean, member, role, split_member
from reconciler.config.yaml.document import Path, shown

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
    """A value by its type; true and false by themselves."""
    return str(value).lower() if isinstance(value, bool) else _KINDS[type(value)]


def expected_type(types: Sequence[str]) -> str:
    """`expected a mapping or a string`."""
    return f"expected {' or '.join(_TYPES[name] for name in types)}"


def belongs(homes: Sequence[Sequence[str]]) -> str:
    """What to do about a key that is known in other mappings, named by the ways to them."""
    places = [f"in {shown(home[-1])}" if home else "at the top of the file" for home in homes]
    return f"check the indentation: it belongs {' or '.join(places)}"


def known(near: str | None, properties: Iterable[str]) -> str:
    """What to do about a key that is known nowhere."""
    if near:
        return f"did you mean {shown(near)}?"
    names = list(properties)
    settings = "; put the service's own settings in `config`" if "config" in names else ""
    return f"use a known key: {', '.join(names)}{settings}"


def right_type(types: Sequence[str], value: object, about: Mapping[str, Any]) -> str | None:
    """What to do about a value that is right but for its quotes, a space, or an older YAML's words."""
    if isinstance(value, bool | int | float) and "string" in types:
        text = str(value).lower()
        return f'put it in quotes: "{text}"' if re.search(about.get("pattern", ""), text) else None
    if isinstance(value, str) and "integer" in types and value.isdecimal():
        return "write it without quotes"
    if isinstance(value, str) and "boolean" in types:
        return boolean(value)
    return split_member(value) if "string" in types else None


def example(about: Mapping[str, Any], name: str | int, value: object) -> str | None:
    """The schema's example for a key or a list item; of several mappings, the one that has the value under a key."""
    examples: list[Any] = about.get("examples", [])
    if not examples:
        return None
    nearest = next((one for one in examples if isinstance(one, dict) and value in one.values()), examples[0])
    form = _on_one_line(json.dumps(nearest))
    return f"write it like `- {form}`" if isinstance(name, int) else f"write it like `{name}: {form}`"


@cache
def _on_one_line(example: str) -> str:
    """JSON as people write it in YAML."""
    written = yaml.safe_dump(json.loads(example), default_flow_style=True, width=math.inf, sort_keys=False)
    return written.removesuffix("...\n").strip()


def choice(
    allowed: list[str], value: Any, suggestion: Callable[[str, list[str]], str | None]
) -> tuple[str, str | None]:
    """Message and hint for a value that is none of the allowed ones."""
    message = f"expected one of {', '.join(allowed)}; found "
    if not isinstance(value, str):
        meant = [word for word in allowed if _is_number(value) and word in (str(value), f"{value:+}")]
        return message + kind_of(value), f'put it in quotes: "{meant[0]}"' if meant else None
    # `4h` is nearer to `24h` than to anything that was meant: only words are guessed at.
    near = suggestion(value, [word for word in allowed if word.isalpha() or word == value.lower()])
    return message + shown(value), f"did you mean {shown(near)}?" if near else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def mismatch(path: Path, value: str) -> str | None:
    """What to do about a text that does not have the form of its key."""
    if value and unicodedata.category(value[0]) in ("Pi", "Pf"):
        return "write \" or ', or no quotes: YAML does not know these"
    if path in (("dataset",), ("formerly",)) and value.endswith((".yaml", ".yml")):
        return f"write the stem alone: {shown(value.rpartition('/')[2].rpartition('.')[0])}"
    if path[-1] == "role":
        meant = role(value)
        return f"did you mean {shown(meant)}?" if meant else None
    return member(value) if path[-2:-1] == ("members",) else None


def size(keyword: str, limit: int, value: Any) -> str:
    """Message for a number, text or collection out of its bounds."""
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
