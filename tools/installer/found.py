"""The first source: a Pulumi on PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from installer.errors import UnavailableError
from installer.versions import CLI, COMPANIONS, MINIMUM, Version, good_enough

VERSION_SECONDS = 30


def on_path() -> Path:
    """Return the directory of `pulumi` on PATH.

    Raises `UnavailableError` if it is missing, too old or incomplete.
    """
    first = shutil.which(CLI)
    if first is None:
        raise UnavailableError("no pulumi there")
    program = Path(first).absolute()
    version = version_of(program)
    if not good_enough(version):
        raise UnavailableError(f"{program} is {version}; {MINIMUM} or newer of the same major version is needed")
    missing = [name for name in COMPANIONS if not _is_reachable(name, program)]
    if missing:
        raise UnavailableError(f"{program} is {version}, but {', '.join(missing)} is neither beside it nor on PATH")
    return program.parent


def version_of(program: Path) -> Version:
    """Return the version of a CLI. Raises `UnavailableError` if it prints none."""
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        answer = subprocess.run(
            [program, "version"],
            env=quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{program} does not run: {error}") from error
    version = Version.parse(answer.stdout) if answer.returncode == 0 else None
    if version is None:
        output = (answer.stderr or answer.stdout).strip().splitlines()
        raise UnavailableError(f"{program} does not print its version: {output[-1] if output else 'no output'}")
    return version


def _is_reachable(name: str, program: Path) -> bool:
    # The engine looks beside the target of a link.
    beside = (program.parent / name, program.resolve().parent / name)
    return any(os.access(path, os.X_OK) and path.is_file() for path in beside) or shutil.which(name) is not None
