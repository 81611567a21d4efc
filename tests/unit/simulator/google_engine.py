"""What the Pulumi engine does to a provider, call by call, and the admin side beside it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import httpx
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

DATASET = "gcp:bigquery/dataset:Dataset"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
FUNCTION_MEMBER = "gcp:cloudfunctions/functionIamMember:FunctionIamMember"
SERVICE_MEMBER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
GET_DATASET = "gcp:bigquery/getDataset:getDataset"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Properties = dict[str, Any]
Answer = TypeVar("Answer")


def struct(values: Properties) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(values)
    return message


def plain(message: struct_pb2.Struct) -> Properties:
    return json_format.MessageToDict(message)


def set_only(value: Any) -> Any:
    """A value of state without the empty texts and nulls that the plugin fills in."""
    if isinstance(value, dict):
        return {key: set_only(item) for key, item in value.items() if item not in (None, "")}
    return [set_only(item) for item in value] if isinstance(value, list) else value


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::project::{kind}::{name}"


@dataclass
class Engine:
    """One connection of an engine, configured as a provider of its own."""

    port: int
    admin_url: str

    def __post_init__(self) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[("grpc.use_local_subchannel_pool", 1)])
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self.http = httpx.Client(base_url=f"{self.admin_url}/gcp", timeout=10)
        self.configure(project="p", addPulumiAttributionLabel="false")

    def close(self) -> None:
        self.http.close()
        self.channel.close()

    def configure(self, **config: Any) -> pb.ConfigureResponse:
        answer: pb.ConfigureResponse = self.stub.Configure(pb.ConfigureRequest(args=struct(config)))
        return answer

    def check(self, kind: str, inputs: Properties) -> tuple[Properties, list[str]]:
        """The checked inputs, and what is wrong with them."""
        answer = self.stub.Check(pb.CheckRequest(urn=urn(kind, "it"), news=struct(inputs)))
        return plain(answer.inputs), [failure.reason for failure in answer.failures]

    def diff(
        self, kind: str, id_: str, olds: Properties, news: Properties, ignore: tuple[str, ...] = ()
    ) -> pb.DiffResponse:
        request = pb.DiffRequest(
            id=id_, urn=urn(kind, "it"), olds=struct(olds), news=struct(news), ignoreChanges=ignore
        )
        answer: pb.DiffResponse = self.stub.Diff(request)
        return answer

    def create(
        self, kind: str, inputs: Properties, *, preview: bool = False, name: str = "it"
    ) -> tuple[str, Properties]:
        request = pb.CreateRequest(urn=urn(kind, name), properties=struct(inputs), preview=preview)
        answer = self.stub.Create(request)
        return answer.id, plain(answer.properties)

    def read(
        self, kind: str, id_: str, state: Properties | None = None, inputs: Properties | None = None
    ) -> tuple[str, Properties, Properties]:
        """Id, outputs and inputs; as an import when there is no state."""
        request = pb.ReadRequest(
            id=id_, urn=urn(kind, "it"), properties=struct(state or {}), inputs=struct(inputs or {})
        )
        answer = self.stub.Read(request)
        return answer.id, plain(answer.properties), plain(answer.inputs)

    def update(
        self,
        kind: str,
        id_: str,
        olds: Properties,
        news: Properties,
        *,
        preview: bool = False,
        ignore: tuple[str, ...] = (),
    ) -> Properties:
        request = pb.UpdateRequest(
            id=id_, urn=urn(kind, "it"), olds=struct(olds), news=struct(news), preview=preview, ignoreChanges=ignore
        )
        return plain(self.stub.Update(request).properties)

    def delete(self, kind: str, id_: str, state: Properties) -> None:
        self.stub.Delete(pb.DeleteRequest(id=id_, urn=urn(kind, "it"), properties=struct(state)))

    @staticmethod
    def invoke_request(token: str, **args: Any) -> pb.InvokeRequest:
        return pb.InvokeRequest(tok=token, args=struct(args))

    def invoke(self, token: str, **args: Any) -> Properties:
        answer = self.stub.Invoke(self.invoke_request(token, **args))
        return plain(getattr(answer, "return"))

    @staticmethod
    def timed(call: Callable[[], Answer]) -> tuple[Answer, float]:
        """What a call answers, and the seconds it takes."""
        start = time.monotonic()
        return call(), time.monotonic() - start

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def wait_until_held(self, number: int) -> None:
        """Return when a call waits at the fault."""
        deadline = time.monotonic() + 10
        while not any(each["number"] == number and each["waiting"] for each in self.admin("GET", "/faults")):
            assert time.monotonic() < deadline, "nothing came to the fault"

    def dataset(self, name: str, project: str = "p") -> Any:
        """A dataset as it is in the store."""
        return self.admin("GET", f"/datasets/{project}/{name}")


@dataclass
class Rejection:
    """What a call was rejected with, once the block is left."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


@contextlib.contextmanager
def rejected() -> Iterator[Rejection]:
    """The block has to end in a rejection, which the name is bound to."""
    rejection = Rejection()
    try:
        yield rejection
    except grpc.RpcError as error:
        rejection.code, rejection.message = error.code(), error.details() or ""
    else:
        pytest.fail("the call was not rejected")
