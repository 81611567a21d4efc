"""What the client's tests share: a clock that passes without waiting, and a server that answers from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from reconciler.fivetran.api import Clock, FivetranClient

KEY = "canary-key-4711"
SECRET = "canary-secret-0815"
URL = "https://api.example.test/v1"

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def ok(data: object = None, status: int = 200, **headers: str) -> httpx.Response:
    """A successful answer in the API's envelope; without `data` when it is None."""
    envelope = {"code": "Success", "message": "done"} | ({} if data is None else {"data": data})
    return httpx.Response(status, content=json.dumps(envelope), headers=headers)


def rejection(status: int, code: str = "", message: str = "", **headers: str) -> httpx.Response:
    """An error as the API writes it."""
    return httpx.Response(status, content=json.dumps({"code": code, "message": message}), headers=headers)


class FakeTime:
    """Time that passes only by sleeping. Each sleep is kept."""

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []
        self._wall = wall

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep, wall=lambda: self._wall + self.now)


class SharedTime:
    """The same for a known number of threads: time moves on to the next wake-up once all of them sleep or have left."""

    def __init__(self, threads: int) -> None:
        self.now = 0.0
        self._awake = threads
        self._wakes: list[float] = []
        self._changed = threading.Condition()

    def sleep(self, seconds: float) -> None:
        with self._changed:
            wake = self.now + seconds
            self._wakes.append(wake)
            self._awake -= 1
            self._advance()
            assert self._changed.wait_for(lambda: self.now >= wake, timeout=30)

    def leave(self) -> None:
        with self._changed:
            self._awake -= 1
            self._advance()

    def _advance(self) -> None:
        if self._awake == 0 and self._wakes:
            self.now = min(self._wakes)
            due = [wake for wake in self._wakes if wake <= self.now]
            self._wakes = [wake for wake in self._wakes if wake > self.now]
            self._awake += len(due)
            self._changed.notify_all()

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep, wall=lambda: self.now)


class Server:
    """Answers each request with the next step of its script, the last one for ever; keeps the requests."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step(request) if callable(step) else step

    @property
    def request(self) -> httpx.Request:
        """The only request there was."""
        (request,) = self.requests
        return request

    def client(self, time: FakeTime | None = None, **options: Any) -> FivetranClient:
        return client_of(self, time, **options)


def client_of(
    handler: Callable[[httpx.Request], httpx.Response], time: FakeTime | None = None, **options: Any
) -> FivetranClient:
    """A client whose requests end in `handler`, and which never really waits."""
    options.setdefault("clock", (time or FakeTime()).clock)
    return FivetranClient(URL, KEY, SECRET, transport=httpx.MockTransport(handler), **options)


def chain(error: BaseException | None) -> Iterable[BaseException]:
    """An error with everything that it leads to, suppressed or not."""
    seen: list[BaseException] = []
    pending = [error]
    while pending:
        found = pending.pop()
        if found is not None and found not in seen:
            seen.append(found)
            pending += [found.__cause__, found.__context__]
    return seen
