"""Pass results and errors to the engine: an error is one line, with nothing secret in it."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from pulumi.dynamic import ConfigureRequest, ReadResult, ResourceProvider
from pulumi.output import Unknown

from reconciler.fivetran.api import ApiError, FivetranError, Unauthorized
from reconciler.fivetran.config_diff import normalise
from reconciler.model import references
from reconciler.model.errors import ReconcilerError, RemoteError
from reconciler.resources.run import checkpoints
from reconciler.resources.run.account import KEY_REJECTED
from reconciler.resources.run.engine import use_engine_log
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.sdk.speed import collect_less_garbage, make_plugin_faster
from reconciler.secrets import (
    KnownValues,
    PulumiConfigResolver,
    known_values,
    known_values_of_run,
    masked_trace,
    shorten_line,
    show,
    wait_until_declared,
)
from reconciler.secrets.masking import MASK, contains_secret, mask_distinctive

#: The operations of a run that changes something. Secret Manager is asked for values only in these.
_WRITING = ("create", "update", "delete")

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


class Failed(Exception):
    """What the engine gets to see of an error. It prints the class's name before the text."""

    __module__ = "builtins"  # the engine prints `Failed: …` then, without our module's path


class Provider(ResourceProvider):
    """What our dynamic providers have in common.

    Nothing may be set on an instance: it would be pickled into state.
    """

    #: A reference to a class is not a secret, and encrypting it costs one call for each resource.
    serialize_as_secret_always = False

    #: The key of the file that an error is about which names none; a resource may have its own, as `path`.
    about: tuple[str, ...] = ()

    def configure(self, req: ConfigureRequest) -> None:
        """Keep tracebacks from the terminal and messages whole, and give references the stack's config.

        The plugin process sends `traceback.format_exc()` to the engine (pulumi.dynamic), frames and all.
        """
        sys.tracebacklimit = 0
        make_plugin_faster(sys.modules["__main__"])
        collect_less_garbage()
        use_engine_log()
        PulumiConfigResolver.use(req.config.get)


