"""Read Pulumi's locks, and whether the run of each has ended.

In file and bucket backends, with the GitHub run recorded beside a lock.

A lock names a process and a machine, but machines of GitHub cannot be asked, and many have the same name. So a job
records its run before it locks the stack (`make record-run`), and GitHub is asked whether that job has ended.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import psutil

from reconciler.github.client import GitHub
from reconciler.google.storage import Changed, StateBucket, StoredObject
from reconciler.model.errors import ReconcilerError, printable

#: How far GitHub's clock and a machine's may be apart.
_CLOCKS = timedelta(minutes=2)
_RUN_URL = re.compile(r"https?://[^/\s]+/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+/actions/runs/[0-9]+")


#: What reading a text of another form raises.
_UNUSABLE = (ArithmeticError, KeyError, RecursionError, TypeError, ValueError)
#: The numbers that a process can have.
_PIDS = range(1, 2**31)
_LONGEST_NAME = 255
#: Times nearer to the ends of the calendar cannot be computed with.
_TIMES = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class NotALock(Exception):
    """An object among the locks has another content."""


class Backend(Protocol):
    """Where Pulumi keeps a state: named objects below one folder or bucket."""

    def list(self, folder: str) -> Iterator[StoredObject]:
        """Yield the objects directly in a folder."""

    def read(self, name: str, generation: int | None = None) -> tuple[bytes, int] | None:
        """Return an object's content and generation; None without such an object or generation."""

    def write(self, name: str, content: bytes) -> None:
        """Create or replace an object."""

    def delete(self, found: StoredObject) -> bool:
        """Delete exactly this generation of an object; return whether it still existed."""


class FileBackend:
    """A backend in a folder. The time of a file's last change is its generation."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.folder = Path(f"{parts.netloc}{parts.path}").expanduser()

    def list(self, folder: str) -> Iterator[StoredObject]:
        """Yield the files directly in a folder, sorted by name."""
        for file in sorted((self.folder / folder).glob("*")):
            if file.is_file():
                yield StoredObject(str(file.relative_to(self.folder)), file.stat().st_mtime_ns)

    def read(self, name: str, generation: int | None = None) -> tuple[bytes, int] | None:
        """Return a file's content and generation; None if there is no such file, or not of this generation."""
        file = self.folder / name
        try:
            content, found = file.read_bytes(), file.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        return (content, found) if generation in (None, found) else None

    def write(self, name: str, content: bytes) -> None:
        """Create or replace a file."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        part.write_bytes(content)
        part.replace(file)

    def delete(self, found: StoredObject) -> bool:
        """Delete a file that has not changed; return whether it still existed."""
        file = self.folder / found.name
        try:
            if file.stat().st_mtime_ns != found.generation:
                raise Changed(found.name)
            file.unlink()
        except FileNotFoundError:
            return False
        return True


def open_backend(url: str) -> FileBackend | StateBucket | None:
    """Return the backend at an address; None for one whose locks cannot be read here, as Pulumi Cloud."""
    if url.startswith("file://"):
        return FileBackend(url)
    return StateBucket(url) if url.startswith("gs://") else None


def short(stack: str) -> str:
    """Return a stack's name without the organisation and the project before it."""
    return stack.rsplit("/", maxsplit=1)[-1]


@dataclass(frozen=True)
class Lock:
    """What Pulumi writes into a lock: the process that locked the stack."""

    stored: StoredObject
    pid: int
    username: str
    hostname: str
    timestamp: datetime

    @classmethod
    def parse(cls, stored: StoredObject, content: bytes) -> Lock:
        """Read a lock; `NotALock` if it is none."""
        try:
            found = json.loads(content)
            pid = int(found["pid"])
            if pid not in _PIDS:
                raise ValueError("pid")
            return cls(stored, pid, _name(found["username"]), _name(found["hostname"]), _time(found["timestamp"]))
        except _UNUSABLE:
            raise NotALock(f"{printable(stored.name)} is not a lock of Pulumi") from None

    @property
    def user(self) -> str:
        """Who took it, to print: `runner@machine`."""
        return printable(f"{self.username}@{self.hostname}")

    def __str__(self) -> str:
        since = f"{self.timestamp.astimezone():%Y-%m-%d %H:%M:%S}"
        return f"{self.user}, process {self.pid}, since {since}"


