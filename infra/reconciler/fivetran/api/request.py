"""A request and its answer, as operations pass them to the transport and get them from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar
from urllib.parse import quote

from reconciler.fivetran.api.errors import InvalidSettings, UnexpectedAnswer
from reconciler.fivetran.api.json_reader import MissingId

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One operation on the API. `path` starts with a slash and is quoted (`path_to`)."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = field(default=None, repr=False)
    upload: bytes | None = field(default=None, repr=False)
    """A ZIP file to send as the `file` of a form, instead of a body."""
    downloads: bool = False
    """Whether the answer is a file instead of JSON."""
    version_2: bool = False
    """Whether the Accept header has version 2: the core operations on connections and destinations."""
    runs_setup_tests: bool = False
    asks_source: bool = False
    """Whether Fivetran sends requests to the source: slow, with its own quota. Setup tests always do."""
    repeat_post: bool = False
    """Whether a POST is idempotent. The other methods always are."""

    @property
    def name(self) -> str:
        """The name in errors and logs."""
        return f"{self.method} {self.path}"

    @property
    def repeatable(self) -> bool:
        """Whether the call is idempotent."""
        return self.method != "POST" or self.repeat_post

    @property
    def slow(self) -> bool:
        """Whether the answer may take minutes."""
        return self.runs_setup_tests or self.asks_source


@dataclass(frozen=True)
class Answer:
    """The `data` of a successful answer; None without one, as after DELETE."""

    call: Call
    status: int
    data: object = field(repr=False)

    def read(self, parse: Callable[[Mapping[str, object]], T]) -> T:
        """Parse `data`. Raises UnexpectedAnswer if it is not an object or has no id."""
        if not isinstance(self.data, dict):
            raise self.unexpected("an answer without `data`")
        problem = ""
        try:
            return parse(self.data)
        except MissingId as gap:
            problem = str(gap)
        raise self.unexpected(f"an answer in which {problem}")

    def content(self) -> bytes:
        """Return the downloaded file. Raises UnexpectedAnswer without one."""
        if not isinstance(self.data, bytes) or not self.data:
            raise self.unexpected("an answer without a file")
        return self.data

    def unexpected(self, problem: str) -> UnexpectedAnswer:
        """Return the error for an unusable answer."""
        return UnexpectedAnswer(
            status=self.status, code=None, problem=problem, method=self.call.method, path=self.call.path
        )


def path_to(*segments: str) -> str:
    """Join segments into a path, each quoted. Raises InvalidSettings for one that would change the path."""
    for segment in segments:
        if not segment.strip() or segment in {".", ".."}:
            raise InvalidSettings(f"{segment!r} is not an id: nothing was sent to Fivetran (/{'/'.join(segments)}).")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


class Sender(Protocol):
    """The part of the transport that operations use, without the import of httpx, which is slow."""

    def send(self, call: Call) -> Answer:
        """Send a call, with retries, and return its answer. Raises FivetranError."""

    def pages(self, call: Call, parse: Callable[[Mapping[str, object]], T]) -> Iterator[T]:
        """Yield the items of all pages of a list, each id once. Each page is requested when it is needed."""


class Operations:
    """Base of groups of operations, which `FivetranClient` combines."""

    _transport: Sender


def given(**fields: object) -> dict[str, object]:
    """Return a request body without the fields that are None, which must not be sent as null."""
    return {key: value for key, value in fields.items() if value is not None}