def stored(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return what state holds of a resource, without the engine's own key."""
    return {key: value for key, value in props.items() if key != "__provider"}


def is_unknown(value: Any) -> bool:
    """Return whether an input that comes from another resource cannot be known yet.

    In a preview the engine says so. In an update the input is absent, if the other resource failed: the engine asks
    for a difference even then, and leaves this resource alone. An error would end the run for all others.
    """
    return value is None or isinstance(value, Unknown)


def found(
    id_: str, before: Mapping[str, Any], now: Mapping[str, Any], outputs: Mapping[str, Any] | None = None
) -> ReadResult:
    """Return what a refresh found: `before` is what state has, `now` what is live.

    Inputs are handed back only where something drifted. The engine gives an operation what the last create or update
    left, and a run that changed nothing may have stored newer inputs since (a renamed file): those have to stay.
    """
    return ReadResult(id_, {**now, **(outputs or {})}, None if now == before else dict(now))


def hide_secrets(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is live, with `******` for each new text that contains a known secret.

    New is what differs from `before`.

    A setting that is not a secret may hold one when it was changed elsewhere, and drift gets into state and previews.
    """
    if now == before:
        return dict(now)
    wait_until_declared()
    known = known_values([before], ask=False)
    values = frozenset(value for value in known.values if not known.is_public(value))
    return {key: _hidden(before.get(key), value, values) for key, value in now.items()}


def _hidden(before: Any, now: Any, values: frozenset[str]) -> Any:
    if now == before:
        return now
    if isinstance(now, Mapping):
        then = before if isinstance(before, Mapping) else {}
        return {key: _hidden(then.get(key), value, values) for key, value in now.items()}
    if isinstance(now, list):
        return [_hidden(None, item, values) for item in now]
    return MASK if isinstance(now, str) and contains_secret(now, values) else now


def operation(method: F) -> F:
    """Decode what the engine passes to an operation, and let only `Failed` with one clear text out.

    What Fivetran or Google says is masked before it becomes part of that text, or withheld: it may quote any value that
    they keep, not only one that was just sent. The text begins with the name of the file it is about: `props["file"]`
    of the resource, in the last argument that every operation of a provider gets.
    """

    @functools.wraps(method)
    def guarded(provider: Any, *received: Any) -> Any:
        # The engine's wire format makes floats of whole numbers.
        args = (provider, *map(normalise, received))
        try:
            if method.__name__ == "delete" and checkpoints.are_skipped():
                raise OperationError(
                    f"a run with {checkpoints.SKIP} deletes nothing\n    Run again without that variable."
                )
            return method(*args)
        except Exception as error:
            failure = _failure(method, error, args)
        raise failure

    return cast(F, guarded)


def _failure(method: Callable[..., Any], error: Exception, args: tuple[Any, ...]) -> Failed:
    file = args[-1].get("file", "") if isinstance(args[-1], dict) else ""
    try:
        quotes = _may_quote(error)
        known = _known(args, ask=quotes and method.__name__ in _WRITING, quotes=quotes)
        if os.environ.get("RECONCILER_DEBUG"):
            logger.error("operation %s failed\n%s", method.__qualname__, masked_trace(error, known))
        text = mask_own_text(error.shown(file) if isinstance(error, OperationError) else _text(error, known), known)
    except Exception as another:
        # Whatever this is about, the engine would be sent the first error with all it says.
        text = _unexpected(another)
    return Failed(text if text.startswith(file) else f"{_place_in(file, error, _about(args))}: {text}")


def printed(error: OperationError, file: str) -> str:
    """Return the text of an error about a connection behind the place in the unit's file that it is about."""
    return f"{_place_in(file, error, ('connector',))}: {error.shown(file)}"


def _place_in(file: str, error: Exception, about: tuple[str | int, ...]) -> str:
    path = (error.at if isinstance(error, OperationError) else ()) or about
    return run.declared.locate(file, *path) if file and path else file


def _about(args: tuple[Any, ...]) -> tuple[str | int, ...]:
    """Return the key that a resource is about: its own `path`, or that of its provider."""
    path = args[-1].get("path") if isinstance(args[-1], dict) else None
    if isinstance(path, str):
        return (path,)
    return args[0].about if isinstance(args[0], Provider) else ()


def _known(args: tuple[Any, ...], *, ask: bool, quotes: bool) -> KnownValues:
    """Return the values that a text may quote: of these arguments' references, or of the whole run."""
    if quotes and not any(True for _ in references(list(args))):
        return known_values_of_run(ask=ask)
    return known_values(args, ask=ask)


def explain(error: FivetranError | ReconcilerError, known: KnownValues) -> str:
    """Return an error's text with the message of Fivetran or Google, masked or withheld."""
    if isinstance(error, ApiError):
        return error.saying(show(error.unmasked_message, known))
    if isinstance(error, RemoteError):
        return error.saying(show(error.unmasked_message, known, speaker=error.speaker))
    return str(error)


def mask_own_text(text: str, known: KnownValues) -> str:
    """Return a message of ours without a secret that it may quote, such as a field's live value.

    Names stay that a secret happens to be equal to.
    """
    return shorten_lines(mask_distinctive(text, known.values, known.is_public))


def shorten_lines(text: str) -> str:
    """Remove control characters and cut long lines: a vendor's message is printed to a terminal."""
    return "\n".join(map(shorten_line, text.split("\n")))


def _may_quote(error: Exception) -> bool:
    """Return whether what Fivetran says may quote a value that it keeps.

    Not to a client that it does not know (401): all it can quote is what was just sent, which is known here.
    """
    if isinstance(error, Unauthorized):
        return False
    return isinstance(error, ApiError | RemoteError) and bool(error.unmasked_message)


def _text(error: Exception, known: KnownValues) -> str:
    if isinstance(error, Unauthorized):
        return explain(error, replace(known, unknown=())) if run.account.reject_key() else KEY_REJECTED
    if isinstance(error, ReconcilerError | FivetranError):
        return explain(error, known)
    return _unexpected(error)


def _unexpected(error: Exception) -> str:
    """Describe an unexpected error by its kind and place.

    Its text might quote a value.
    """
    return f"an unexpected {type(error).__name__} {_place(error)}; run with RECONCILER_DEBUG=1 and report it"


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f"in {code.co_name} ({os.path.basename(code.co_filename)}:{trace.tb_lineno})"  # noqa: PTH119
