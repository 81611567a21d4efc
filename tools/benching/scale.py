"""Calculate what many units cost, from the slope between the smallest and the largest size."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from benching.measuring import MEGABYTE, Measured
from benching.targets import Run

#: The numbers of units that the table calculates.
CALCULATED = (1_000, 2_000, 10_000)


@dataclass(frozen=True)
class Line:
    """A quantity that grows with the units."""

    name: str
    of: Callable[[Run], float]
    unit: str = ""
    digits: int = 0

    def format(self, value: float) -> str:
        """Format a value of the quantity."""
        return f"{value:,.{self.digits}f}{self.unit and ' ' + self.unit}"


def _last(run: Run, command: str) -> Measured:
    return run.ours[command][-1]


def _memory(command: str, *kinds: str) -> Callable[[Run], float]:
    return lambda run: float(sum(_last(run, command).peak_mb.get(kind, 0) for kind in kinds))


LINES = (
    Line("state", lambda run: run.state_bytes / MEGABYTE, "MB", 1),
    Line("no-op preview, CPU of all processes", lambda run: _last(run, "no-op preview").cpu_s, "s", 1),
    Line("drift check, CPU of all processes", lambda run: _last(run, "drift check").cpu_s, "s", 1),
    Line("no-op preview, wall", lambda run: _last(run, "no-op preview").wall_s, "s", 1),
    Line("drift check, wall", lambda run: _last(run, "drift check").wall_s, "s", 1),
    Line("drift check, calls to Fivetran", lambda run: sum(_last(run, "drift check").calls.values())),
    Line("drift check, reads of BigQuery", lambda run: _last(run, "drift check").dataset_reads),
    Line("first up, calls to Fivetran", lambda run: sum(_last(run, "first up").calls.values())),
    Line("no-op preview, memory of the engine", _memory("no-op preview", "engine"), "MB"),
    Line("drift check, memory of the engine", _memory("drift check", "engine"), "MB"),
    Line("drift check, memory of program and provider", _memory("drift check", "program", "provider"), "MB"),
)


def body(runs: Sequence[Run], load: float, day: date) -> str:
    """Return what the page says: the table, without wall seconds where the machine was busy."""
    is_busy = load > 1
    words = [
        f"Measured on {day} with {os.cpu_count()} cores, at a load average of {load:.1f} before the first command."
    ]
    words += ["So wall seconds are left out."] if is_busy else []
    return "\n\n".join([" ".join(words), "\n".join(table(runs, with_wall=not is_busy))])


def table(runs: Sequence[Run], *, with_wall: bool = True) -> Iterator[str]:
    """Format the table in Markdown: what was measured (*m*), and what follows from it."""
    few, many = min(runs, key=lambda run: run.size), max(runs, key=lambda run: run.size)
    further = [size for size in CALCULATED if size > many.size]
    sizes = [f"{run.size:,} units *m*" for run in (few, many)] + [f"{size:,} units" for size in further]
    yield f"| | {' | '.join(sizes)} |"
    yield "|---" * (len(sizes) + 1) + "|"
    for line in LINES:
        if line.name.endswith(", wall") and not with_wall:
            continue
        first, last = line.of(few), line.of(many)
        slope = (last - first) / (many.size - few.size)
        values = [first, last, *(last + slope * (size - many.size) for size in further)]
        yield f"| {line.name} | {' | '.join(map(line.format, values))} |"
