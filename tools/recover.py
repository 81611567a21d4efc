"""Makes a stack usable again after a run was killed: `make recover STACK=dev`, in the repository's root.

A killed `pulumi up` leaves a lock, creates marked as pending, and the process of the dynamic provider, which goes on
with the calls it was in and then stays for good; and, in a file backend, perhaps half a file beside the state. This
script says whose lock it is, lets that process end, removes that file, releases the lock (`pulumi cancel`) and reads
the stack's real state back (`pulumi refresh --clear-pending-creates`).

It needs what `pulumi refresh` needs: the backend, the passphrase and the providers' credentials in the environment.
Exit 0 when the stack is usable; 1 when a run may still be going (`--force` overrules); 2 for wrong usage; 3 when
Pulumi failed.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import yaml

#: How long the calls that a provider process is in may take. A setup test of Fivetran's is the slowest.
LAST_CALLS_SECONDS = 120
POLL_SECONDS = 0.2


class RecoverError(Exception):
    """Why the stack was not recovered; `code` is the exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Lock:
    """What Pulumi's file backend writes into a lock file: the CLI process that holds the stack."""

    file: Path
    pid: int
    username: str
    hostname: str
    timestamp: datetime

    @classmethod
    def read(cls, file: Path) -> Lock | None:
        """Read a lock file; None when it is gone."""
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
            since = datetime.fromisoformat(held["timestamp"])
            return cls(file, int(held["pid"]), held["username"], held["hostname"], since)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise RecoverError(3, f"{file} is no lock file of Pulumi's: {error!r}. Remove it by hand.") from error

    def why_held(self) -> str | None:
        """Why the run that took this lock may still be going; None when it has certainly ended."""
        if self.hostname != socket.gethostname():
            return f"it was taken on another machine ({self.hostname}), where this one cannot look"
        try:
            process = psutil.Process(self.pid)
            # A process that began after the lock was taken only has the same number.
            reused = process.create_time() > self.timestamp.timestamp() + 1
        except psutil.NoSuchProcess:
            return None
        return None if reused or has_ended(process) else f"process {self.pid} is alive"

    def __str__(self) -> str:
        since = f"{self.timestamp.astimezone():%Y-%m-%d %H:%M:%S}"
        return f"{self.username}@{self.hostname}, process {self.pid}, since {since}"


@dataclass(frozen=True)
class Project:
    """The Pulumi project of the current directory, found as Pulumi finds it."""

    name: str
    directory: Path

    @classmethod
    def here(cls) -> Project:
        """The nearest `Pulumi.yaml`, here or above."""
        for directory in (Path.cwd(), *Path.cwd().parents):
            file = directory / "Pulumi.yaml"
            if file.is_file():
                return cls(str(yaml.safe_load(file.read_text(encoding="utf-8"))["name"]), directory)
        raise RecoverError(2, "no Pulumi.yaml here or above: run this in the repository.")


def recover(stack: str, force: bool) -> None:
    """Release the stack's lock and tidy its state; `RecoverError` when that must not or cannot be done."""
    project = Project.here()
    backend = str(json.loads(pulumi("whoami", "--json", "--non-interactive", capture=True))["url"])
    if backend.startswith("file://"):
        held = list(locks(backend, project, stack))
        for lock in held:
            say(f"{stack} is locked by {lock}.")
            reason = lock.why_held()
            if reason and not force:
                raise RecoverError(
                    1,
                    f"nothing was changed: {reason}.\n"
                    f"When you are sure that this run is over: make recover STACK={stack} FORCE=1",
                )
    else:
        held = None
        say(f"Whose lock it is cannot be seen in {backend}; make sure that no other run is going.")
    end_orphans(project, force)
    if backend.startswith("file://"):
        mend(backend, project, stack)
    if held is None or held:
        pulumi("cancel", "--yes", "--non-interactive", "--stack", stack)
    else:
        say(f"{stack} is not locked.")
    say(f"Reading what {stack} really has (pulumi refresh)")
    quiet = ("--yes", "--non-interactive", "--skip-preview", "--suppress-outputs")
    pulumi("refresh", *quiet, "--clear-pending-creates", "--stack", stack)
    say(f"{stack} is usable again. Next: pulumi preview --stack {stack}, then pulumi up --refresh --stack {stack}")


