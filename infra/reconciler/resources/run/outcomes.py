"""Record failed units, breaches of the policy, and members that Google denies."""

from __future__ import annotations

import logging
import threading

from reconciler.model.errors import ReconcilerError

logger = logging.getLogger(__name__)


class OperationError(ReconcilerError):
    """An operation that could not be done; the text says why and what to do.

    `at` is the path of the key in the unit's file that the error is about; the message then begins with its line.
    """

    def __init__(self, text: str, *, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(text)
        self.at = at

    def shown(self, _file: str) -> str:
        """Return the text as a terminal gets it; state has `str(error)`, without lines of files."""
        return str(self)


def prefix_file(file: str, text: str) -> str:
    """Put the file's name before a text that does not begin with it, or with one of its lines."""
    return text if text.startswith(file) else f"{file}: {text}"


class Outcomes:
    """The failures of one run. The `Outcome` resource reports them all at the end. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[str, dict[str, str]] = {}
        self._breaches: dict[str, str] = {}
        self._denied: dict[tuple[str, str], list[str]] = {}

    def fail(self, file: str, text: str, about: str = "") -> None:
        """Record, and log, that a unit failed.

        Args:
            file: The file of the unit.
            text: Why; it may begin with a line of the file.
            about: What it is about. A later text about the same replaces an earlier one, and is not logged.
        """
        with self._lock:
            known = self._failures.setdefault(file, {}).get(about)
            self._failures[file][about] = text
        if known is None or not about:
            logger.error("%s", prefix_file(file, text))

    def failures(self) -> dict[str, str]:
        """Return why units failed, by file."""
        with self._lock:
            return {file: "\n".join(texts.values()) for file, texts in self._failures.items()}

    def breach(self, file: str, text: str) -> None:
        """Record, and log, what the environment forbids and a run cannot undo."""
        with self._lock:
            self._breaches[file] = text
        logger.error("%s: %s", file, text)

    def breaches(self) -> dict[str, str]:
        """Return the breaches of the policy, by file."""
        with self._lock:
            return dict(self._breaches)

    def deny(self, file: str, text: str, dataset_id: str) -> list[str]:
        """Record that Google denies a line's grant on a dataset; return all datasets where it denies it."""
        with self._lock:
            datasets = self._denied.setdefault((file, text), [])
            datasets.append(dataset_id)
            return list(datasets)
