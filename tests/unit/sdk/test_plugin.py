"""What the plugin process reads in one pass is what the SDK reads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.dynamic import CheckResult, ReadResult, ResourceProvider
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2 as proto

from reconciler.sdk import plugin, replacements

keys = st.text(max_size=5)
numbers = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False)
scalars = keys | st.booleans() | numbers | st.just(rpc.UNKNOWN)
values = st.recursive(scalars, lambda each: st.lists(each, max_size=3) | st.dictionaries(keys, each, max_size=3))
trees = st.dictionaries(keys, values, max_size=5)


def struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    """Properties as the SDK sends them."""
    return asyncio.run(rpc.serialize_properties(properties, {}))


def known(value: Any) -> Any:
    """A tree with a text in place of what is unknown, for comparisons."""
    if isinstance(value, dict):
        return {key: known(each) for key, each in value.items()}
    return [known(each) for each in value] if isinstance(value, list) else "?" if isinstance(value, Unknown) else value


class Provider(ResourceProvider):
    """Answers with the inputs that it is sent, and one more if it is to."""

    def __init__(self, **more: Any) -> None:
        self._more = more

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult({**news, **self._more}, [])

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, {**props, **self._more})


def providers(provider: ResourceProvider) -> Any:
    """The providers of a process, which know one."""
    return SimpleNamespace(of=lambda *_: provider)


@given(trees, st.booleans())
def test_plugin_reads_a_struct_as_the_sdk_does(properties, unknowns):
    sent = struct(properties)
    assert known(plugin.read(sent, unknowns=unknowns)) == known(rpc.deserialize_properties(sent, unknowns))


@given(trees)
def test_program_writes_plain_values_as_the_sdk_does(properties):
    written = struct_pb2.Struct(fields={name: replacements._plain(each) for name, each in properties.items()})
    assert written == struct(properties)


@pytest.mark.parametrize("signature", ["1b47061264138c4ac30d75fd1eb44270", "5cf8f73096256a8f31e491e813e4eb8e"])
def test_plugin_leaves_secrets_and_references_to_the_sdk(signature):
    sent = struct({"a": [{rpc._special_sig_key: signature, "value": "x"}]})
    with pytest.raises(plugin.NotPlain):
        plugin.read(sent)


@pytest.mark.parametrize("more", [{}, {"b": [2]}])
def test_plugin_answers_with_the_inputs_and_state_of_the_provider(more):
    sent = struct({"a": {"b": 1}, "__provider": "p"})
    expected = struct({"a": {"b": 1}, **more, "__provider": "p"})
    provider = providers(Provider(**more))

    assert plugin._check(provider, proto.CheckRequest(news=sent)).inputs == expected
    assert plugin._read(provider, proto.ReadRequest(id="i", properties=sent)).properties == expected


def test_server_answers_six_calls_at_once_after_a_call_that_asks_for_it():
    together = threading.Barrier(6)
    with ThreadPoolExecutor(4) as server:
        server.submit(plugin.answer_more_at_once, 6).result()
        for each in [server.submit(together.wait, timeout=30) for _ in range(6)]:
            each.result()


def test_thread_outside_a_server_raises_nothing():
    plugin.answer_more_at_once(6)
    thread = threading.Thread(target=plugin.answer_more_at_once, args=(6,))
    thread.start()
    thread.join()