def read_locks(backend: Backend, project: str, stack: str) -> Iterator[Lock]:
    """Yield the locks of one stack: `.pulumi/locks/organization/<project>/<stack>/<id>.json`."""
    # Backends from before Pulumi knew projects keep `locks/<stack>/`.
    for folder in (f"organization/{project}/{short(stack)}", short(stack)):
        for stored in backend.list(f".pulumi/locks/{folder}"):
            found = backend.read(stored.name, stored.generation) if stored.name.endswith(".json") else None
            if found is not None:
                yield Lock.parse(stored, found[0])


@dataclass(frozen=True)
class RunRecord:
    """The job of GitHub Actions that was about to lock a stack."""

    url: str
    repository: str
    run_id: int
    attempt: int
    runner: str
    hostname: str
    timestamp: datetime

    @classmethod
    def of_this_job(cls, variables: Mapping[str, str] = os.environ) -> RunRecord | None:
        """Return the job that this process is in; None outside GitHub Actions."""
        try:
            repository, run_id = variables["GITHUB_REPOSITORY"], int(variables["GITHUB_RUN_ID"])
            attempt, runner = int(variables["GITHUB_RUN_ATTEMPT"]), variables["RUNNER_NAME"]
        except (KeyError, ValueError):
            return None
        server = variables.get("GITHUB_SERVER_URL", "https://github.com")
        url = f"{server}/{repository}/actions/runs/{run_id}"
        return cls(url, repository, run_id, attempt, runner, socket.gethostname(), datetime.now(UTC))

    @classmethod
    def parse(cls, content: bytes) -> RunRecord | None:
        """Read a record; None if it is none."""
        try:
            found = json.loads(content)
            url, repository = str(found["url"]), _name(found["repository"])
            run_id, attempt = int(found["run_id"]), int(found["attempt"])
            # GitHub is asked about the run by its number, and people read its address.
            if not _RUN_URL.fullmatch(url) or not url.endswith(f"/{repository}/actions/runs/{run_id}"):
                return None
            names = _name(found["runner"]), _name(found["hostname"])
            return cls(url, repository, run_id, attempt, *names, _time(found["timestamp"], needs_zone=True))
        except _UNUSABLE:
            return None

    def as_json(self) -> bytes:
        """Return the record as it is stored."""
        return json.dumps({**asdict(self), "timestamp": self.timestamp.isoformat()}, indent=2).encode()

    def is_same_job(self, other: RunRecord | None) -> bool:
        """Return whether both are the same job of the same attempt."""
        return other is not None and all(
            getattr(self, each) == getattr(other, each) for each in ("repository", "run_id", "attempt", "runner")
        )

    def __str__(self) -> str:
        return f"the GitHub run {self.url} (attempt {self.attempt})"


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise ValueError("name")
    return value


def _time(value: object, *, needs_zone: bool = False) -> datetime:
    """Return a time that can be compared and shown in every time zone; raises for any other."""
    found = datetime.fromisoformat(str(value))
    if needs_zone and found.tzinfo is None:
        raise ValueError("timestamp")
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if not _TIMES[0] <= found <= _TIMES[1]:
        raise ValueError("timestamp")
    return found


def record_name(project: str, stack: str) -> str:
    """Return the name of the object with the record of a stack."""
    return f".pulumi/runs/{project}/{short(stack)}.json"


def read_record(backend: Backend, project: str, stack: str) -> RunRecord | None:
    """Return which job was the last that was about to lock the stack; None if there is no usable record."""
    found = backend.read(record_name(project, stack))
    return None if found is None else RunRecord.parse(found[0])


@dataclass(frozen=True)
class Owner:
    """What is known about the run that a lock belongs to."""

    state: str
    """`ended`, `live` or `unknown`."""
    text: str
    record: RunRecord | None = None
    """The GitHub run, if it is one."""


