"""However much is wrong in a file, what is said about it can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from reconciler.errors import Problem

#: How many problems of one file are shown.
MOST_SHOWN = 100


def bounded(problems: Sequence[Problem]) -> tuple[tuple[Problem, ...], Mapping[str, int]]:
    """Of a sorted sequence the first problems of each file, and how many a file has beyond them.

    In such a file one more problem, at the place of the first that is left out, says how many there are.
    """
    shown: list[Problem] = []
    left_out: dict[str, int] = {}
    for file, of_file in groupby(problems, key=lambda problem: problem.file):
        every = list(of_file)
        shown += every[:MOST_SHOWN]
        if rest := every[MOST_SHOWN:]:
            left_out[file] = len(rest)
            noun = "problem" if len(rest) == 1 else "problems"
            message = f"{len(rest):,} more {noun} from here on"
            shown.append(Problem(file, rest[0].line, rest[0].column, message, "mend the ones above first"))
    return tuple(shown), left_out
