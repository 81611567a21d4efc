"""What all operations of one plugin process share: the client, one list of each group, and what this run declares.

The engine runs up to four operations at once in threads of one process, so everything here is thread-safe.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from reconciler.client import Connection, FivetranClient, NotFound

#: How many reads of a drift check are under way at once.
_READERS = 16

_lock = threading.Lock()
_lists: dict[str, Future[dict[str, Connection]]] = {}
_reads: dict[str, Future[Connection]] = {}
_declared: dict[str, str] = {}
_prefetched: set[str] = set()


@functools.cache
def _client() -> FivetranClient:
    return FivetranClient.from_environment()


def client() -> FivetranClient:
    """The process's client. Credentials are read from the environment when the first operation needs them."""
    with _lock:
        return _client()


def declare(connections: Mapping[str, str]) -> None:
    """Remember what this run declares: unit names by connection name. `Fleet` says it before anything else happens."""
    with _lock:
        _declared.clear()
        _declared.update(connections)


def declarer(connection_name: str) -> str | None:
    """The unit that declares a connection in this run, or None: also when the run has no program, as in a destroy."""
    with _lock:
        return _declared.get(connection_name)


def known(group_id: str, name: str) -> Connection | None:
    """The group's connection of a name as of the process's one listing of the group, or None."""
    return _listing(group_id).get(name)


def live(group_id: str, name: str) -> list[Connection]:
    """The connections of a name in a group as of now, oldest first. Asks the API.

    A name of two parts is looked for in the whole group: the filter is documented for schema names only.
    """
    filtered = client().list_connections(group_id, schema=None if "." in name else name)
    found = [item for item in filtered if item.schema == name]
    return sorted(found, key=lambda item: (item.created_at or "", item.id))


def read(group_id: str, connection_id: str) -> Connection:
    """A connection in full. The first call of a run starts reading the whole group, so that later ones find theirs.

    Raises `NotFound` when it is gone.
    """
    _prefetch(group_id)
    with _lock:
        future = _reads.pop(connection_id, None)
    return future.result() if future is not None else client().get_connection(connection_id)


def _listing(group_id: str) -> dict[str, Connection]:
    with _lock:
        future = _lists.get(group_id)
        mine = future is None
        if future is None:
            future = _lists[group_id] = Future()
    if mine:
        try:
            future.set_result({item.schema: item for item in client().list_connections(group_id)})
        except BaseException as error:
            with _lock:
                del _lists[group_id]
            future.set_exception(error)
    return future.result()


def _prefetch(group_id: str) -> None:
    listing = _listing(group_id)
    with _lock:
        if group_id in _prefetched:
            return
        _prefetched.add(group_id)
        wanted = [item.id for name, item in listing.items() if not _declared or name in _declared]
        pool = ThreadPoolExecutor(_READERS, thread_name_prefix="read-connections")
        shared = _client()
        for connection_id in wanted:
            _reads[connection_id] = pool.submit(shared.get_connection, connection_id)
    pool.shutdown(wait=False)


__all__ = ["NotFound", "client", "declare", "declarer", "known", "live", "read"]
