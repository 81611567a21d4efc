"""Setup tests in threads of the plugin process.

Pulumi's plugin host runs four operations at once, and a test can take minutes. So a resource that
changes a connection's config starts its tests here and returns; the connection's activation waits for the result.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from reconciler.fivetran.api import Connection
from reconciler.resources.run import engine
from reconciler.resources.run.outcomes import OperationError

if TYPE_CHECKING:
    from reconciler.fivetran.api import FivetranClient

#: How long a run waits for one connection's tests, from when they started, in seconds.
DEADLINE_VARIABLE = "RECONCILER_SETUP_TESTS_DEADLINE"

#: Unless the variable says less: after that the client gives up too, which would be an error.
_DEADLINE_S = 600.0

#: What the name of each thread that tests begins with.
THREAD_NAME = "setup tests of "

#: Seconds between two checks of whether the engine still runs.
_LOOK_S = 2.0

_KILLED = "the run was killed while setup tests were under way; the next one tests again"

#: Tests under way at once; what the client's pacing lets through is less in a busy minute.
_AT_ONCE = 32


Tested = TypeVar("Tested")


@dataclass
class _Job:
    answer: Future[Connection] = field(default_factory=Future)
    running: threading.Event = field(default_factory=threading.Event)
    started: float = 0.0


class SetupTests:
    """The tests of one process, at most one run of a connection's at a time."""

    def __init__(
        self,
        client: Callable[[], FivetranClient],
        monotonic: Callable[[], float] = time.monotonic,
        abandoned: Callable[[], bool] = engine.is_gone,
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._abandoned = abandoned
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def start(self, connection_id: str, trusts_unseen: Collection[str] = ()) -> None:
        """Begin a connection's tests (run_setup_tests), unless they are under way.

        `trusts_unseen` are `certificates` and `fingerprints` where whatever the source presents is trusted.
        """
        with self._lock:
            job = self._jobs.get(connection_id)
            if job is None or job.answer.done():  # what is done says nothing of a config written since
                self._begin(connection_id, trusts_unseen)

    def result(self, connection_id: str, trusts_unseen: Collection[str] = ()) -> Connection | None:
        """Return the connection as its tests left it, or None when they take longer than the run waits.

        Starts them if need be. Raises what the client raises, and `OperationError` when the run was killed.
        """
        with self._lock:
            job = self._jobs.get(connection_id) or self._begin(connection_id, trusts_unseen)
        while not job.running.wait(_LOOK_S):
            self._end_if_abandoned()
        while not job.answer.done():
            left = job.started + deadline() - self._monotonic()
            if left <= 0:
                return None
            if not wait([job.answer], min(left, _LOOK_S)).done:
                self._end_if_abandoned()
        with self._lock:
            self._jobs.pop(connection_id, None)
        return job.answer.result()

    def _end_if_abandoned(self) -> None:
        """`make recover` waits for the operations that a killed run is in; tests can take ten minutes."""
        if self._abandoned():
            raise OperationError(_KILLED)

    def _begin(self, connection_id: str, trusts_unseen: Collection[str]) -> _Job:
        job = self._jobs[connection_id] = _Job()
        # A daemon, unlike a pool's threads: a test that is not waited for must not keep the process alive.
        name = f"{THREAD_NAME}{connection_id}"
        threading.Thread(
            target=self._run, args=(connection_id, job, tuple(trusts_unseen)), name=name, daemon=True
        ).start()
        return job

    def _run(self, connection_id: str, job: _Job, trusts_unseen: Collection[str]) -> None:
        with self._slots:
            job.started = self._monotonic()
            job.running.set()
            try:
                tested = self._client().test_connection(
                    connection_id, **{f"trust_{kind}": True for kind in trusts_unseen}
                )
                job.answer.set_result(tested)
            except BaseException as error:
                job.answer.set_exception(error)


def run_unless_killed(id_: str, test: Callable[[], Tested], abandoned: Callable[[], bool] = engine.is_gone) -> Tested:
    """Return what a slow test returns.

    Raises what it raises, and `OperationError` once the run was killed.
    """
    answer: Future[Tested] = Future()

    def run() -> None:
        try:
            answer.set_result(test())
        except BaseException as error:
            answer.set_exception(error)

    thread = threading.Thread(target=run, name=f"{THREAD_NAME}{id_}", daemon=True)
    while not answer.done():
        if abandoned():
            raise OperationError(_KILLED)
        if thread.ident is None:
            thread.start()
        wait([answer], _LOOK_S)
    return answer.result()


def deadline() -> float:
    """Return for how many seconds a run waits for one connection's tests."""
    try:
        return min(_DEADLINE_S, max(0.0, float(os.environ.get(DEADLINE_VARIABLE, ""))))
    except ValueError:
        return _DEADLINE_S
