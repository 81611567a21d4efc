"""Find the line of a declared value, for messages that are written after the files were read.

State and inputs hold no lines: a line that moves changes nothing. A message looks its line up when it is written. A
file is read for each look-up, since it may have changed, and parsed once for each content.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from reconciler.config.yaml import document
from reconciler.config.yaml.document import Document
from reconciler.config.yaml.read import MAX_BYTES, parse

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True)
class Places:
    """Finds lines in the files of a run. `root` is the folder that file names in messages are relative to."""

    root: Path

    def find(self, file: str, *path: str | int) -> str:
        """Return `file:line:col` of a key, or of its nearest ancestor that the file has.

        Args:
            file: The file as messages name it (`Unit.file`).
            path: Keys and list indexes from the top of the file. A step may itself be dotted: `config.hosts[0].port`.

        Returns:
            The place; the file's name alone where the file cannot be read any more.
        """
        found = self._document(file)
        if found is None:
            return file
        steps = _steps(path)
        while steps and steps not in found.keys and steps not in found.values:
            steps = steps[:-1]
        line, column = found.keys.get(steps) or found.values.get(steps, document.START)
        return f"{file}:{line}:{column}"

    def read(self, file: str, *path: str | int) -> object:
        """Return a value of a file as it is now; None if the file or the key is not there."""
        found = self._document(file)
        return None if found is None else found.at(*path)

    def _document(self, file: str) -> Document | None:
        try:
            with (self.root / file).open("rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError):
            return None
        return _parsed(file, raw)


#: The answer's size is a multiple of the file's: enough for the files that one message after another is about.
@functools.lru_cache(maxsize=32)
def _parsed(file: str, raw: bytes) -> Document | None:
    return parse(raw, environment="", name="", file=file)[0]


def _steps(path: tuple[str | int, ...]) -> document.Path:
    steps: list[str | int] = []
    for step in path:
        if isinstance(step, int):
            steps.append(step)
        else:
            steps += [int(index) if index else key for index, key in _STEP.findall(step)]
    return tuple(steps)
