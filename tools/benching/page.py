"""Write the tables of a benchmark into its page, between two markers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from benching import peer, targets
from benching.targets import Run, Verdict

BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"


def body(runs: Sequence[Run], verdicts: Iterable[Verdict], plots: Sequence[str], load: float, day: date) -> str:
    """Return what the page says of a benchmark.

    Args:
        runs: What was measured.
        verdicts: The targets, each with what was measured for it.
        plots: The files of the plots, as the page links to them.
        load: How many processes waited for a core when the benchmark began.
        day: When it was.
    """
    parts = [
        f"Measured on {day} with {os.cpu_count()} cores, at a load average of {load:.1f} before the first command."
    ]
    if load > 1:
        parts.append("The machine was busy: ratios and CPU seconds count here, and wall seconds do not.")
    for run in runs:
        notes = [*targets.processes(run), *peer.notes(run.peer)]
        parts += ["\n".join(targets.table(run)), "\n".join(f"- {each}" for each in notes)]
    rows = (
        f"| {each.target} | {each.measured:.2f} {each.unit} | {each.limit:.2f} | {'yes' if each.passed else 'no'} |"
        for each in verdicts
    )
    parts.append("\n".join(["| target | measured | at most | met |", "|---|---|---|---|", *rows]))
    parts += [f"![{Path(each).stem.replace('-', ' ')}]({each})" for each in plots]
    return "\n\n".join(parts)


def write(page: Path, text: str) -> None:
    """Replace what is between the markers."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
