"""What can go wrong, in words for the person who ran it."""

from __future__ import annotations


class EngineError(Exception):
    """No engine, and no other way is tried. The text says what to do."""


class UnavailableError(Exception):
    """This way to an engine is not open on this machine; another may be. The text is the reason."""
