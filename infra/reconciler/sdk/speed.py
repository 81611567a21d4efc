"""Make Pulumi's SDK faster for each resource, without a change to what it asks of the engine.

The SDK spends more time on a resource of ours than the resource does. What costs most is replaced, for the version of
the SDK that the replacements were read against, and for no other: with another version the SDK runs as it is, only
slower (decisions 45 and 46).
"""

from __future__ import annotations

import gc
import importlib.metadata
import os
import sys
from types import TracebackType

#: The version whose functions are replaced.
SDK_VERSION = "3.272.0"

#: How many calls the plugin process answers at once: as many operations as the engine has under way after `make env`.
CALLS_AT_ONCE = 16

#: If it is set, the SDK runs as it is.
AS_IS_VARIABLE = "RECONCILER_SDK_AS_IS"


def make_faster(version: str | None = None) -> bool:
    """Replace what is slow in the program's process. Return whether it was done.

    Args:
        version: The version of the SDK; the installed one if None.
    """
    if not _is_known(version):
        return False
    from reconciler.sdk.replacements import replacements  # noqa: PLC0415 (another version lacks its names)

    for module, name, replacement in replacements():
        setattr(module, name, replacement)
    return True


def start_plugin_early() -> None:
    """Let the engine start the plugin process while this process imports, in a preview.

    There is no answer to wait for: the plugin process knows no such function. An update registers something first.
    """
    if not _is_known(None):
        return
    from pulumi.runtime import settings  # noqa: PLC0415 (not needed in the plugin process)
    from pulumi.runtime.proto import resource_pb2  # noqa: PLC0415

    invoke = getattr(getattr(settings.get_monitor(), "Invoke", None), "future", None)
    if invoke is not None and settings.is_dry_run():
        _asked.append(invoke(resource_pb2.ResourceInvokeRequest(tok=_NO_FUNCTION)))


#: A function that the plugin process does not have.
_NO_FUNCTION = "pulumi-python:dynamic:start"

#: Calls end if nothing refers to them.
_asked: list[object] = []


def hide_interrupts(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an exception that ends the program, unless it is an interrupt.

    The engine interrupts the program when it rejects a resource. The SDK as it is never ends then, since it waits for
    its threads, and is killed.
    """
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def collect_less_garbage() -> None:
    """Let Python look for garbage less often in this process, and never among what it has imported.

    Nearly all that a run makes stays until its end. Looking through it again and again took 14 % of the program's time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def make_plugin_faster(plugin: object, version: str | None = None) -> bool:
    """Replace what is slow in the process of the dynamic providers. Return whether it was done.

    Args:
        plugin: That process's main module.
        version: The version of the SDK; the installed one if None.
    """
    if not hasattr(plugin, "DynamicResourceProviderServicer") or not _is_known(version):
        return False
    from reconciler.sdk import plugin as faster  # noqa: PLC0415 (another version lacks its names)

    faster.replace_methods(plugin)
    faster.answer_more_at_once(CALLS_AT_ONCE)
    return True


def _is_known(version: str | None) -> bool:
    return not os.environ.get(AS_IS_VARIABLE) and (version or importlib.metadata.version("pulumi")) == SDK_VERSION
