"""The edge between our code and the engine: what an operation may let out is one line, with nothing secret in it."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from reconciler.client import FivetranError, scrub
from reconciler.errors import ReconcilerError

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


class Failed(Exception):
    """What the engine gets to see of an error. It prints the class's name before the text."""

    __module__ = "builtins"  # the engine prints `Failed: …` then, without our module's path


class OperationError(ReconcilerError):
    """An operation that could not be done; the text says why and what to do, `secrets` is what must not be in it."""

    def __init__(self, message: str, *, secrets: Iterable[str] = ()) -> None:
        super().__init__(scrub(message, secrets))


class Provider(ResourceProvider):
    """What our dynamic providers have in common. Nothing may be set on an instance: it would be pickled into state."""

    #: A reference to a class is no secret, and encrypting it costs a call a resource.
    serialize_as_secret_always = False

    def configure(self, _req: ConfigureRequest) -> None:
        """Keep tracebacks out of the user's terminal.

        The plugin process sends `traceback.format_exc()` to the engine (pulumi.dynamic), frames and all.
        """
        sys.tracebacklimit = 0


def stored(props: Mapping[str, Any]) -> dict[str, Any]:
    """What state holds of a resource, without the engine's own key."""
    return {key: value for key, value in props.items() if key != "__provider"}


def operation(method: F) -> F:
    """Let only `Failed` with one clear text out of an operation, under the name of the file it is about.

    The file is `props["file"]` of the resource: the last argument that every operation of a provider gets.
    """

    @functools.wraps(method)
    def guarded(*args: Any) -> Any:
        try:
            return method(*args)
        except Exception as error:
            if os.environ.get("RECONCILER_DEBUG"):
                logger.exception("operation %s failed", method.__qualname__)
            file = args[-1].get("file", "") if isinstance(args[-1], dict) else ""
            failure = Failed(_text(error, file))
        raise failure

    return cast(F, guarded)


def _text(error: Exception, file: str) -> str:
    if isinstance(error, ReconcilerError | FivetranError):
        text = str(error)
    else:
        # An error of ours: its text might quote a value, so only its kind and place go out.
        text = f"an unexpected {type(error).__name__} {_place(error)}; run with RECONCILER_DEBUG=1 and report it"
    return text if not file or text.startswith(file) else f"{file}: {text}"


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f"in {code.co_name} ({os.path.basename(code.co_filename)}:{trace.tb_lineno})"  # noqa: PTH119
