"""Register a resource without a thread, in the version of the SDK that `speed` names."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
import pulumi
from google.protobuf import struct_pb2
from pulumi.output import _OutputData
from pulumi.runtime import resource as registration
from pulumi.runtime import rpc, settings
from pulumi.runtime.proto import resource_pb2, source_pb2

from reconciler.sdk.sent import SENT

_register_any_resource = registration.register_resource


def register_resource(  # noqa: PLR0917 - the SDK passes them by position
    res: Any,
    ty: str,
    name: str,
    custom: bool,
    remote: bool,
    new_dependency: Callable[[str], pulumi.Resource],
    props: Mapping[str, Any],
    opts: pulumi.ResourceOptions | None,
    typ: type | None = None,
    package_ref: Awaitable[str | None] | None = None,
) -> None:
    """Register a resource without options that ours do not use; leave any other to the SDK.

    The SDK makes outputs that nothing reads, and hands each call to one of 64 threads, which wait for each other.
    """
    monitor = settings.get_monitor()
    ask = getattr(getattr(monitor, "RegisterResource", None), "future", None)
    if package_ref is not None or opts is None or ask is None or not is_simple(res, ty, custom, remote, opts, typ):
        _register_any_resource(res, ty, name, custom, remote, new_dependency, props, opts, typ, package_ref)
        return
    future = asyncio.get_running_loop().create_future
    urn: asyncio.Future[_OutputData[str]] = future()
    id_: asyncio.Future[_OutputData[str]] = future()
    sent: asyncio.Future[None] = future()
    res.__dict__ |= {"urn": _output(urn), "id": _output(id_), SENT: sent}
    resolvers = rpc.transfer_properties(res, props, custom)

    async def register() -> None:
        try:
            prepared = await registration.prepare_resource(res, ty, custom, remote, props, opts, typ)
            hooks = await registration._prepare_resource_hooks(opts.hooks, f"{ty}_{name}") if opts.hooks else None
            call = ask(_request(ty, name, opts, prepared, hooks))
            _end(sent)
            answer = await _answer(call)
        except Exception as error:
            _end(sent)
            rpc.resolve_outputs_due_to_exception(resolvers, error)
            for each in (urn, id_):
                _fail(each, error)
            raise
        failed = answer.result != resource_pb2.Result.SUCCESS
        urn.set_result(_OutputData({res}, answer.urn, True, False))
        id_.set_result(_OutputData({res}, answer.id, bool(answer.id), False))
        try:
            rpc.resolve_outputs(
                res,
                struct_pb2.Struct() if failed else prepared.serialized_props,
                struct_pb2.Struct() if failed else answer.object,
                {key: set(map(new_dependency, each.urns)) for key, each in answer.propertyDependencies.items()},
                resolvers,
                custom,
                False,
                not failed,
                resolve_missing_as_unknown=failed or (not settings.is_dry_run() and answer.unknown),
            )
        except Exception as error:
            rpc.resolve_outputs_due_to_exception(resolvers, error)
            raise

    asyncio.ensure_future(settings._get_rpc_manager().do_rpc("register resource", register)())  # noqa: RUF006


def is_simple(  # noqa: PLR0917
    res: Any, ty: str, custom: bool, remote: bool, opts: pulumi.ResourceOptions, typ: type | None
) -> bool:
    """Return whether a resource is one of ours, without options that ours do not use."""
    return (
        custom
        and not remote
        and typ is None
        and ty != "pulumi:pulumi:Stack"
        and is_ours(res)
        and not any(getattr(opts, each) for each in _LEFT_TO_THE_SDK)
        and isinstance(opts.depends_on or [], list)
        and all(isinstance(each, pulumi.CustomResource) for each in opts.depends_on or ())  # type: ignore[union-attr]
        and settings.monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS)
    )


_LEFT_TO_THE_SDK = (
    "aliases",
    "custom_timeouts",
    "deleted_with",
    "env_var_mappings",
    "parent",
    "provider",
    "providers",
    "replace_with",
    "replacement_trigger",
    "state_migrations",
    "transforms",
)


def is_ours(res: pulumi.Resource) -> bool:
    """Return whether a class of ours defines a resource, and not a package of Pulumi's."""
    return not type(res).__module__.startswith("pulumi")


def _output(data: asyncio.Future[_OutputData[Any]]) -> pulumi.Output[Any]:
    """Return an output of a future.

    The SDK waits for its own at the end of the program. These end with the registration, for which it waits too.
    """
    output: pulumi.Output[Any] = object.__new__(pulumi.Output)
    output._data = data
    return output


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    future.set_exception(error)
    future.exception()  # else Python reports that nothing has read it


def _request(
    ty: str, name: str, opts: Any, prepared: registration.ResourceResolverOperations, hooks: Any
) -> resource_pb2.RegisterResourceRequest:
    dependencies = {
        key: resource_pb2.RegisterResourceRequest.PropertyDependencies(urns=urns)
        for key, urns in prepared.property_dependencies.items()
    }
    return resource_pb2.RegisterResourceRequest(
        type=ty,
        name=name,
        parent=prepared.parent_urn or "",
        custom=True,
        object=prepared.serialized_props,
        protect=opts.protect,
        dependencies=prepared.dependencies,
        propertyDependencies=dependencies,
        deleteBeforeReplace=opts.delete_before_replace or False,
        deleteBeforeReplaceDefined=opts.delete_before_replace is not None,
        ignoreChanges=opts.ignore_changes or [],
        version=opts.version or "",
        pluginDownloadURL=opts.plugin_download_url or "",
        acceptSecrets=True,
        acceptResources=os.environ.get("PULUMI_DISABLE_RESOURCE_REFERENCES", "").upper() not in {"TRUE", "1"},
        additionalSecretOutputs=opts.additional_secret_outputs,
        importId=opts.import_ or "",
        supportsPartialValues=True,
        replaceOnChanges=opts.replace_on_changes or [],
        retainOnDelete=opts.retain_on_delete,
        supportsResultReporting=True,
        hooks=hooks or resource_pb2.RegisterResourceRequest.ResourceHooksBinding(),
        hideDiffs=opts.hide_diffs,
        stackTrace=source_pb2.StackTrace(),
    )


async def _answer(call: Any) -> Any:
    """Return the engine's answer to a call, which grpc's own thread waits for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    call.add_done_callback(functools.partial(_schedule_end, loop, done))
    await done
    try:
        return call.result()
    except grpc.RpcError as error:
        raise settings.grpc_error_to_exception(error) from None


def _schedule_end(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None], _: object) -> None:
    loop.call_soon_threadsafe(_end, done)


def _end(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
