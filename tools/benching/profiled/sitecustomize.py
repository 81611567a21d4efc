"""Profile the program and the plugin process of a run: Python imports this module when it starts.

`BENCH_PROFILE` is the beginning of the files' names. A plugin is killed in the end, so it writes now and then.
"""

import atexit
import contextlib
import cProfile
import os
import sys
import threading
import time
from typing import Any

_arguments = " ".join(sys.orig_argv)
_to = os.environ.get("BENCH_PROFILE")


def _profile_program() -> None:
    profile = cProfile.Profile()
    atexit.register(lambda: profile.dump_stats(f"{_to}.program"))
    profile.enable()


def _profile_plugin() -> None:
    from concurrent.futures import thread  # noqa: PLC0415 (only a plugin needs it)

    items: Any = thread._WorkItem
    run, own, written = items.run, threading.local(), [time.monotonic()]

    def profiled(item: Any) -> None:
        # A profile for each thread: one that two threads share is broken.
        profile = own.__dict__.setdefault("profile", cProfile.Profile())
        profile.enable()
        try:
            run(item)
        finally:
            profile.disable()
        if time.monotonic() - written[0] > 1:
            written[0] = time.monotonic()
            with contextlib.suppress(Exception):  # else the thread ends, and its calls are never answered
                profile.dump_stats(f"{_to}.plugin.{threading.get_ident()}")

    items.run = profiled


if _to and "pulumi-language-python-exec" in _arguments:
    _profile_program()
elif _to and "pulumi.dynamic" in _arguments:
    _profile_plugin()