def find_owner(
    lock: Lock, record: RunRecord | None, *, in_folder: bool, note: Callable[[str], object] = lambda _: None
) -> Owner:
    """Return whether the run that took a lock has ended.

    Args:
        lock: The lock.
        record: The job that was the last to record its run for the stack.
        in_folder: Whether the backend is a folder, which one machine uses.
        note: Is called with what takes a while.
    """
    if _is_of_this_machine(lock, record, in_folder):
        reason = _why_alive(lock)
        return Owner("live", reason) if reason else Owner("ended", f"process {lock.pid} on this machine has ended")
    where = printable(f"it was taken on another machine ({lock.hostname}), which cannot be asked")
    if record is None:
        return Owner("unknown", f"{where}, and no GitHub run is recorded for this stack")
    if record.hostname != lock.hostname:
        return Owner("unknown", f"{where}, and the recorded run, {record.url}, was on {printable(record.hostname)}")
    if record.timestamp > lock.timestamp:
        return Owner("unknown", f"{where}, and the recorded run, {record.url}, began after the stack was locked")
    return _ask_github(lock, record, note)


def _is_of_this_machine(lock: Lock, record: RunRecord | None, in_folder: bool) -> bool:
    """Return whether the lock's process is or was one of this machine.

    People's machines may have the same name, so the user has to be the same too. GitHub gives one name to many
    machines, so there only the lock of this same job counts.
    """
    if lock.hostname != socket.gethostname():
        return False
    if in_folder:
        return True
    if os.environ.get("GITHUB_ACTIONS"):
        return record is not None and record.timestamp <= lock.timestamp and record.is_same_job(RunRecord.of_this_job())
    return lock.username == getpass.getuser()


def _why_alive(lock: Lock) -> str | None:
    """Return why the process of a lock of this machine may still run; None if it has ended."""
    try:
        process = psutil.Process(lock.pid)
        # A process that began after the lock was taken only has the same number.
        reused = process.create_time() > lock.timestamp.timestamp() + 1
    except psutil.NoSuchProcess:
        return None
    return None if reused or has_ended(process) else f"process {lock.pid} is alive"


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process is over, even if its parent has not read the exit code yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _ask_github(lock: Lock, record: RunRecord, note: Callable[[str], object]) -> Owner:
    """Return what GitHub reports about the recorded job.

    The job decides and not the whole run, which may wait for days: for a reviewer of another environment.
    """
    variables = {"GITHUB_REPOSITORY": record.repository, **os.environ}
    variables["GITHUB_TOKEN"] = variables.get("GITHUB_TOKEN") or variables.get("GH_TOKEN", "")
    if not variables["GITHUB_TOKEN"]:
        return Owner("unknown", f"it may belong to {record}; GITHUB_TOKEN is not set, so GitHub was not asked", record)
    if variables["GITHUB_REPOSITORY"] != record.repository:
        return Owner("unknown", f"it may belong to {record}, which is not of {variables['GITHUB_REPOSITORY']}", record)
    path = f"/actions/runs/{record.run_id}/attempts/{record.attempt}"
    note(f"Asking GitHub about {record.url}")
    try:
        with GitHub.from_environment(variables) as github:
            run = github.get(path, missing=True)
            jobs = github.list(f"{path}/jobs", "jobs") if run is not None else []
        return _judge(lock, record, run, jobs)
    except ReconcilerError as error:
        reason = str(error).splitlines()[0]
    except (AttributeError, *_UNUSABLE):
        reason = "GitHub's answer does not have the documented form"
    return Owner("unknown", f"it may belong to {record}, but: {printable(reason)}", record)


def _judge(lock: Lock, record: RunRecord, run: dict[str, Any] | None, jobs: list[dict[str, Any]]) -> Owner:
    if run is None:
        reason = "which GitHub does not know, or which the token may not read (actions: read)"
        return Owner("unknown", f"it may belong to {record}, {reason}", record)
    own = [job for job in jobs if job.get("runner_name") == record.runner]
    over = own and all(job["status"] == "completed" for job in own)
    if run["status"] != "completed" and not over:
        return Owner("live", printable(f"{record} is {str(run['status']).replace('_', ' ')}"), record)
    ends = [str(job["completed_at"]) for job in own] or [str(run["updated_at"])]
    end = max(datetime.fromisoformat(each) for each in ends)
    if lock.timestamp > end + _CLOCKS:
        text = f"the recorded run, {record.url}, had ended before the stack was locked, so another run may be going"
        return Owner("unknown", text, record)
    conclusion = (own[-1] if over else run).get("conclusion") or "completed"
    return Owner("ended", f"it belongs to {record}, which has ended: {printable(str(conclusion))}", record)
