"""Workflow commands, which GitHub Actions turns into annotations.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from typing import Literal


def annotation(
    level: Literal["error", "warning", "notice"], text: str, *, file: str, line: int = 1, column: int = 1
) -> str:
    """One annotation of a file at a place; lines and columns count from 1."""
    place = f"file={_property(file)},line={line},col={column}"
    return f"::{level} {place}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
