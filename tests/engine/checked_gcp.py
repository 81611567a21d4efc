"""A gcp provider that accepts only what the real one's schema allows, and keeps what the engine registers.

`gcp-schema.json` was written from the code of Google's Terraform provider through Pulumi's bridge, of which the gcp
plugin is made: names, types and nesting, required keys, and keys that exclude each other.
"""

# ruff: noqa: N802 (names are those of Pulumi's protocol)

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import jsonschema
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

SCHEMAS: Mapping[str, dict[str, Any]] = json.loads((Path(__file__).parent / "gcp-schema.json").read_text())
NUMBER = "123456789012"


@dataclass(frozen=True)
class Registered:
    """A resource, as the provider was asked to create it."""

    type: str
    name: str
    inputs: Mapping[str, Any]


def faults(token: str, inputs: Mapping[str, Any]) -> list[str]:
    """Return what the real provider's schema has against the inputs of a resource."""
    schema = SCHEMAS.get(token)
    if schema is None:
        return [f"{token} is not in gcp-schema.json"]
    wrong = [
        f"{error.json_path}: {error.message}" for error in jsonschema.Draft202012Validator(schema).iter_errors(inputs)
    ]
    return wrong + list(_exclusions(schema, inputs, "$"))


def _exclusions(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    """Find keys that exclude each other, and groups of keys of which exactly one is needed."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _exclusions(schema.get("items", {}), item, f"{path}[{number}]")
    if not isinstance(value, dict):
        return
    for key, inner in schema.get("properties", {}).items():
        group = [_camel(each) for each in inner.get("exactlyOneOf", [])]
        if group and sum(each in value for each in group) != 1:
            yield f"{path}: exactly one of {', '.join(group)}"
        if key in value:
            yield from (
                f"{path}: {key} excludes {other}"
                for other in map(_camel, inner.get("conflictsWith", []))
                if other in value
            )
            yield from _exclusions(inner, value[key], f"{path}.{key}")


def _camel(path: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), path.rpartition(".")[2])


@dataclass
class CheckedProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider; `created` is in the order of creation."""

    created: list[Registered] = field(default_factory=list)

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="10.2.0")

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        found = faults(_type_of(request.urn), _plain(request.news))
        failures = [provider_pb2.CheckFailure(reason=each) for each in found]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        token, inputs = _type_of(request.urn), _plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        self.created.append(Registered(token, request.urn.rpartition("::")[2], inputs))
        outputs = struct_pb2.Struct()
        outputs.update({**inputs, **_computed(token, inputs)})
        return provider_pb2.CreateResponse(id=str(outputs["id"]), properties=outputs)


def _computed(token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Google adds to a resource."""
    kind = token.rpartition(":")[2]
    project = inputs.get("project")
    if kind == "Account":
        email = f"{inputs['accountId']}@{project}.iam.gserviceaccount.com"
        name = f"projects/{project}/serviceAccounts/{email}"
        return {"id": name, "name": name, "email": email, "member": f"serviceAccount:{email}"}
    if kind == "WorkloadIdentityPool":
        name = f"projects/{NUMBER}/locations/global/workloadIdentityPools/{inputs['workloadIdentityPoolId']}"
        return {"id": name, "name": name}
    if kind == "WorkloadIdentityPoolProvider":
        pool = f"projects/{NUMBER}/locations/global/workloadIdentityPools/{inputs['workloadIdentityPoolId']}"
        name = f"{pool}/providers/{inputs['workloadIdentityPoolProviderId']}"
        return {"id": name, "name": name}
    if kind == "KeyRing":
        return {"id": f"projects/{project}/locations/{inputs['location']}/keyRings/{inputs['name']}"}
    if kind == "CryptoKey":
        return {"id": f"{inputs['keyRing']}/cryptoKeys/{inputs['name']}"}
    return {"id": str(inputs.get("name") or json.dumps(inputs, sort_keys=True))}


def _plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """Turn a message into JSON; numbers without a fraction into whole ones."""

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: whole(each) for key, each in value.items()}
        if isinstance(value, list):
            return [whole(each) for each in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    plain: dict[str, Any] = whole(json_format.MessageToDict(message))
    return plain


def _type_of(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


@contextmanager
def serving() -> Iterator[tuple[CheckedProvider, int]]:
    """Serve a provider on a free port of the loopback."""
    provider = CheckedProvider()
    server = grpc.server(ThreadPoolExecutor(8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield provider, port
    finally:
        server.stop(None).wait()
