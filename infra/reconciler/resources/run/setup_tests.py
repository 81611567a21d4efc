"""Setup tests in threads of the plugin process.

Pulumi's plugin host runs four operations at once, and a test can take minutes. So a resource that
changes a connection's config starts its tests here and returns; the connection's activation waits for the result.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Generic, TypeVar

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


class _Call(Generic[Tested]):
    """One test in a thread of its own, which keeps no killed run and no process alive."""

    def __init__(
        self,
        id_: str,
        test: Callable[[], Tested],
        slots: AbstractContextManager[object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._test = test
        self._slots = slots
        self._monotonic = monotonic
        self._answer: Future[Tested] = Future()
        self._running = threading.Event()
        self._started = 0.0
        # A daemon, unlike a pool's threads: a test that is not waited for must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=f"{THREAD_NAME}{id_}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_done(self) -> bool:
        return self._answer.done()

    def has_ended(self, seconds: float, abandoned: Callable[[], bool]) -> bool:
        """Wait until the test ends; return False when it takes longer than these seconds from its start.

        Raises OperationError when the run was killed: `make recover` waits for the operations that a killed run is in,
        and tests can take ten minutes.
        """
        while not self._running.wait(_LOOK_S):
            _reject_killed(abandoned)
        while not self._answer.done():
            left = self._started + seconds - self._monotonic()
            if left <= 0:
                return False
            if not wait([self._answer], min(left, _LOOK_S)).done:
                _reject_killed(abandoned)
        return True

    def result(self) -> Tested:
        return self._answer.result()

    def _run(self) -> None:
        with self._slots:
            self._started = self._monotonic()
            self._running.set()
            try:
                self._answer.set_result(self._test())
            except BaseException as error:
                self._answer.set_exception(error)


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
        self._calls: dict[str, _Call[Connection]] = {}
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def start(self, connection_id: str, trusts_unseen: Collection[str] = ()) -> None:
        """Begin a connection's tests (run_setup_tests), unless they are under way.

        `trusts_unseen` are `certificates` and `fingerprints` where whatever the source presents is trusted.
        """
        with self._lock:
            call = self._calls.get(connection_id)
            if call is None or call.is_done():  # what is done says nothing of a config written since
                self._begin(connection_id, trusts_unseen)

    def result(self, connection_id: str, trusts_unseen: Collection[str] = ()) -> Connection | None:
        """Return the connection as its tests left it, or None when they take longer than the run waits.

        Starts them if need be. Raises what the client raises, and `OperationError` when the run was killed.
        """
        with self._lock:
            call = self._calls.get(connection_id) or self._begin(connection_id, trusts_unseen)
        if not call.has_ended(deadline(), self._abandoned):
            return None
        with self._lock:
            self._calls.pop(connection_id, None)
        return call.result()

    def _begin(self, connection_id: str, trusts_unseen: Collection[str]) -> _Call[Connection]:
        trusts = {f"trust_{kind}": True for kind in trusts_unseen}
        call = self._calls[connection_id] = _Call(
            connection_id,
            lambda: self._client().test_connection(connection_id, **trusts),
            self._slots,
            self._monotonic,
        )
        call.start()
        return call


def run_unless_killed(id_: str, test: Callable[[], Tested], abandoned: Callable[[], bool] = engine.is_gone) -> Tested:
    """Run a slow test and return its result.

    Raises what it raises, and `OperationError` once the run was killed.
    """
    _reject_killed(abandoned)
    call = _Call(id_, test, nullcontext())
    call.start()
    call.has_ended(math.inf, abandoned)
    return call.result()


def _reject_killed(abandoned: Callable[[], bool]) -> None:
    if abandoned():
        raise OperationError(_KILLED)


def deadline() -> float:
    """Return for how many seconds a run waits for one connection's tests."""
    try:
        return min(_DEADLINE_S, max(0.0, float(os.environ.get(DEADLINE_VARIABLE, ""))))
    except ValueError:
        return _DEADLINE_S
