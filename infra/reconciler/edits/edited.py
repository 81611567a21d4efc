"""An edit of one file: its new text, and what it means."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.edits.source import Source


@dataclass(frozen=True)
class Edited:
    """A file after an edit."""

    source: Source
    meaning: str
    """What the edit does, as the subject of a commit: an imperative without a full stop."""
    notes: tuple[str, ...] = ()
    """What the user should know or do next."""
