"""Lines of the run's YAML files, for messages of the plugin process."""

from __future__ import annotations

from pathlib import Path

from reconciler.config.places import Places


class Lines:
    """Looks up where a declared value stands. A `pulumi refresh` that runs no program knows no files, and no lines."""

    def __init__(self) -> None:
        self._places: Places | None = None

    def use(self, root: Path | None) -> None:
        """Take `root` as the folder that file names in messages are relative to; None forgets it."""
        self._places = None if root is None else Places(root)

    def locate(self, file: str, *path: str | int) -> str:
        """Return `file:line:col` of a key in a file, as `Places.find` does; the file alone where none are known."""
        return self._places.find(file, *path) if self._places else file


lines = Lines()
