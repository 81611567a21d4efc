"""What stands in place of slow functions of Pulumi's SDK, in the version that `speed` names.

It uses private names of the SDK, so it is imported for that version only.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Container, Mapping
from typing import Any

import pulumi
from google.protobuf import struct_pb2
from pulumi import _types, log, resource
from pulumi.dynamic import dynamic
from pulumi.output import _OutputData
from pulumi.runtime import _depends_on, rpc, settings
from pulumi.runtime import resource as registration
from pulumi.runtime.proto import source_pb2

from reconciler.sdk.register import is_ours, is_simple, register_resource

_create_urn = registration.create_urn
_prepare_any_resource = registration.prepare_resource
_resolve_all_outputs = rpc.resolve_outputs
_resolve_depends_on = _depends_on._resolve_depends_on
_serialize_any_provider = dynamic.serialize_provider


def replacements() -> tuple[tuple[Any, str, Callable[..., Any]], ...]:
    """Return each replacement: the module, the name in it, and what stands there instead."""
    return (
        (log, "debug", _log_nothing),
        (registration, "_get_stack_trace", source_pb2.StackTrace),
        (registration, "create_urn", create_known_urn),
        (registration, "prepare_resource", _prepare_resource),
        (resource, "register_resource", register_resource),
        (rpc, "transfer_properties", _transfer_properties),
        (rpc, "resolve_outputs", _resolve_outputs),
        (_depends_on, "_resolve_depends_on", _dependencies),
        (dynamic, "serialize_provider", _serialize_provider),
        (_types, "resource_types", functools.cache(_types.resource_types)),
        (_types, "resource_pulumi_to_py_names", functools.cache(_types.resource_pulumi_to_py_names)),
        (_types, "resource_py_to_pulumi_names", functools.cache(_types.resource_py_to_pulumi_names)),
    )


def _log_nothing(msg: str, *_: object, **__: object) -> None:
    """Drop a debug message.

    The SDK sends four for each resource, and waits until the engine has taken each.
    """


def create_known_urn(
    name: Any, type_: Any, parent: Any = None, project: str | None = None, stack: str | None = None
) -> pulumi.Output[str]:
    """Return a URN in one step if every part is known. The SDK makes eight outputs to join three texts."""
    if not all(isinstance(part, str) for part in (name, type_, parent)):
        return _create_urn(name, type_, parent, project, stack)
    return pulumi.Output.from_input(f"{parent[: parent.rfind('::')]}${type_}::{name}")


def _transfer_properties(res: pulumi.Resource, props: Mapping[str, Any], custom: bool) -> dict[str, rpc.Resolver]:
    """Give a resource an output for each property that can be read, with one future each.

    The SDK makes four futures and a task. Of a resource of ours only what its class annotates can be read.
    """
    cls: Any = type(res)
    readable = _annotated(cls) if is_ours(res) else props
    resolvers: dict[str, rpc.Resolver] = {}
    for name in props:
        if name == "urn" or (name == "id" and custom) or name not in readable:
            continue
        future: asyncio.Future[_OutputData[Any]] = asyncio.get_running_loop().create_future()
        resolvers[name] = functools.partial(_resolve, res, future)
        res.__dict__[name] = pulumi.Output._from_data(future)
    return resolvers


def _resolve(  # noqa: PLR0917 - the SDK calls a resolver by position
    res: pulumi.Resource,
    future: asyncio.Future[_OutputData[Any]],
    value: Any,
    is_known: bool,
    is_secret: bool,
    dependencies: set[pulumi.Resource] | None,
    failed: Exception | None,
) -> None:
    if failed is not None:
        future.set_exception(failed)
    else:
        future.set_result(_OutputData({*(dependencies or ()), res}, value, is_known, is_secret))


@functools.cache
def _annotated(cls: type) -> frozenset[str]:
    return frozenset(name for each in cls.__mro__ for name in inspect.get_annotations(each))


def _resolve_outputs(
    res: pulumi.Resource,
    serialized_props: struct_pb2.Struct,
    outputs: struct_pb2.Struct,
    deps: Mapping[str, set[pulumi.Resource]],
    resolvers: dict[str, rpc.Resolver],
    *arguments: Any,
    **named: Any,
) -> None:
    """Read what the engine answers only where an output waits for it: the config of a connection is large."""
    if not resolvers:
        return
    if is_ours(res):
        serialized_props, outputs = (_only(resolvers, each) for each in (serialized_props, outputs))
    _resolve_all_outputs(res, serialized_props, outputs, deps, resolvers, *arguments, **named)


def _only(names: Container[str], properties: Any) -> struct_pb2.Struct:
    return struct_pb2.Struct(fields={name: value for name, value in properties.fields.items() if name in names})


async def _prepare_resource(  # noqa: PLR0917 - the SDK passes them by position
    res: Any,
    ty: str,
    custom: bool,
    remote: bool,
    props: Mapping[str, Any],
    opts: pulumi.ResourceOptions | None,
    typ: type | None = None,
) -> registration.ResourceResolverOperations:
    """Return what a registration sends of a resource, in one pass over its properties.

    The SDK awaits each value in each property, and the dependencies of each property. It still does that for what comes
    from another resource, and for resources with options that ours do not use.
    """
    parent = settings.get_root_resource()
    if opts is None or parent is None or not is_simple(res, ty, custom, remote, opts, typ):
        return await _prepare_any_resource(res, ty, custom, remote, props, opts, typ)
    first: Any = opts.depends_on or ()
    dependencies = {urn for each in first if (urn := await each.urn.future())}
    struct, sources = struct_pb2.Struct(), dict[str, list[str]]()
    for name, value in props.items():
        if value is None:
            continue
        try:
            struct.fields[name].CopyFrom(_plain(value))
            sources[name] = []
        except _NotPlain:
            found: list[pulumi.Resource] = []
            result = await rpc.serialize_property(value, found, name, res, res.translate_input_property)
            if result is not None:
                struct[name] = result
                sources[name] = list(await rpc._expand_dependencies(found, res))
                dependencies.update(sources[name])
    return registration.ResourceResolverOperations(
        await parent.urn.future(), struct, dependencies, None, {}, sources, [], "", [], None, True
    )


class _NotPlain(Exception):
    """A value is not known before something else is."""


def _plain(value: Any) -> struct_pb2.Value:
    """Return plain JSON as a message of the engine's protocol."""
    kind = type(value)
    if kind is str:
        return struct_pb2.Value(string_value=value)
    if kind is bool:
        return struct_pb2.Value(bool_value=value)
    if kind in (int, float):
        return struct_pb2.Value(number_value=value)
    if kind is dict:
        fields = {name: _plain(each) for name, each in value.items()}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if kind in (list, tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_plain(each) for each in value]))
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    raise _NotPlain


async def _dependencies(depends_on: Any) -> set[pulumi.Resource]:
    """Return the resources of a plain list as they are. The SDK makes two outputs for each of them."""
    if isinstance(depends_on, list) and all(isinstance(each, pulumi.Resource) for each in depends_on):
        return set(depends_on)
    return await _resolve_depends_on(depends_on)


_serialize_once = functools.cache(lambda cls: str(_serialize_any_provider(cls())))


def _serialize_provider(provider: dynamic.ResourceProvider) -> str:
    """Serialize a provider without attributes once, not once a resource."""
    cls: Any = type(provider)
    return str(_serialize_any_provider(provider)) if vars(provider) else _serialize_once(cls)
