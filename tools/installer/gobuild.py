"""The third source: a build of the same release from Go modules.

There are two Go modules, because the language host left Pulumi's SDK module after v3.68.0 and their requirements
conflict. Both have a committed `go.sum`, which `-mod=readonly` enforces.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from installer.errors import UnavailableError
from installer.progress import Progress
from installer.versions import VERSION, Version

TOOLS = Path(__file__).resolve().parent.parent
SDK = "github.com/pulumi/pulumi/sdk/v3"

#: As in Pulumi's releases: the tags leave out cgo and a tracer.
FLAGS = ("-mod=readonly", "-trimpath", "-tags=osusergo,grpcnotrace")


@dataclass(frozen=True)
class Build:
    """A program, the Go module here that requires it, and its linker flags."""

    program: str
    module: str
    package: str
    ldflags: str = "-s -w"

    @property
    def flags(self) -> tuple[str, ...]:
        """The build flags.

        Listing packages needs the same, because Go reports all packages as stale otherwise.
        """
        return (*FLAGS, f"-ldflags={self.ldflags}")


BUILDS = (
    Build("pulumi-language-python", "language-host", f"{SDK}/python/cmd/pulumi-language-python"),
    Build(
        "pulumi",
        "pulumi-cli",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        f"-s -w -X {SDK}/go/common/version.Version=v{VERSION}",
    ),
)

#: In the SDK's module, at the CLI's version.
SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")


def install(directory: Path) -> None:
    """Build the programs into a directory. Raises `UnavailableError` if Go is missing, too old, or fails.

    After a kill, the next run continues from Go's caches.
    """
    _require_go()
    with Progress(f"Building Pulumi {VERSION} with Go", "(5 to 10 minutes on 2 cores, once)") as progress:
        sdk = _sdk_directory()
        for build in BUILDS:
            stale = _stale_packages(build, progress)
            _build(build, directory / build.program, stale, progress)
        for script in SCRIPTS:
            target = directory / Path(script).name
            shutil.copyfile(sdk / script, target)
            target.chmod(0o755)


def needed_go() -> Version:
    """Return the Go version that `tools/pulumi-cli/go.mod` requires."""
    line = re.search(r"^go (\S+)$", (TOOLS / "pulumi-cli" / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    version = Version.parse(line.group(1)) if line else None
    if version is None:
        raise UnavailableError("tools/pulumi-cli/go.mod has no Go version")
    return version


def _require_go() -> None:
    if shutil.which("go") is None:
        raise UnavailableError(f"Go is not installed; {needed_go()} or newer is needed")
    # In the module's directory, so that Go downloads the required toolchain (GOTOOLCHAIN) now.
    found = _go("pulumi-cli", "env", "GOVERSION").strip()
    version = Version.parse(found)
    if version is None or version < needed_go():
        raise UnavailableError(f"Go is too old: {found}, {needed_go()} or newer is needed")


def _sdk_directory() -> Path:
    """Return the directory of Pulumi's SDK module, which has the two scripts."""
    return Path(json.loads(_go("pulumi-cli", "mod", "download", "-json", SDK))["Dir"])


def _stale_packages(build: Build, progress: Progress) -> frozenset[str]:
    """Return the packages that the build must compile. Downloads the modules that it needs."""
    fetched = 0

    def note(line: str) -> bool:
        nonlocal fetched
        if not line.startswith("go: downloading "):
            return False
        fetched += 1
        progress.update(f"{fetched} modules downloaded")
        return True

    form = "{{if .Stale}}{{.ImportPath}}{{end}}"
    return frozenset(_go(build.module, "list", *build.flags, "-deps", "-f", form, build.package, watch=note).split())


def _build(build: Build, target: Path, stale: frozenset[str], progress: Progress) -> None:
    remaining = set(stale)

    def note(line: str) -> bool:
        if line not in stale:
            return False
        remaining.discard(line)
        compiled = len(stale) - len(remaining)
        progress.update(f"{build.program}, " + (f"{compiled} of {len(stale)} packages" if remaining else "linking"))
        return True

    _go(build.module, "build", "-v", *build.flags, "-o", str(target), build.package, watch=note)


def _no_news(_: str) -> bool:
    return False


def _go(module: str, *arguments: str, watch: Callable[[str], bool] = _no_news) -> str:
    """Run Go in a module and return its stdout.

    `watch` gets each line of stderr and returns whether it is progress. If Go fails, the other lines are the reason in
    the `UnavailableError`.
    """
    # Workspaces, settings for cross-compilation and a missing C compiler must not change the result.
    surroundings = {key: value for key, value in os.environ.items() if key not in ("GOOS", "GOARCH")}
    surroundings |= {"GOWORK": "off", "GO111MODULE": "on", "CGO_ENABLED": "0"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stdout:
        try:
            process = subprocess.Popen(
                ["go", *arguments],  # noqa: S607 - the user's Go is the one on PATH
                cwd=TOOLS / module,
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise UnavailableError(f"go does not run: {error}") from error
        complaints = _watch(process, watch)
        if process.returncode != 0:
            reason = "; ".join(complaints) or f"exit code {process.returncode} without a message"
            raise UnavailableError(f"`go {arguments[0]}` failed in {TOOLS / module}: {reason}")
        stdout.seek(0)
        return stdout.read()


def _watch(process: subprocess.Popen[str], watch: Callable[[str], bool]) -> deque[str]:
    """Read stderr to its end, and return the last lines without progress. An interrupt ends Go too."""
    complaints: deque[str] = deque(maxlen=5)
    try:
        for line in process.stderr or ():
            text = line.strip()
            if text and not watch(text):
                complaints.append(text)
        process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        if process.stderr:
            process.stderr.close()
    return complaints