def locks(backend: str, project: Project, stack: str) -> Iterator[Lock]:
    """The locks of one stack in a file backend: `.pulumi/locks/organization/<project>/<stack>/<id>.json`."""
    root, name = folder(backend) / "locks", short(stack)
    # Backends from before Pulumi knew projects keep `locks/<stack>/`.
    for directory in (root / "organization" / project.name / name, root / name):
        for file in sorted(directory.glob("*.json")):
            if lock := Lock.read(file):
                yield lock


def mend(backend: str, project: Project, stack: str) -> None:
    """Remove attributes of the state in a file backend that a kill has cut short; Pulumi could not read the state.

    They are written in place and before the state itself, which is then as it was. Nothing needs them.
    """
    root = folder(backend) / "stacks"
    for directory in (root / project.name, root):
        for file in directory.glob(f"{glob.escape(short(stack))}.json*.attrs"):
            try:
                json.loads(file.read_text(encoding="utf-8"))
            except ValueError:
                say(f"{file.name} was cut short; it is removed.")
                file.unlink()


def folder(backend: str) -> Path:
    """Where a file backend keeps its things."""
    parts = urlsplit(backend)
    return Path(f"{parts.netloc}{parts.path}").expanduser() / ".pulumi"


def short(stack: str) -> str:
    """A stack's name without the organisation and the project before it."""
    return stack.rsplit("/", maxsplit=1)[-1]


def end_orphans(project: Project, force: bool) -> None:
    """Let the provider processes of killed runs of this project finish their calls and end.

    Interrupted, such a process takes no new call and ends after the ones it is in; left alone, it stays for good.
    """
    left = list(orphans(project))
    if not left:
        return
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM if force else signal.SIGINT)
    numbers = ", ".join(str(process.pid) for process in left)
    say(f"A killed run left its provider process ({numbers}); waiting for the calls it is in")
    deadline = time.monotonic() + LAST_CALLS_SECONDS
    while not all(has_ended(process) for process in left):
        if time.monotonic() > deadline:
            raise RecoverError(1, f"process {numbers} is still at work. Run this again, or with FORCE=1 to end it.")
        time.sleep(POLL_SECONDS)


def has_ended(process: psutil.Process) -> bool:
    """Whether a process is over, even if nobody has asked for its exit code yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def orphans(project: Project) -> Iterator[psutil.Process]:
    """Processes of Pulumi's dynamic provider that serve this project and this backend, and whose engine is gone."""
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if "pulumi.dynamic" not in command or not Path(process.cwd()).is_relative_to(project.directory.resolve()):
                continue
            surroundings = process.environ()
        except psutil.Error:
            continue
        same_project = surroundings.get("PULUMI_PROJECT", project.name) == project.name
        same_backend = surroundings.get("PULUMI_BACKEND_URL") == os.environ.get("PULUMI_BACKEND_URL")
        if same_project and same_backend and not listens(command[-1]):
            yield process


def listens(address: str) -> bool:
    """Whether anything accepts connections at `host:port`, as the engine does for as long as its run goes on."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True


def pulumi(*arguments: str, capture: bool = False) -> str:
    """Run the CLI, its output shown unless captured; `RecoverError` when it fails."""
    try:
        done = subprocess.run(
            ["pulumi", *arguments],  # noqa: S607 - the one that `make env` puts on PATH
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise RecoverError(2, 'no pulumi on PATH: eval "$(make -s env)" first.') from None
    if done.returncode != 0:
        raise RecoverError(3, f"`pulumi {arguments[0]}` failed; what it said is above.")
    return done.stdout or ""


def say(text: str) -> None:
    """Write one line at once, in order with what Pulumi writes."""
    print(text, flush=True)


def main() -> int:
    """Read the arguments, recover, and answer the exit code."""
    parser = argparse.ArgumentParser(
        usage="make recover STACK=dev [FORCE=1]", description="Make a stack usable again after a killed run."
    )
    parser.add_argument("stack", metavar="STACK", help="for example dev")
    parser.add_argument("--force", action="store_true", help="release the lock even when its run may still be going")
    arguments = parser.parse_args()
    try:
        recover(arguments.stack, arguments.force)
    except RecoverError as error:
        print(f"recover: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
