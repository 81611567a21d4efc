"""The cache of the engine: per user, version and platform, and always complete."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.errors import EngineError
from installer.platforms import Platform
from installer.progress import Progress
from installer.versions import PROGRAMS, VERSION

MARKER = "installed.json"


def cache_root() -> Path:
    """Return `$RECONCILER_CACHE`, else `$XDG_CACHE_HOME/reconciler`, else `~/.cache/reconciler`.

    Empty is unset.
    """
    if own := os.environ.get("RECONCILER_CACHE"):
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(shared).expanduser().absolute() / "reconciler"


class Cache:
    """The directory of the engine. It is created by a rename, so that a killed installation leaves none."""

    def __init__(self, root: Path, platform: Platform) -> None:
        self._home = root / "engine"
        self._key = f"{VERSION}-{platform.key}"
        self.directory = self._home / self._key

    def lookup(self, origin: str | None = None) -> Path | None:
        """Return the directory if it is complete, and came from `origin`, if given."""
        try:
            marker = json.loads((self.directory / MARKER).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        whole = marker.get("version") == VERSION and all(
            os.access(self.directory / program, os.X_OK) for program in PROGRAMS
        )
        return self.directory if whole and origin in (None, marker.get("origin")) else None

    def get_or_fill(self, fill: Callable[[Path], str], origin: str | None) -> Path:
        """Return the complete directory.

        If there is none, `fill` installs into a new one and returns the source.

        Of several callers at the same time, one installs and the others wait.
        """
        if ready := self.lookup(origin):
            return ready
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            with self._locked():
                return self.lookup(origin) or self._fill(fill)
        except OSError as error:
            raise EngineError(
                f"cannot keep the engine under {self._home}: {error}\n"
                "Set RECONCILER_CACHE to another directory with about 300 MB free."
            ) from error

    def _fill(self, fill: Callable[[Path], str]) -> Path:
        # With the lock, files here can only come from a killed installation.
        for left in self._home.glob(f"{self._key}.partial-*"):
            shutil.rmtree(left, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{self._key}.partial-", dir=self._home))
        try:
            origin = fill(partial)
            partial.chmod(0o755)
            (partial / MARKER).write_text(json.dumps({"version": VERSION, "origin": origin}) + "\n", encoding="utf-8")
            shutil.rmtree(self.directory, ignore_errors=True)
            partial.rename(self.directory)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return self.directory

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the file. The kernel releases the lock when the process ends."""
        with (self._home / f"{self._key}.lock").open("a", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with Progress("Another process is installing the engine; waiting for it"):
                    fcntl.flock(lock, fcntl.LOCK_EX)
            yield
