"""Make Pulumi's SDK faster for each resource, without a change to what it asks of the engine.

The SDK spends more time on a resource of ours than the resource does. What costs most is replaced, for the version of
the SDK that `sdk_replacements` was read against, and for no other: with another version the SDK runs as it is, only
slower (decision 45).
"""

from __future__ import annotations

import importlib.metadata
import os

#: The version whose functions are replaced.
SDK_VERSION = "3.272.0"

#: If it is set, the SDK runs as it is.
AS_IS_VARIABLE = "RECONCILER_SDK_AS_IS"


def make_faster(version: str | None = None) -> bool:
    """Replace what is slow in the SDK. Return whether it was done.

    Args:
        version: The version of the SDK; the installed one if None.
    """
    if (version or importlib.metadata.version("pulumi")) != SDK_VERSION or os.environ.get(AS_IS_VARIABLE):
        return False
    from reconciler.stack.sdk_replacements import replacements  # noqa: PLC0415 (another version lacks its names)

    for module, name, replacement in replacements():
        setattr(module, name, replacement)
    return True
