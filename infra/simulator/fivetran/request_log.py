"""What was asked: method, route, path, status, and the names of the body's keys. Never a value of a body."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: Requests remembered one by one; counts go on after that.
_KEPT = 100_000


@dataclass(frozen=True)
class Entry:
    """One request. `keys` are dotted names down to the fields of `config` and `auth`; `status` 0 means no answer."""

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
        """The entry as plain JSON."""
        return asdict(self)


class RequestLog:
    """Requests in the order their answers were ready."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._counts: Counter[str] = Counter()
        self.total = 0

    def add(self, entry: Entry) -> None:
        """Remember a request."""
        self.total += 1
        self._entries.append(entry)
        self._counts[f"{entry.method} {entry.route}"] += 1

    def since(self, number: int) -> Iterator[Entry]:
        """The remembered requests after this number."""
        return (entry for entry in self._entries if entry.number > number)

    def counts(self) -> dict[str, int]:
        """How often each method and route was asked for."""
        return dict(sorted(self._counts.items()))


def key_names(body: Any) -> tuple[str, ...]:
    """The names of a JSON body's keys; one level deeper for `config` and `auth`."""
    if not isinstance(body, Mapping):
        return ()
    names: list[str] = []
    for name, value in body.items():
        if name in ("config", "auth") and isinstance(value, Mapping):
            names += [f"{name}.{inner}" for inner in value] or [name]
        else:
            names.append(name)
    return tuple(names)
