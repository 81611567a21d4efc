"""The SDK of the pinned version is made faster, another one is left alone."""

from __future__ import annotations

import subprocess
import sys

from reconciler.sdk.speed import SDK_VERSION

_REPLACED = """
import sys
from reconciler.sdk import replacements, speed
names = [(module, name) for module, name, _ in replacements.replacements()]
before = [getattr(*each) for each in names]
done = speed.make_faster(sys.argv[1] if len(sys.argv) > 1 else None)
replaced = [getattr(*each) is not old for each, old in zip(names, before)]
assert len(set(replaced)) == 1, replaced
print(done, replaced[0])
"""

_WITHOUT_A_PRIVATE_NAME = """
import pulumi.output
del pulumi.output._OutputData
from reconciler.sdk.speed import make_faster
print(make_faster("3.999.0"))
"""

_URN = """
import asyncio
from pulumi.runtime import resource
from reconciler.sdk import replacements
parts = ("name", "a:b/c:D", "urn:pulumi:dev::project::pulumi:pulumi:Stack::project-dev")
makers = (resource.create_urn, replacements.create_known_urn)
async def urns(): return [await make(*parts).future() for make in makers]
first, second = asyncio.run(urns())
assert first == second, (first, second)
"""


def in_a_process(program: str, *arguments: str, **env: str) -> str:
    """Run a program in a process of its own, because it changes the SDK of its process."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_sdk_is_made_faster_when_it_is_the_installed_version():
    assert in_a_process(_REPLACED) == "True True", f"read the new SDK again, then change {SDK_VERSION} in sdk/speed.py"


def test_sdk_runs_as_it_is_when_its_version_is_another():
    assert in_a_process(_REPLACED, "3.999.0") == "False False"


def test_sdk_runs_as_it_is_when_another_version_lacks_a_private_name():
    assert in_a_process(_WITHOUT_A_PRIVATE_NAME) == "False"


def test_sdk_runs_as_it_is_when_a_variable_asks_for_it():
    assert in_a_process(_REPLACED, RECONCILER_SDK_AS_IS="1") == "False False"


def test_urn_made_in_one_step_is_that_of_the_sdk():
    assert in_a_process(_URN) == ""
