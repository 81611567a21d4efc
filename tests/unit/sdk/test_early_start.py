"""A preview starts the plugin process early, and asks for the preflight before the program makes the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi.resource
import pytest
from tests.unit.review.previews import unit
from tests.unit.review.quick_engine import Files, register

from reconciler.stack import program

_START = """
import sys
from pulumi.runtime import settings
from reconciler.sdk import speed
asked = []
class Invoke:
    def future(self, request): asked.append(request.tok)
class Monitor: Invoke = Invoke()
settings.configure(settings.Settings("project", "dev", monitor=Monitor(), dry_run=sys.argv[1] == "preview"))
speed.start_plugin_early()
print(*asked)
"""

_ORDER = """
import asyncio
import pulumi
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2
from reconciler.sdk.sent import wait_until_sent
from reconciler.sdk.speed import make_faster
make_faster()
sent = []
class Call:
    def add_done_callback(self, _): pass
class Register:
    def future(self, request):
        sent.append(request.name)
        return Call()
class Monitor: RegisterResource = Register()
class Stack:
    def __getattr__(self, _): return None
    urn = pulumi.Output.from_input("urn:pulumi:dev::project::pulumi:pulumi:Stack::project-dev")
class Empty(Resource, module="test", name="Empty"):
    def __init__(self, name): super().__init__(ResourceProvider(), name, {}, pulumi.ResourceOptions())
async def main():
    settings.configure(settings.Settings("project", "dev", monitor=Monitor(), dry_run=True))
    settings.set_root_resource(Stack())
    settings.SETTINGS.monitor_features = [resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS]
    first = Empty("first")
    print(sent)
    await wait_until_sent(first)
    print(sent)
asyncio.run(main())
"""


def in_a_process(program: str, *arguments: str, **env: str) -> str:
    """Run a program in a process of its own, because it changes the SDK of its process."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("command", "asked"), [("preview", "pulumi-python:dynamic:start"), ("up", "")])
def test_plugin_process_is_started_early_in_a_preview_alone(command: str, asked: str):
    assert in_a_process(_START, command) == asked


def test_plugin_process_is_not_started_early_when_the_sdk_runs_as_it_is():
    assert in_a_process(_START, "preview", RECONCILER_SDK_AS_IS="1") == ""


def test_resource_is_sent_to_the_engine_before_the_wait_for_it_ends():
    assert in_a_process(_ORDER).split("\n") == ["[]", "['first']"]


def test_program_waits_for_the_preflight_before_it_makes_any_other_resource(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made: list[str] = []
    waited: list[tuple[str, list[str]]] = []
    module: Any = pulumi.resource
    as_the_sdk = module.register_resource

    def noted(res: Any, *arguments: Any) -> None:
        made.append(type(res).__name__)
        as_the_sdk(res, *arguments)

    async def wait(resource: Any) -> None:
        waited.append((type(resource).__name__, [each for each in made if each != "Stack"]))

    monkeypatch.setattr(module, "register_resource", noted)
    monkeypatch.setattr(program, "wait_until_sent", wait)
    register(Files(tmp_path, {"shop": unit()}).load())
    assert waited == [("Preflight", ["Preflight"])]
    assert "Connection" in made
