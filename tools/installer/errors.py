"""Errors of the installation, with texts for the user."""

from __future__ import annotations


class EngineError(Exception):
    """There is no engine, and no other source is tried. The text has the next step."""


class UnavailableError(Exception):
    """This source does not work on this machine, but another may. The text is the reason."""
