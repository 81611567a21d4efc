"""What stands in place of slow methods of the SDK's plugin process, in the version that `speed` names.

The process answers two calls for each resource in a preview, and one in a refresh. The SDK reads every property through
several layers, and starts an event loop to write an answer, which nearly always repeats what the engine has sent.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.protobuf import struct_pb2
from pulumi.dynamic import ResourceProvider
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2 as proto

_PROVIDER = "__provider"
_UNKNOWN: Callable[[], Any] = Unknown


class NotPlain(Exception):
    """A property is an asset, a secret or a reference: the SDK has to read it."""


def replace_methods(plugin: Any) -> None:
    """Replace the methods of the server that this process has started, where they are called.

    The server holds the methods themselves: each has the function that it guards in its closure.
    """
    servicer = plugin.DynamicResourceProviderServicer
    for name, faster in (("Check", _check), ("Diff", _diff), ("Read", _read)):
        cell = getattr(servicer, name).__closure__[0]
        if not hasattr(cell.cell_contents, "is_ours"):
            cell.cell_contents = _or_as_the_sdk(faster, cell.cell_contents, plugin)


def _or_as_the_sdk(faster: Callable[..., Any], sdk: Callable[..., Any], plugin: Any) -> Callable[..., Any]:
    def answer(servicer: Any, request: Any, context: Any) -> Any:
        with contextlib.suppress(NotPlain):
            return faster(_Providers(plugin, servicer), request)
        return sdk(servicer, request, context)

    answer.is_ours = True  # type: ignore[attr-defined]
    return answer


def answer_more_at_once(calls: int) -> None:
    """Raise the number of calls that the server of this process answers at once, from four.

    Its pool of threads is reached through the current thread, which is one of them.
    """
    refer = next(iter(getattr(threading.current_thread(), "_args", None) or ()), None)
    pool = refer() if isinstance(refer, weakref.ref) else None
    if isinstance(pool, ThreadPoolExecutor):
        pool._max_workers = max(pool._max_workers, calls)


class _Providers:
    """The providers of this process, by what the engine sends of each."""

    def __init__(self, plugin: Any, servicer: Any) -> None:
        self._plugin, self._servicer = plugin, servicer

    def of(self, *structs: struct_pb2.Struct) -> ResourceProvider:
        """Return the provider that the first of the structs names."""
        texts = (each.fields[_PROVIDER].string_value for each in structs if _PROVIDER in each.fields)
        text = next((each for each in texts if each and each != rpc.UNKNOWN), None)
        if text is None:
            raise NotPlain
        known: ResourceProvider | None = self._plugin._PROVIDER_CACHE.get(text)
        return known or self._plugin.get_provider({_PROVIDER: text}, self._servicer._config)


def _check(providers: _Providers, request: Any) -> proto.CheckResponse:
    """Answer with the inputs as they came, if the provider leaves them so."""
    provider = providers.of(request.news, request.olds)
    if type(provider).check is ResourceProvider.check:
        return proto.CheckResponse(inputs=request.news)
    olds, news = read(request.olds, unknowns=True), read(request.news, unknowns=True)
    result = provider.check(olds, news)
    inputs = result.inputs
    if result.failures or not _repeats(inputs, news):
        return proto.CheckResponse(
            inputs=_write({**inputs, _PROVIDER: news[_PROVIDER]}),
            failures=[proto.CheckFailure(property=each.property, reason=each.reason) for each in result.failures],
        )
    return proto.CheckResponse(inputs=request.news)


def _diff(providers: _Providers, request: Any) -> proto.DiffResponse:
    provider = providers.of(request.news, request.olds)
    result = provider.diff(request.id, read(request.olds, unknowns=True), read(request.news, unknowns=True))
    kinds = {None: proto.DiffResponse.DIFF_UNKNOWN, False: proto.DiffResponse.DIFF_NONE}
    return proto.DiffResponse(
        changes=kinds.get(result.changes, proto.DiffResponse.DIFF_SOME),
        replaces=result.replaces or (),
        deleteBeforeReplace=bool(result.delete_before_replace),
    )


def _read(providers: _Providers, request: Any) -> proto.ReadResponse:
    """Answer with the state as it came, if the provider finds it so."""
    if not request.properties.fields:
        raise NotPlain
    provider = providers.of(request.properties)
    props = read(request.properties)
    result = provider.read(request.id, props)
    if result.id is None or result.inputs is not None or not _repeats(result.outs, props):
        properties = _write({**(result.outs or {}), _PROVIDER: props[_PROVIDER]})
        inputs = None if result.inputs is None else _write({**result.inputs, _PROVIDER: props[_PROVIDER]})
        return proto.ReadResponse(id=result.id or "", properties=properties, inputs=inputs)
    return proto.ReadResponse(id=result.id, properties=request.properties)


def _repeats(answer: Any, sent: Any) -> bool:
    """Return whether an answer has what was sent. Not for the same object, which may have changed since."""
    return answer is not sent and {**answer, _PROVIDER: sent[_PROVIDER]} == sent


def read(struct: struct_pb2.Struct, *, unknowns: bool = False) -> dict[str, Any]:
    """Return a struct as the SDK does.

    Args:
        struct: What the engine has sent.
        unknowns: Whether what is not known yet is kept as `Unknown`, and not left out.

    Raises:
        NotPlain: A value is an asset, a secret or a reference.
    """
    fields = struct.fields
    if rpc._special_sig_key in fields:
        raise NotPlain
    values = {name: _value(each, unknowns=unknowns) for name, each in fields.items()}
    return {name: value for name, value in values.items() if value is not None}


def _value(value: struct_pb2.Value, *, unknowns: bool) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return text if text != rpc.UNKNOWN else _UNKNOWN() if unknowns else None
    if kind == "struct_value":
        return read(value.struct_value, unknowns=unknowns)
    if kind == "list_value":
        return [_value(each, unknowns=unknowns) for each in value.list_value.values]
    if kind == "number_value":
        return value.number_value
    if kind == "bool_value":
        return value.bool_value
    raise NotPlain  # the SDK drops a null, which an answer then would not repeat


def _write(properties: dict[str, Any]) -> struct_pb2.Struct:
    """Return properties as the SDK does, without its event loop."""
    running = rpc.serialize_properties(properties, {})
    try:
        running.send(None)
    except StopIteration as done:
        struct: struct_pb2.Struct = done.value
        return struct
    running.close()
    raise TypeError("a provider's answer has a value that is not there yet")
