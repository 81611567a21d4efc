"""What the messages of the schema check say about types, choices and sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reconciler.specs.document import shown

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


def quotes(types: Sequence[str], value: object) -> str | None:
    """What to do when only the quotes make the type wrong."""
    if isinstance(value, bool | int | float) and "string" in types:
        return f'put it in quotes: "{str(value).lower()}"'
    if isinstance(value, str) and "integer" in types and value.isdecimal():
        return "write it without quotes"
    if isinstance(value, str) and "boolean" in types:
        return "write true or false, without quotes"
    return None


def choice(
    allowed: list[str], value: Any, suggestion: Callable[[str, list[str]], str | None]
) -> tuple[str, str | None]:
    """Message and hint for a value that is none of the allowed ones."""
    message = f"expected one of {', '.join(allowed)}; found "
    if not isinstance(value, str):
        hint = f'put it in quotes: "{value}"' if str(value) in allowed else None
        return message + kind_of(value), hint
    # `60m` is nearer to `30m` than to anything that was meant.
    near = suggestion(value, [word for word in allowed if _digits(word) == _digits(value)])
    return message + shown(value), f"did you mean {shown(near)}?" if near else None


def _digits(word: str) -> str:
    return "".join(filter(str.isdigit, word))


def size(keyword: str, limit: int, value: Any) -> str:
    """Message for a number, text or collection out of its bounds."""
    match keyword:
        case "minimum":
            return f"expected at least {limit}; found {value}"
        case "minItems" | "minProperties":
            return "expected at least one entry"
        case "maxProperties":
            return f"expected at most {limit} entries; found {len(value)}"
        case "maxLength":
            return f"expected at most {limit} characters; found {len(value)}"
    raise NotImplementedError(f"no words for the keyword {keyword}")
