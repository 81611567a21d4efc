"""One request, and one answer: what the operations hand to the transport and get from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import quote

from reconciler.fivetran.api.errors import InvalidSettings, UnexpectedAnswer
from reconciler.fivetran.api.json_reader import Unreadable

if TYPE_CHECKING:
    from reconciler.fivetran.api.transport import Transport


T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One operation on the API. `path` starts with a slash and is quoted (`path_to`)."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = field(default=None, repr=False)
    upload: bytes | None = field(default=None, repr=False)
    """A ZIP file that goes as the `file` of a form, in place of a body."""
    downloads: bool = False
    """Whether the answer is a file, and no JSON."""
    version_2: bool = False
    """Whether the Accept header asks for version 2: the core operations on connections and destinations."""
    runs_setup_tests: bool = False
    asks_source: bool = False
    """Whether Fivetran asks the source for it, which is slow and has a quota of its own. Setup tests do anyway."""
    repeat_post: bool = False
    """Whether a POST may be made twice without harm. The other methods always may."""

    @property
    def name(self) -> str:
        """How errors and logs call it."""
        return f"{self.method} {self.path}"

    @property
    def repeatable(self) -> bool:
        """Whether making it twice has the effect of making it once."""
        return self.method != "POST" or self.repeat_post

    @property
    def slow(self) -> bool:
        """Whether the answer may take minutes."""
        return self.runs_setup_tests or self.asks_source


@dataclass(frozen=True)
class Answer:
    """A successful answer's `data`; None when it had none, as after DELETE."""

    call: Call
    status: int
    data: object = field(repr=False)

    def read(self, parse: Callable[[Mapping[str, object]], T]) -> T:
        """Parse `data`. Raises UnexpectedAnswer when it is no object or lacks its identity."""
        if not isinstance(self.data, dict):
            raise self.unexpected("an answer without `data`")
        problem = ""
        try:
            return parse(self.data)
        except Unreadable as gap:
            problem = str(gap)
        raise self.unexpected(f"an answer in which {problem}")

    def content(self) -> bytes:
        """Return the file of a call that downloads one. Raises UnexpectedAnswer where there is none."""
        if not isinstance(self.data, bytes) or not self.data:
            raise self.unexpected("an answer without a file")
        return self.data

    def unexpected(self, problem: str) -> UnexpectedAnswer:
        """The error for an answer that cannot be used."""
        return UnexpectedAnswer(
            status=self.status, code=None, problem=problem, method=self.call.method, path=self.call.path
        )


def path_to(*segments: str) -> str:
    """Join segments into a path, quoting each. Raises InvalidSettings for one that would address something else."""
    for segment in segments:
        if not segment.strip() or segment in {".", ".."}:
            raise InvalidSettings(f"{segment!r} is not an id: nothing was sent to Fivetran (/{'/'.join(segments)}).")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


class Operations:
    """A family of operations; `FivetranClient` is all of them together."""

    _transport: Transport


def given(**fields: object) -> dict[str, object]:
    """A request body of the fields that say something: None is left out, and so never sent as null."""
    return {key: value for key, value in fields.items() if value is not None}
