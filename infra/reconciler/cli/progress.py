"""Show on stderr what a command does while it waits."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.cli.output import neutralise, print_note

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextlib.contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal while the block runs; call the function after each of `total` steps."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 (slow to import, and only for a terminal)
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextlib.contextmanager
def follow() -> Iterator[Callable[[str, str], None]]:
    """Show what each of some things does while the block runs; call the function with a name and its step.

    On a terminal each name has a line that changes, with the time since its first step. Elsewhere each change is one.
    """
    steps: dict[str, str] = {}
    if not sys.stderr.isatty():

        def print_change(name: str, step: str) -> None:
            if steps.get(name) != step:
                steps[name] = step
                print_note(f"{datetime.now(UTC):%H:%M:%S} {name}: {step}")

        yield print_change
        return
    from rich.console import Console  # noqa: PLC0415 (slow to import, and only for a terminal)
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as lines:
        tasks: dict[str, TaskID] = {}

        def show(name: str, step: str) -> None:
            text = neutralise(f"{name}: {step}").replace("\n", " ")
            if name in tasks:
                lines.update(tasks[name], description=text)
            else:
                tasks[name] = lines.add_task(text, total=None)

        yield show
