"""Make a stack usable again after a run was killed.

`make recover STACK=dev`, in the repository's root.

A killed `pulumi up` leaves a lock, creates marked as pending, and the process of the dynamic provider, which finishes
the calls it was in and then stays; and, in a file backend, perhaps half a file beside the state. This script finds out
whether the run that took the lock has ended, waits for that process, removes that file, releases the lock, and reads
the stack's real state back (`pulumi refresh --clear-pending-creates`).

It needs what `pulumi refresh` needs: the backend, the passphrase and the providers' credentials in the environment;
and GITHUB_TOKEN, to ask whether the job of GitHub Actions that took the lock has ended. Such a job calls
`make record-run STACK=dev` before it runs `pulumi up`.

Exit 0 when the stack is usable; 1 when a run may still be going (`--force` overrules what is unknown); 2 for wrong
usage; 3 when Pulumi, Google or the backend failed; 130 or 143 when a signal ended it. Run it again after any of them.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from reconciler.cli.run_program import Interrupted, raise_on_sigterm, run_to_end
from reconciler.google.storage import Changed, StateBucket
from reconciler.model.errors import ReconcilerError, printable
from stack_locks import (
    FileBackend,
    Lock,
    NotALock,
    Owner,
    RunRecord,
    find_owner,
    has_ended,
    open_backend,
    read_locks,
    read_record,
    record_name,
    short,
)

#: How long the calls that a provider process is in may take. A setup test of Fivetran's is the slowest.
LAST_CALLS_SECONDS = 120
POLL_SECONDS = 0.2

#: How long a command of Pulumi's that reads one thing may take. By itself it waits for a bucket that never answers.
READ_SECONDS = 120.0

#: The name of a stack, which may have its organisation and its project before it.
_STACK = re.compile(r"(?:[A-Za-z0-9][\w.-]*/){0,2}[A-Za-z0-9_][\w.-]*", re.ASCII)


class RecoverError(Exception):
    """Why the stack was not recovered; `code` is the exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Project:
    """The Pulumi project of the current directory, found as Pulumi finds it."""

    name: str
    directory: Path

    @classmethod
    def here(cls) -> Project:
        """Return the project of the nearest `Pulumi.yaml`, here or above."""
        for directory in (Path.cwd(), *Path.cwd().parents):
            file = directory / "Pulumi.yaml"
            if file.is_file():
                return cls(_project_name(file), directory)
        raise RecoverError(2, "no Pulumi.yaml here or above.\n    Run this in the repository.")


def _project_name(file: Path) -> str:
    """Return the `name` in a `Pulumi.yaml`."""
    try:
        name = yaml.safe_load(file.read_text(encoding="utf-8"))["name"]
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        name = None
    if not isinstance(name, str):
        raise RecoverError(2, f"{file} is not a Pulumi project with a name.\n    Restore it.")
    return name


def recover(stack: str, *, force: bool, if_locked: bool) -> None:
    """Release the stack's locks and tidy its state; `RecoverError` when that must not or cannot be done."""
    project = Project.here()
    url = backend_url()
    backend = open_backend(url)
    locked = release(backend, project, stack, force) if backend else cancel(url, stack, force)
    if not locked:
        say(f"{stack} is not locked.")
        if if_locked:
            return
    say(f"Reading what {stack} really has (pulumi refresh)")
    quiet = ("--yes", "--non-interactive", "--skip-preview", "--suppress-outputs")
    pulumi("refresh", *quiet, "--clear-pending-creates", "--stack", stack)
    say(f"{stack} is usable again. Next: pulumi preview --stack {stack}, then pulumi up --refresh --stack {stack}")


