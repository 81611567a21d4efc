"""Variables in memory, with other processes and lost answers between two calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from reconciler.airflow.marker import Marker
from reconciler.airflow.push import AmbiguousWrite, Live


def live(key: str, value: str | None, owner: str | None = None, recorded: str | None = None) -> Live:
    """Return a variable, marked for the environment `owner`."""
    marker = None if owner is None else Marker(owner, recorded or value or "hidden_id")
    return Live(key, value, marker)


@dataclass
class Memory:
    """A store. `before_write` is called before each write and says how it fails."""

    variables: dict[str, Live]
    before_write: Callable[[str], str] = lambda _: ""
    writes: list[str] = field(default_factory=list)

    def snapshot(self, keys: Collection[str]) -> Mapping[str, Live]:
        return dict(self.variables)

    def read(self, key: str) -> Live | None:
        return self.variables.get(key)

    def create(self, key: str, value: str, marker: Marker) -> None:
        def write() -> None:
            assert key not in self.variables, "read before a create"
            self.variables[key] = Live(key, value, marker)

        self._write(key, write)

    def update(self, live: Live, value: str, marker: Marker) -> None:
        def write() -> None:
            assert live.key in self.variables, "read before an update"
            self.variables[live.key] = replace(live, value=value, marker=marker)

        self._write(live.key, write)

    def delete(self, live: Live) -> None:
        def write() -> None:
            assert self.variables.pop(live.key) == live, "read before a delete"

        self._write(live.key, write)

    def _write(self, key: str, write: Callable[[], None]) -> None:
        self.writes.append(key)
        fault = self.before_write(key)
        if fault != "rejected":
            write()
        if fault:
            raise AmbiguousWrite(f"{key}: {fault}")
