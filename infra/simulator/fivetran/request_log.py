"""A log of requests: method, route, path, status, and the names of the body's keys, without values."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: The most requests in the log. The counts include all.
_KEPT = 100_000


@dataclass(frozen=True)
class Entry:
    """A request.

    `keys` are dotted names down to the fields of `config` and `auth`; `status` 0 means no answer.
    """

    number: int
    time: str
    method: str
    route: str
    path: str
    query: Mapping[str, str]
    status: int
    keys: tuple[str, ...]
    milliseconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the entry as plain JSON."""
        return asdict(self)


class RequestLog:
    """Requests, in the order of their answers."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Delete all entries and counts."""
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._counts: Counter[str] = Counter()
        self.total = 0

    def add(self, entry: Entry) -> None:
        """Add a request."""
        self.total += 1
        self._entries.append(entry)
        self._counts[f"{entry.method} {entry.route}"] += 1

    def since(self, number: int) -> Iterator[Entry]:
        """Return the requests after a number."""
        return (entry for entry in self._entries if entry.number > number)

    def counts(self) -> dict[str, int]:
        """Return the number of requests per method and route."""
        return dict(sorted(self._counts.items()))


def key_names(body: Any) -> tuple[str, ...]:
    """Return the names of a JSON body's keys; one level deeper for `config` and `auth`."""
    if not isinstance(body, Mapping):
        return ()
    names: list[str] = []
    for name, value in body.items():
        if name in ("config", "auth") and isinstance(value, Mapping):
            names += [f"{name}.{inner}" for inner in value] or [name]
        else:
            names.append(name)
    return tuple(names)
