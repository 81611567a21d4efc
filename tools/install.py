"""Find a Pulumi engine, or install one, and print its directory for PATH.

Stdout has that line only; progress is on stderr.

The sources, in this order:

1. `path`: a recent `pulumi` on PATH, with its programs for Python beside it or on PATH.
2. The cache of an earlier run.
3. `release`: Pulumi's official release, verified against its published SHA-256.
4. `go`: a build of the same release from Go modules (`tools/pulumi-cli`, `tools/language-host`), 5 to 10 minutes.

Exit 0 with the directory; 1 with the reasons if no source works; 130 if interrupted.

Environment variables:

- `RECONCILER_CACHE`: the directory of the engine; default `$XDG_CACHE_HOME/reconciler`, else `~/.cache/reconciler`.
- `RECONCILER_ENGINE_FROM`: `path`, `release` or `go`, to use this source only.
- `RECONCILER_ENGINE_RELEASES`, `RECONCILER_ENGINE_CHECKSUMS`: mirrors of https://get.pulumi.com/releases/sdk (tarballs)
  and https://github.com/pulumi/pulumi/releases/download (`v<version>/pulumi-<version>-checksums.txt`).
- `https_proxy`, `no_proxy` and Go's own variables have their usual meaning.
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

#: The values of RECONCILER_ENGINE_FROM, with their names in messages.
NAMES = {"path": "pulumi on PATH", "release": "official release", "go": "Go build"}


def engine() -> Path:
    """Return the directory of an engine, after installing one if necessary.

    Raises EngineError with the reasons.
    """
    only = os.environ.get("RECONCILER_ENGINE_FROM") or None
    if only is not None and only not in NAMES:
        raise EngineError(f"RECONCILER_ENGINE_FROM is {only!r}; it can be {', '.join(NAMES)}.")
    machine = Platform.current()
    cache = Cache(cache_root(), machine)
    unavailable: dict[str, str] = {}
    if only in (None, "path"):
        if only is None and _is_first_on_path(cache.directory) and (ready := cache.lookup()):
            return ready
        try:
            return found.on_path()
        except UnavailableError as reason:
            unavailable["path"] = str(reason)
            if only == "path":
                _give_up(unavailable)
            if shutil.which(CLI):
                say(f"Not used: {reason}")
    return cache.get_or_fill(lambda directory: _fill(directory, machine, only, unavailable), only)


def _is_first_on_path(directory: Path) -> bool:
    first = shutil.which(CLI)
    return first is not None and Path(first).absolute().parent == directory


def _fill(directory: Path, machine: Platform, only: str | None, unavailable: dict[str, str]) -> str:
    """Install into an empty directory from the first source that works, and check the result.

    Returns the source.
    """
    ways: dict[str, Callable[[], None]] = {
        "release": lambda: release.install(directory, machine),
        "go": lambda: gobuild.install(directory),
    }
    for source, install in ways.items():
        if only not in (None, source):
            continue
        try:
            install()
            version = found.version_of(directory / CLI)
            if version != Version.parse(VERSION):
                raise UnavailableError(f"the installed pulumi is {version}, not {VERSION}")
        except UnavailableError as reason:
            unavailable[source] = str(reason)
            if source == "release" and only is None:
                say(f"No {NAMES[source]}: {reason}")
            for left in directory.iterdir():
                left.unlink()
        else:
            say(f"Pulumi {VERSION} is installed from the {NAMES[source]}.")
            return source
    return _give_up(unavailable)


def _give_up(unavailable: dict[str, str]) -> NoReturn:
    lines = [f"  {NAMES[source]}: {reason}" for source, reason in unavailable.items()]
    raise EngineError(
        "this machine has no Pulumi engine, and none could be installed:\n"
        + "\n".join(lines)
        + "\nOne of these is enough; then run the same command again:\n"
        f"  - install Pulumi {MINIMUM} or newer and put it on PATH (https://www.pulumi.com/docs/install/)\n"
        "  - allow connections to get.pulumi.com and github.com, or set mirrors in RECONCILER_ENGINE_RELEASES and\n"
        "    RECONCILER_ENGINE_CHECKSUMS\n"
        f"  - install Go {gobuild.needed_go()} or newer (https://go.dev/doc/install), with access to a Go module proxy"
    )


def report(answer: Callable[[], object]) -> int:
    """Print the result and return the exit code. An error is one message without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        print(answer())
    except (EngineError, OSError) as error:
        say(f"engine: {error}")
        return 1
    except KeyboardInterrupt:
        say("engine: interrupted. Run the same command to continue.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(report(engine))
