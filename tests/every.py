"""One test for many small cases, where a test for each would cost more than what it checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

Test = Callable[..., None]


def for_every(name: str, values: Iterable[Any], ids: Callable[[Any], str] = str) -> Callable[[Test], Test]:
    """Run a test for every value of one argument, and report all that fail.

    Args:
        name: The argument.
        values: Its values. The fixtures are the same for all of them.
        ids: What a value is called in a report.
    """

    def decorate(test: Test) -> Test:
        signature = inspect.signature(test)

        def run(**fixtures: Any) -> None:
            failed = []
            for value in values:
                try:
                    test(**fixtures, **{name: value})
                except Exception as error:
                    error.add_note(f"{name}: {ids(value)}")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(", ".join(error.__notes__[-1] for error in failed), failed)

        run.__name__, run.__qualname__, run.__module__ = test.__name__, test.__qualname__, test.__module__
        run.__doc__ = test.__doc__
        others = [each for each in signature.parameters.values() if each.name != name]
        run.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return run

    return decorate