def release(backend: FileBackend | StateBucket, project: Project, stack: str, force: bool) -> bool:
    """Release the locks whose runs have ended, and tidy up after those; return whether there was one."""
    record = read_record(backend, project.name, stack)
    locks = list(read_locks(backend, project.name, stack))
    for lock in locks:
        say(f"{stack} is locked by {lock}.")
        owner = find_owner(lock, record, in_folder=isinstance(backend, FileBackend), note=say)
        if owner.state != "ended":
            require_permission(stack, lock, owner, force)
        else:
            say(f"Its run is over: {owner.text}.")
    end_orphans(project, force)
    if isinstance(backend, FileBackend):
        mend(backend, project, stack)
    for lock in locks:
        name = printable(lock.stored.name)
        try:
            is_deleted = backend.delete(lock.stored)
        except Changed:
            step = f"Wait for that run to end. Then run this again: make recover STACK={stack}"
            raise RecoverError(1, f"another run locked {stack} just now: {name} has changed.\n    {step}") from None
        say(f"Released the lock {name}." if is_deleted else f"The lock {name} is gone: another process released it.")
    return bool(locks)


def require_permission(stack: str, lock: Lock, owner: Owner, force: bool) -> None:
    """Raise unless a lock may be released whose run is live or unknown."""
    if owner.state == "live" and owner.record is not None:
        steps = "Wait for it to end, or cancel it there. Then run this again."
        raise RecoverError(1, f"nothing was changed: {owner.text}.\n    {steps}")
    if force:
        say(f"The lock is released by force, although {owner.text}.")
        return
    if owner.state == "live":
        raise RecoverError(
            1, f"nothing was changed: {owner.text}.\n    Wait for it to end, or end it. Then run this again."
        )
    whose = f"Find out whether process {lock.pid} of {lock.user} still runs."
    raise RecoverError(
        1,
        f"nothing was changed: {owner.text}.\n"
        f"    {whose} When you are sure that it has ended: make recover STACK={stack} FORCE=1",
    )


def cancel(url: str, stack: str, force: bool) -> bool:
    """Cancel the update of a backend whose locks cannot be read; return whether there may have been one."""
    found = [each for each in pulumi_json("stack", "ls") if short(str(each["name"])) == short(stack)]
    if any(each.get("updateInProgress") is False for each in found):
        return False
    page = next((f" See who runs it: {each['url']}" for each in found if each.get("url")), "")
    if not force:
        raise RecoverError(
            1,
            f"nothing was changed: whether the run that locked {stack} has ended cannot be seen in {url}.{page}\n"
            f"    When you are sure that it has ended: make recover STACK={stack} FORCE=1, which runs `pulumi cancel`. "
            "A cancelled run that is still alive finishes the calls it is in, and cannot record what they did.",
        )
    pulumi("cancel", "--yes", "--non-interactive", "--stack", stack)
    return True


def record_run(stack: str) -> None:
    """Record beside the stack's locks which job of GitHub Actions is about to lock it."""
    project = Project.here()
    record = RunRecord.of_this_job()
    if record is None:
        raise RecoverError(
            2,
            "GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT or RUNNER_NAME is not set.\n"
            "    Call this in a job of GitHub Actions only.",
        )
    url = backend_url()
    backend = open_backend(url)
    if backend is None:
        say(f"{url} keeps no records of runs: nothing was recorded.")
        return
    # The record of the run that left the lock is needed to release it.
    if any(True for _ in read_locks(backend, project.name, stack)):
        raise RecoverError(1, f"{stack} is locked.\n    Run this first: make recover STACK={stack}")
    backend.write(record_name(project.name, stack), record.as_json())
    say(f"Recorded {record} for {stack}.")


def backend_url() -> str:
    """Return the address of the backend that Pulumi uses here."""
    return str(pulumi_json("whoami")["url"])


def mend(backend: FileBackend, project: Project, stack: str) -> None:
    """Remove attributes of the state that a kill has cut short; Pulumi could not read the state.

    They are written in place and before the state itself, which is then as it was. Nothing needs them.
    """
    root = backend.folder / ".pulumi" / "stacks"
    for directory in (root / project.name, root):
        for file in directory.glob(f"{glob.escape(short(stack))}.json*.attrs"):
            try:
                json.loads(file.read_text(encoding="utf-8"))
            except ValueError:
                say(f"Removed {file.name}, which was cut short.")
                file.unlink()


