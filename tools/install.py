"""Finds a good enough Pulumi engine, or installs one, and prints the directory to put on PATH.

Stdout has that line only; what is going on goes to stderr.

The ways, in this order:

1. `path`: a `pulumi` on PATH, new enough, with the programs it needs for Python beside it or on PATH.
2. What an earlier run put into the cache.
3. `release`: Pulumi's official release, verified against its published SHA-256.
4. `go`: a build of the same release from Go modules (`tools/pulumi-cli`, `tools/language-host`), 5 to 10 minutes.

Exit 0 with the directory; 1 with a reason, when no way is open; 130 when interrupted.

Environment variables:

- `RECONCILER_CACHE`: where the engine is kept; default `$XDG_CACHE_HOME/reconciler`, else `~/.cache/reconciler`.
- `RECONCILER_ENGINE_FROM`: `path`, `release` or `go`, to allow this one way only.
- `RECONCILER_ENGINE_RELEASES`, `RECONCILER_ENGINE_CHECKSUMS`: mirrors of https://get.pulumi.com/releases/sdk (tarballs)
  and https://github.com/pulumi/pulumi/releases/download (`v<version>/pulumi-<version>-checksums.txt`).
- `https_proxy`, `no_proxy` and Go's own variables mean what they always do.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from installer import found, gobuild, release
from installer.cache import Cache, cache_root
from installer.errors import EngineError, UnavailableError
from installer.platforms import Platform
from installer.progress import say
from installer.versions import CLI, MINIMUM, VERSION, Version

#: What RECONCILER_ENGINE_FROM can be, and what messages call it.
NAMES = {"path": "pulumi on PATH", "release": "official release", "go": "Go build"}


def engine() -> Path:
    """The directory of a usable engine, installed first where none is; EngineError says why there is none."""
    only = os.environ.get("RECONCILER_ENGINE_FROM") or None
    if only is not None and only not in NAMES:
        raise EngineError(f"RECONCILER_ENGINE_FROM is {only!r}; it can be {', '.join(NAMES)}.")
    machine = Platform.current()
    cache = Cache(cache_root(), machine)
    refused: dict[str, str] = {}
    if only in (None, "path"):
        if only is None and _is_first_on_path(cache.directory) and (ready := cache.lookup()):
            return ready
        try:
            return found.on_path()
        except UnavailableError as reason:
            refused["path"] = str(reason)
            if only == "path":
                _give_up(refused)
            if shutil.which(CLI):
                say(f"Not used: {reason}")
    return cache.get_or_fill(lambda directory: _fill(directory, machine, only, refused), only)


def _is_first_on_path(directory: Path) -> bool:
    first = shutil.which(CLI)
    return first is not None and Path(first).absolute().parent == directory


def _fill(directory: Path, machine: Platform, only: str | None, refused: dict[str, str]) -> str:
    """Install into an empty directory by the first way that is open, and try what came out. Answers the way."""
    ways: dict[str, Callable[[], None]] = {
        "release": lambda: release.install(directory, machine),
        "go": lambda: gobuild.install(directory),
    }
    for way, install in ways.items():
        if only not in (None, way):
            continue
        try:
            install()
            version = found.version_of(directory / CLI)
            if version != Version.parse(VERSION):
                raise UnavailableError(f"the pulumi that came is {version}, not {VERSION}")
        except UnavailableError as reason:
            refused[way] = str(reason)
            if way == "release" and only is None:
                say(f"No {NAMES[way]}: {reason}")
            for left in directory.iterdir():
                left.unlink()
        else:
            say(f"Pulumi {VERSION} is installed, by the {NAMES[way]}.")
            return way
    return _give_up(refused)


def _give_up(refused: dict[str, str]) -> NoReturn:
    lines = [f"  {NAMES[way]}: {reason}" for way, reason in refused.items()]
    raise EngineError(
        "there is no Pulumi engine on this machine, and none could be installed:\n"
        + "\n".join(lines)
        + "\nOne of these is enough; then run the same command again:\n"
        f"  - install Pulumi {MINIMUM} or newer and put it on PATH (https://www.pulumi.com/docs/install/)\n"
        "  - open the way to get.pulumi.com and github.com, or name mirrors in RECONCILER_ENGINE_RELEASES and\n"
        "    RECONCILER_ENGINE_CHECKSUMS\n"
        f"  - install Go {gobuild.needed_go()} or newer (https://go.dev/doc/install), with a way to a Go module proxy"
    )


def report(answer: Callable[[], object]) -> int:
    """Print an answer and give the exit code; where there is none, print the reason, never a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        print(answer())
    except (EngineError, OSError) as error:
        say(f"engine: {error}")
        return 1
    except KeyboardInterrupt:
        say("engine: interrupted; the same command goes on from where it was.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(report(engine))
