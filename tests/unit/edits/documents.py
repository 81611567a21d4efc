"""Random YAML files as people write them, with what they say: comments, quoting, indents, line ends, flow style."""

from __future__ import annotations

import json
import random
import re
import string
from typing import Any

from hypothesis import strategies as st

WORD = st.text(string.ascii_lowercase + "_", min_size=1, max_size=6)
KEY = WORD | st.sampled_from(["with space", "a-b", "no", "2026-12-31", "é", "a#b"])
TEXT = (
    st.text("ab:#-'\" é,[]{}&*!|>\t", max_size=10) | WORD | st.sampled_from(["2026-12-31", "no", "1", "# no comment"])
)
SCALAR = TEXT | st.integers(-5, 5) | st.booleans()
DATA: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    KEY,
    st.recursive(
        SCALAR,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
        max_leaves=10,
    ),
    min_size=2,
    max_size=4,
)
COMMENTS = ["# why", "#", "#\twith a tab", "# key: value", "# - item", '# it\'s "so": {', "# &anchor *alias"]
#: Dates, addresses and words with a space, which need no quotation marks.
_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d|[a-z]+(:[a-z]+)?@[a-z.]+|[a-z]+:[a-z]+@[a-z.]+|[A-Z][a-z]+ [a-z]+|[a-z]+/[a-zA-Z.]+"
)


class Renderer:
    """Writes data with a random style at each node."""

    def __init__(self, seed: int, *, anchors: bool = True) -> None:
        self.comments: list[str] = []
        """The comments, each with a number of its own."""
        self._random = random.Random(seed)  # noqa: S311 (styles of a test's file)
        self._step = self._random.randint(1, 4)
        self._indents_lists = self._random.random() < 0.5
        self._has_anchors = anchors
        self._anchors = 0

    def block(self, value: Any, indent: int) -> list[str]:
        lines: list[str] = []
        pad = " " * indent
        is_list = isinstance(value, list)
        for key, inner in [(None, each) for each in value] if is_list else value.items():
            if self._chance(4):
                lines += self._random.choice([[], [""], [" "]])
                lines += self._random.choice([[], [pad + self._comment()]])
            head = f"{pad}-" if key is None else f"{pad}{self._scalar(key, in_flow=True)}:"
            lines += self._entry(head, inner, indent, within_list=is_list)
        return lines

    def _entry(self, head: str, value: Any, indent: int, *, within_list: bool) -> list[str]:
        anchor = ""
        if self._has_anchors and self._chance(12):
            self._anchors += 1
            anchor = f" &anchor{self._anchors}"
        if isinstance(value, dict | list) and value and not self._chance(3):
            lists_flat = isinstance(value, list) and not within_list and not self._indents_lists
            deeper = indent if lists_flat else indent + self._step + (1 if within_list else 0)
            lines = self.block(value, deeper)
            if within_list and isinstance(value, dict) and not anchor and lines[0].strip()[:1] not in ("", "#"):
                # The first key behind the dash.
                return [f"{head}{lines[0][len(head) :]}", *lines[1:]]
            return [f"{head}{anchor}{self._trailing(spaces=' ')}", *lines]
        if isinstance(value, str) and value.isprintable() and value.strip() == value != "" and self._chance(5):
            sign = self._random.choice(["|-", ">-", "|-  # note"])
            return [f"{head}{anchor} {sign}", f"{' ' * (indent + self._step)}{value}"]
        if isinstance(value, dict | list) and value and self._chance(2):
            opening, *lines = self._flow_lines(value, indent + self._step).split("\n")
            return [f"{head}{anchor} {opening}", *lines[:-1], f"{lines[-1]}{self._trailing()}"]
        if not isinstance(value, dict | list) and not anchor and self._chance(8):
            comment = self._trailing(spaces=" ")
            return [f"{head}{comment}", f"{' ' * (indent + self._step)}{self._flow(value)}{self._trailing()}"]
        return [f"{head}{anchor} {self._flow(value)}{self._trailing()}"]

    def _flow(self, value: Any) -> str:
        space = self._random.choice(["", " "])
        comma = "," if value and self._chance(6) else ""
        if isinstance(value, dict):
            inner = (f"{self._scalar(key, in_flow=True)}: {self._inner(each)}" for key, each in value.items())
            return f"{{{space}{', '.join(inner)}{comma}{space}}}"
        if isinstance(value, list):
            return f"[{space}{', '.join(self._inner(each) for each in value)}{comma}{space}]"
        return self._scalar(value, in_flow=False)

    def _flow_lines(self, value: dict[str, Any] | list[Any], indent: int) -> str:
        """Write a mapping in braces, or a list in brackets, with an entry a line and comments between them."""
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        entries = (
            [f"{self._scalar(key, in_flow=True)}: {self._inner(each)}" for key, each in value.items()]
            if isinstance(value, dict)
            else [self._inner(each) for each in value]
        )
        lines = [f"{opening}{self._trailing(spaces=' ')}"]
        for number, entry in enumerate(entries):
            lines += [f"{' ' * indent}{self._comment()}"] if self._chance(5) else []
            comma = "," if number < len(entries) - 1 or self._chance(2) else ""
            lines.append(f"{' ' * indent}{entry}{comma}{self._trailing()}")
        return "\n".join([*lines, f"{' ' * indent}{closing}"])

    def _inner(self, value: Any) -> str:
        return self._flow(value) if isinstance(value, dict | list) else self._scalar(value, in_flow=True)

    def _scalar(self, value: Any, *, in_flow: bool) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        plain = (
            value.replace("_", "").isalpha() and value.isascii() and value not in ("no", "y", "n", "yes", "on", "off")
        ) or _PLAIN.fullmatch(value)
        if plain and value not in ("true", "false", "null") and self._chance(2):
            return value
        if "\t" not in value and self._chance(2):
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=self._chance(2))

    def _trailing(self, *, spaces: str = "") -> str:
        before = spaces or self._random.choice([" ", "   ", "\t"])
        return f"{before}{self._comment()}" if self._chance(4) else ""

    def _comment(self) -> str:
        comment = self._random.choice(COMMENTS)
        self.comments.append(f"{comment} ({len(self.comments)})")
        return self.comments[-1]

    def _chance(self, of: int) -> bool:
        return self._random.randrange(of) == 0


@st.composite
def documents(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """Return data, and a file that says it."""
    data = draw(DATA)
    lines = [
        *draw(st.sampled_from([[], ["---"], ["# top", ""]])),
        *Renderer(draw(st.integers(0, 2**32))).block(data, 0),
    ]
    lines += draw(st.sampled_from([[], [], ["# end"], ["", "# end"]]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(lines) + draw(st.sampled_from(["", end]))
    return data, draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()