def end_orphans(project: Project, force: bool) -> None:
    """Let the provider processes of killed runs of this project finish their calls and end.

    Interrupted, such a process takes no new call and ends after the ones it is in; otherwise it never ends.
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
            raise RecoverError(
                1, f"process {numbers} is still in a call.\n    Run this again, or with FORCE=1 to end it."
            )
        time.sleep(POLL_SECONDS)


def orphans(project: Project) -> Iterator[psutil.Process]:
    """Yield the provider processes of this project and this backend whose engine is gone."""
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
    """Return whether a process accepts connections at `host:port`, as the engine does until its run ends."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True


def pulumi_json(*arguments: str) -> Any:
    """Run a command of the CLI and return the JSON that it prints; `RecoverError` when it fails."""
    printed = pulumi(*arguments, "--json", "--non-interactive", deadline_s=READ_SECONDS)
    try:
        return json.loads(printed)
    except ValueError:
        raise RecoverError(3, f"`pulumi {' '.join(arguments)} --json` printed no JSON.\n    Run it yourself.") from None


def pulumi(*arguments: str, deadline_s: float | None = None) -> str:
    """Run the CLI and show its output, or return it where there is a deadline."""
    try:
        done = run_to_end(["pulumi", *arguments], capture=deadline_s is not None, deadline_s=deadline_s)
    except FileNotFoundError:
        raise RecoverError(2, 'no pulumi on PATH.\n    Run this first: eval "$(make -s env)"') from None
    except subprocess.TimeoutExpired:
        text = f"`pulumi {arguments[0]}` gave no answer in {deadline_s:.0f} s: the backend cannot be reached."
        raise RecoverError(3, f"{text}\n    Check the network and PULUMI_BACKEND_URL, then run this again.") from None
    if done.returncode != 0:
        step = "Correct what it names, then run this again."
        raise RecoverError(3, f"`pulumi {arguments[0]}` failed; its message is above.\n    {step}")
    return done.stdout or ""


def say(text: str) -> None:
    """Write one line at once, in order with what Pulumi writes."""
    print(text, flush=True)


def main() -> int:
    """Read the arguments, recover, and return the exit code."""
    parser = argparse.ArgumentParser(
        usage="make recover STACK=dev [FORCE=1] [IF_LOCKED=1] | make record-run STACK=dev",
        description="Make a stack usable again after a killed run.",
    )
    parser.add_argument("stack", metavar="STACK", help="for example dev")
    parser.add_argument(
        "--force", action="store_true", help="release a lock even if it is unknown whether its run has ended"
    )
    parser.add_argument("--if-locked", action="store_true", help="do nothing if the stack is not locked")
    parser.add_argument(
        "--record-run", action="store_true", help="record this job of GitHub Actions, and do nothing else"
    )
    arguments = parser.parse_args()
    if not _STACK.fullmatch(arguments.stack):
        parser.error("STACK is not the name of a stack, such as dev")
    raise_on_sigterm()
    code, text = _run(arguments)
    if text:
        print(f"recover: {text}", file=sys.stderr)
    return code


def _run(arguments: argparse.Namespace) -> tuple[int, str]:
    """Recover, and return the exit code with what went wrong."""
    try:
        if arguments.record_run:
            record_run(arguments.stack)
        else:
            recover(arguments.stack, force=arguments.force, if_locked=arguments.if_locked)
    except RecoverError as error:
        return error.code, str(error)
    except NotALock as error:
        return 3, f"{error}\n    Remove it by hand."
    except (ReconcilerError, OSError) as error:
        text = str(error)
        return 3, text if "\n" in text else f"{text}\n    Nothing is lost. Run this again when that is corrected."
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Interrupted) else signal.SIGINT
        again = f"make {'record-run' if arguments.record_run else 'recover'} STACK={arguments.stack}"
        return 128 + number, f"interrupted; nothing is lost.\n    Run this again: {again}"
    return 0, ""


if __name__ == "__main__":
    sys.exit(main())
