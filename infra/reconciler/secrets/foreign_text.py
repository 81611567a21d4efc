"""Show a text of Fivetran, Google or a vendor: masked, or withheld with the reason.

This is the one way in which such a text may reach state, an output, a log or a terminal.
"""

from __future__ import annotations

import re
import traceback

from reconciler.secrets.masking import MASK, is_identifier, mask
from reconciler.secrets.values_to_mask import KnownValues

#: Paths of values that are named where a text is withheld.
_MOST_NAMED = 3

#: Characters that are shown of a text.
_LONGEST = 1000

#: What the title of a setup test looks like.
_TITLE = re.compile(r"[A-Za-z ,.:()/&'-]{0,80}")

#: Frames of a trace. `traceback` needs the number, because a process may have set its own limit to zero.
_FRAMES = 100


def show(text: str, known: KnownValues, *, speaker: str = "Fivetran") -> str:
    """Return a text as it may be shown and stored, on one line: masked, or the reason why it is withheld."""
    if not text.strip():
        return ""
    if known.unknown:
        return explain_withheld(known, speaker=speaker)
    # Characters that do not show would keep a value apart here, and together for the reader.
    masked = mask(_printable(text), known.values)
    if masked is None:
        return (
            f"{speaker}'s message is not shown: it contains a secret that cannot be masked (too short, a common word, "
            "or written in another form)"
        )
    return _one_line(masked)


def show_label(text: str, known: KnownValues) -> str:
    """Return a code or a test's title, which Fivetran or Google chooses from a fixed set.

    It is masked like any text. Where a value is not known, only an identifier is shown, and words of letters alone.
    """
    masked = mask(_printable(text), known.values)
    if masked is None:
        return MASK
    fixed = is_identifier(masked) or _TITLE.fullmatch(masked) is not None
    return _one_line(masked) if fixed or not known.unknown else MASK


def explain_withheld(known: KnownValues, *, speaker: str) -> str:
    """Return why a text is not shown: it may quote a value that is unknown here and cannot be masked."""
    paths = [path.removeprefix("references.") for path in known.unknown]
    first = ", ".join(paths[:_MOST_NAMED]) + (", …" if len(paths) > _MOST_NAMED else "")
    return f"{speaker}'s message is not shown: it may quote a secret that cannot be read here ({first})"


def masked_trace(error: BaseException, known: KnownValues) -> str:
    """Return the traceback of an error with every text masked; only its places where that is not possible."""
    masked = None if known.unknown else mask("".join(traceback.format_exception(error, limit=_FRAMES)), known.values)
    if masked is not None:
        return masked
    frames = traceback.format_tb(error.__traceback__, _FRAMES)
    return "".join(["Traceback (most recent call last):\n", *frames, type(error).__name__])


def shorten_line(line: str) -> str:
    """Return a line for a terminal: without characters that do not print, and cut where it is too long."""
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable() or char.isspace())


def _one_line(text: str) -> str:
    return shorten_line(" ".join(text.split()))
