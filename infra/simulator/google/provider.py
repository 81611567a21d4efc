"""The local Google Cloud as a Pulumi provider, which answers the engine's gRPC calls from the store.

One server serves any number of runs. Each engine connection has its own configuration (`gcp:project`, and whether to
add the attribution label); all share the same objects. Other types and functions are UNIMPLEMENTED.
"""

# ruff: noqa: N802, ARG002 (names and signatures are those of Pulumi's protocol)

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from simulator.google.bigquery import MeteredBigQuery
from simulator.google.dataset import DatasetType
from simulator.google.errors import PluginError, as_list
from simulator.google.faults import Call, Faults
from simulator.google.functions import functions
from simulator.google.iam import Iam
from simulator.google.located import FunctionMember, RunServiceMember
from simulator.google.plugin import ResourceType, Scope
from simulator.google.project_member import ProjectMember
from simulator.google.state import Store
from simulator.google.wire import from_struct, steps, to_diff, to_struct

pb = provider_pb2
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Answer = TypeVar("Answer")

#: The plugin's version. The engine does not check it.
VERSION = "10.2.0"
_NO_PROJECT = "(no project)"
_LOG_TIMEOUT_S = 5
#: The plugin's warning about a configuration without a project; `gcp:disableGlobalProjectWarning` disables it.
_NO_GLOBAL_PROJECT = (
    "unable to detect a global setting for GCP Project.\n"
    "Set it with `pulumi config set gcp:project <project>`, or silence this warning with "
    "`pulumi config set gcp:disableGlobalProjectWarning true`"
)


class GcpProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The servicer. `latency_ms` is the time of each call to Google; check and diff have none."""

    def __init__(self, store: Store, faults: Faults, latency_ms: int = 0) -> None:
        bigquery, iam = MeteredBigQuery(store), Iam(store)
        self.faults = faults
        self.latency_ms = latency_ms
        self.types: dict[str, ResourceType] = {
            "gcp:bigquery/dataset:Dataset": DatasetType(bigquery),
            "gcp:projects/iAMMember:IAMMember": ProjectMember(iam),
            "gcp:cloudfunctions/functionIamMember:FunctionIamMember": FunctionMember(iam),
            "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": RunServiceMember(iam),
        }
        self.functions = functions(bigquery)
        self._scopes: dict[str, Scope] = {}
        self._configured = Scope()
        self._engines: dict[str, str] = {}

    async def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> empty_pb2.Empty:
        """Store the address of the engine's log."""
        self._engines[context.peer()] = request.address
        return empty_pb2.Empty()

    async def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        """Return the plugin's version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    async def CheckConfig(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        """Accept every configuration."""
        return pb.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: pb.DiffRequest, context: Context) -> pb.DiffResponse:
        """Return no difference: a changed configuration never replaces the provider."""
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_UNKNOWN)

    async def Configure(self, request: pb.ConfigureRequest, context: Context) -> pb.ConfigureResponse:
        """Store this connection's default project, and whether to add the attribution label."""
        args = from_struct(request.args)
        wanted = args.get("addPulumiAttributionLabel", True)
        scope = Scope(default_project=args.get("project"), attribution=str(wanted).lower() != "false")
        self._configured = self._scopes[context.peer()] = scope
        silent = str(args.get("disableGlobalProjectWarning", False)).lower() == "true"
        if not (scope.default_project or silent):
            await self._warn(_NO_GLOBAL_PROJECT, context)
        return pb.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    async def _warn(self, message: str, context: Context) -> None:
        """Log a warning in the engine of this connection, if its address is known."""
        if address := self._engines.get(context.peer()):
            # The engine may have ended.
            with contextlib.suppress(grpc.RpcError):
                async with grpc.aio.insecure_channel(address) as channel:
                    stub: Any = engine_pb2_grpc.EngineStub(channel)
                    severity = engine_pb2.LogSeverity.Value("WARNING")
                    await stub.Log(engine_pb2.LogRequest(severity=severity, message=message), timeout=_LOG_TIMEOUT_S)

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        """Return the inputs with defaults, or their problems."""
        kind, scope = await self._type(request.urn, context), self._scope(request.urn, context)
        news = from_struct(request.news)

        def answer() -> pb.CheckResponse:
            checked = kind.check(scope, news)
            failures = [pb.CheckFailure(reason=fault.reason) for fault in checked.faults]
            return pb.CheckResponse(inputs=to_struct(checked.inputs), failures=failures)

        return await self._answer("Check", request.urn, _target(kind, scope, news), answer, context)

    async def Diff(self, request: pb.DiffRequest, context: Context) -> pb.DiffResponse:
        """Return the differences between the outputs in state and the new inputs."""
        kind, scope = await self._type(request.urn, context), self._scope(request.urn, context)

        def answer() -> pb.DiffResponse:
            ignored = [steps(path) for path in request.ignoreChanges]
            olds, news = from_struct(request.olds), from_struct(request.news)
            changes = kind.diff(scope, olds, news, [name for name, *inner in ignored if not inner])
            heeded = {
                path: change
                for path, change in changes.items()
                if not any(steps(path)[: len(each)] == each for each in ignored)
            }
            return to_diff(heeded, deletes_first=kind.deletes_first)

        return await self._answer("Diff", request.urn, request.id, answer, context)

    async def Create(self, request: pb.CreateRequest, context: Context) -> pb.CreateResponse:
        """Create a resource; in a preview, return its planned outputs."""
        kind, scope = await self._type(request.urn, context), self._scope(request.urn, context)
        inputs = from_struct(request.properties)

        def answer() -> pb.CreateResponse:
            if request.preview:
                return pb.CreateResponse(properties=to_struct(kind.planned(scope, None, inputs)))
            live = kind.create(scope, inputs)
            return pb.CreateResponse(id=live.id, properties=to_struct(live.outputs))

        target = _target(kind, scope, inputs)
        return await self._answer("Create", request.urn, target, answer, context, preview=request.preview)

    async def Read(self, request: pb.ReadRequest, context: Context) -> pb.ReadResponse:
        """Return the live resource; an empty id if it does not exist."""
        kind, scope = await self._type(request.urn, context), self._scope(request.urn, context)

        def answer() -> pb.ReadResponse:
            live = kind.read(scope, request.id, from_struct(request.properties), from_struct(request.inputs))
            if live is None:
                return pb.ReadResponse()
            return pb.ReadResponse(id=live.id, properties=to_struct(live.outputs), inputs=to_struct(live.inputs))

        return await self._answer("Read", request.urn, request.id, answer, context)

    async def Update(self, request: pb.UpdateRequest, context: Context) -> pb.UpdateResponse:
        """Update a resource in place; in a preview, return its planned outputs."""
        kind, scope = await self._type(request.urn, context), self._scope(request.urn, context)
        olds, news, ignore = from_struct(request.olds), from_struct(request.news), [*request.ignoreChanges]

        def answer() -> pb.UpdateResponse:
            if request.preview:
                return pb.UpdateResponse(properties=to_struct(kind.planned(scope, olds, news, ignore)))
            return pb.UpdateResponse(properties=to_struct(kind.update(scope, request.id, olds, news, ignore).outputs))

        return await self._answer("Update", request.urn, request.id, answer, context, preview=request.preview)

    async def Delete(self, request: pb.DeleteRequest, context: Context) -> empty_pb2.Empty:
        """Delete."""
        kind, scope = await self._type(request.urn, context), self._scope(request.urn, context)

        def answer() -> empty_pb2.Empty:
            kind.delete(scope, request.id, from_struct(request.properties))
            return empty_pb2.Empty()

        return await self._answer("Delete", request.urn, request.id, answer, context)

    async def Invoke(self, request: pb.InvokeRequest, context: Context) -> pb.InvokeResponse:
        """Call a function, which reads the store in previews too."""
        function = self.functions.get(request.tok)
        if function is None:
            await self._not_simulated(f"the function {request.tok}", context)
        scope, args = self._scope("", context), from_struct(request.args)
        target = f"projects/{args.get('project') or scope.default_project or _NO_PROJECT}"
        if "datasetId" in args:
            target += f"/datasets/{args['datasetId']}"

        def answer() -> pb.InvokeResponse:
            response = pb.InvokeResponse()
            getattr(response, "return").CopyFrom(to_struct(function(scope, args)))  # a keyword of Python
            return response

        return await self._answer("Invoke", request.tok, target, answer, context, prefix=f"invoking {request.tok}: ")

    async def _answer(
        self,
        method: str,
        urn: str,
        target: str,
        answer: Callable[[], Answer],
        context: Context,
        *,
        preview: bool = False,
        prefix: str = "",
    ) -> Answer:
        """Run a call with its latency and fault. Its effect never waits, so calls do not interleave."""
        rule = self.faults.hit(Call(method, _type_of(urn), target, preview))
        if method not in {"Check", "Diff"} and not preview:
            await asyncio.sleep(self.latency_ms / 1000)
        if rule is not None:
            await rule.wait()
            if rule.error is not None and not rule.after:
                await context.abort(grpc.StatusCode[rule.code], prefix + rule.error)
        try:
            result = answer()
        except PluginError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, prefix + as_list(str(error)))
        if rule is not None and rule.then is not None:
            rule.then()
        if rule is not None and rule.after:
            lost = rule.error is None
            code = grpc.StatusCode.UNAVAILABLE if lost else grpc.StatusCode[rule.code]
            await context.abort(code, "the answer was lost on the way" if lost else prefix + str(rule.error))
        return result

    async def _type(self, urn: str, context: Context) -> ResourceType:
        token = _type_of(urn)
        kind = self.types.get(token)
        if kind is None:
            await self._not_simulated(f"the resource type {token}", context)
        return kind

    async def _not_simulated(self, what: str, context: Context) -> NoReturn:
        have = ", ".join(sorted((*self.types, *self.functions)))
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED, f"the local gcp provider does not simulate {what}; it has {have}"
        )

    def _scope(self, urn: str, context: Context) -> Scope:
        scope = self._scopes.get(context.peer(), self._configured)
        return Scope(urn.rpartition("::")[2], scope.default_project, scope.attribution)


def _target(kind: ResourceType, scope: Scope, inputs: dict[str, object]) -> str:
    """Return the id for matching faults, before the resource has one."""
    try:
        return kind.target(scope, inputs)
    except PluginError:
        return ""


def _type_of(urn: str) -> str:
    """Return the type in a URN without its parents, or a function's token unchanged."""
    return urn.split("::")[2].rpartition("$")[2] if urn.startswith("urn:") else urn


async def serve(provider: GcpProvider, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """Start the server; port 0 is a free one. Returns the server and its port.

    Raises `OSError` for a port in use.
    """
    with socket.create_server((host, port)):
        pass  # by default, gRPC shares a port in use with its owner
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    bound = server.add_insecure_port(f"{host}:{port}")
    await server.start()
    return server, bound
