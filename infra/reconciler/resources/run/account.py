"""Share Fivetran's account in one run.

The client, one listing of each group, reads ahead, locks, setup tests.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from reconciler.fivetran import api as fivetran
from reconciler.fivetran.api import (
    Connection,
    FivetranError,
    Forbidden,
    Group,
    MissingCredentials,
    StandardConfig,
    Unauthorized,
)
from reconciler.resources.run.intent import Creator
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.setup_tests import SetupTests

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: How many reads of a drift check are under way at once: less than the client lets through, so that others get on.
READERS = 32

#: The error of an operation that begins after Fivetran rejected the API key.
KEY_REJECTED = "skipped, because Fivetran rejects the API key: see the first error"


class Account:
    """One process's share of Fivetran. Thread-safe."""

    def __init__(self, connect: Callable[[], fivetran.FivetranClient] | None = None) -> None:
        self._lock = threading.Lock()
        self._connect = connect
        self._client: fivetran.FivetranClient | None = None
        self._left_to_others: int | None = None
        self._is_key_rejected = False
        self._listings: dict[str, Future[dict[str, Connection]]] = {}
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read-connections")
        self._reads: dict[str, Future[Connection]] = {}
        self._answered: set[tuple[str, str]] = set()
        self._schemas: dict[str, Future[StandardConfig]] = {}
        self._in_state: tuple[str, ...] = ()
        self._with_tables: frozenset[str] = frozenset()
        self._refreshed_group: str | None = None
        self._prefetched: set[str] = set()
        self._refreshed: dict[str, Connection | None] = {}
        self._edit_locks: dict[str, threading.RLock] = {}
        self._group_facts: dict[tuple[str, str], str] = {}
        self._creator: Creator | None = None
        self._groups: tuple[Group, ...] | None = None
        self.package_lock = threading.Lock()
        """Locked while a package is created, so that of two with equal files each knows which is its own."""
        self.tests = SetupTests(self.client)

    def client(self) -> fivetran.FivetranClient:
        """Return the process's client. The first operation that needs it reads the credentials.

        Raises `OperationError` once Fivetran has rejected them.
        """
        with self._lock:
            if self._is_key_rejected:
                raise OperationError(KEY_REJECTED)
            if self._client is None:
                self._client = (self._connect or fivetran.FivetranClient.from_environment)()
                self._client.leave_to_others(self._left_to_others)
            return self._client

    def leave_to_others(self, percent: int | None) -> None:
        """Set the share of the account's quota that this process leaves to others; None for the usual share."""
        with self._lock:
            self._left_to_others = percent
            if self._client is not None:
                self._client.leave_to_others(percent)

    def reject_key(self) -> bool:
        """Record an answer 401, after which nothing more is tried. Return whether it is the first one."""
        with self._lock:
            news, self._is_key_rejected = not self._is_key_rejected, True
        return news

    def creator(self) -> Creator:
        """Return whose API key this is (get_account_info), asked for once. Raises what the client raises."""
        with self._lock:
            known = self._creator
        if known is None:
            known = Creator.of(self.client().account_info())
            with self._lock:
                self._creator = known
        return known

    def now(self) -> datetime:
        """Return the moment, by Fivetran's clock where this machine's is wrong."""
        try:
            return self.client().now()
        except (FivetranError, OperationError):
            return datetime.now(UTC)

    def groups(self, name: str) -> list[Group]:
        """Return the groups of a name, oldest first, as of the process's one listing of groups.

        Fivetran does not promise that there is only one. Raises what the client raises.
        """
        with self._lock:
            known = self._groups
        if known is None:
            known = tuple(self.client().list_groups())
            with self._lock:
                self._groups = known
        found = (group for group in known if group.name == name)
        return sorted(found, key=lambda group: (group.created_at or "", group.id))

    def forget_groups(self) -> None:
        """Have the groups listed anew: before one is created or renamed, and after that."""
        with self._lock:
            self._groups = None

    def find(self, group_id: str, name: str) -> Connection | None:
        """Return a group's oldest connection of a name, as of the process's one listing of the group, or None."""
        return self._listing(group_id).get(name)

    def find_now(self, group_id: str, name: str) -> list[Connection]:
        """Return the connections of a name in a group as of now, oldest first. Asks the API.

        A name of two parts is looked for in the whole group: the filter is documented for schema names only.
        """
        filtered = self.client().list_connections(group_id, schema=None if "." in name else name)
        return sorted((item for item in filtered if item.schema == name), key=_age)

    def forget(self, group_id: str, connection_id: str) -> None:
        """Remove a connection that this run deleted from the group's listing."""
        with self._lock:
            future = self._listings.get(group_id)
            if future is not None and future.done() and future.exception() is None:
                listed = future.result()
                for name in [name for name, each in listed.items() if each.id == connection_id]:
                    del listed[name]

    def expect(self, names: Iterable[str], with_tables: Iterable[str]) -> None:
        """Record the connections that state has, so that a refresh need not read others of the group.

        They are read in this order, which is to be that of state: the engine asks for few at once, and waits for them.
        `with_tables` are those of them whose schema config is declared, and read as well.
        """
        with self._lock:
            self._in_state = tuple(names)
            self._with_tables = frozenset(with_tables)
        self._read_ahead()

    def begin_refresh(self, group_id: str) -> None:
        """Record that a refresh of this group has begun: what state has in it is read ahead from now on."""
        with self._lock:
            self._refreshed_group = group_id
        self._read_ahead()

    def read(self, group_id: str, connection_id: str, reader: str) -> Connection:
        """Return a connection in full.

        The first call after `expect` starts to read what state has of the group. One answer serves each kind of
        `reader` once: a second call asks again. Raises `NotFound` when the connection is gone.
        """
        client = self.client()
        self._prefetch(group_id)
        with self._lock:
            is_second = (connection_id, reader) in self._answered
            self._answered.add((connection_id, reader))
            if is_second or connection_id not in self._reads:
                self._reads[connection_id] = self._readers.submit(client.get_connection, connection_id)
            future = self._reads[connection_id]
        return future.result()

    def read_schema(self, connection_id: str) -> StandardConfig:
        """Return a connection's schema config, from the read-ahead where it was in that.

        One answer serves once. Raises `NotFound` where there is none, and for a connection that is gone.
        """
        with self._lock:
            future = self._schemas.pop(connection_id, None)
        return future.result() if future is not None else self.client().get_schema_config(connection_id)

    def set_refreshed(self, connection_name: str, live: Connection | None) -> None:
        """Record the live connection that a refresh found for one in state; None if it was deleted."""
        with self._lock:
            self._refreshed[connection_name] = live

    def refreshed(self) -> dict[str, Connection | None]:
        """Return what refreshes of this process found, by connection name."""
        with self._lock:
            return dict(self._refreshed)

    @contextmanager
    def editing(self, connection_id: str) -> Iterator[None]:
        """Lock one connection for changes that Fivetran would reject as a conflict if they were made at once."""
        with self._lock:
            lock = self._edit_locks.setdefault(connection_id, threading.RLock())
        with lock:
            yield

    def service_account(self, group_id: str) -> str:
        """Return the address of the account with which Fivetran writes a group's data, asked for once."""
        return self._group_fact("service account", group_id, self.client().group_service_account)

    def public_key(self, group_id: str) -> str:
        """Return the key with which Fivetran opens SSH tunnels for a group, asked for once."""
        return self._group_fact("public key", group_id, self.client().group_public_key)

    def _group_fact(self, what: str, group_id: str, ask: Callable[[str], str]) -> str:
        with self._lock:
            known = self._group_facts.get((what, group_id))
        if known is None:
            known = ask(group_id)
            with self._lock:
                self._group_facts[what, group_id] = known
        return known

    def _listing(self, group_id: str) -> dict[str, Connection]:
        with self._lock:
            future = self._listings.get(group_id)
            mine = future is None
            if future is None:
                future = self._listings[group_id] = Future()
        if mine:
            try:
                newest_first = sorted(self.client().list_connections(group_id), key=_age, reverse=True)
                future.set_result({item.schema: item for item in newest_first})
            except BaseException as error:
                with self._lock:
                    del self._listings[group_id]
                future.set_exception(error)
        return future.result()

    def _read_ahead(self) -> None:
        """Start the reads of a refresh in the background. The operation that needs one reports its error."""
        with self._lock:
            group_id = self._refreshed_group if self._in_state else None
        if group_id is not None:
            threading.Thread(target=self._try_prefetch, args=(group_id,), name="read-ahead", daemon=True).start()

    def _try_prefetch(self, group_id: str) -> None:
        # Any error: that of a thread would be printed as a traceback.
        with suppress(Exception):
            self._prefetch(group_id)

    def _prefetch(self, group_id: str) -> None:
        """Start to read what state has of a group, once, and without what was read before this is known."""
        with self._lock:
            if not self._in_state or group_id in self._prefetched:
                return
        listing = self._listing(group_id)
        client = self.client()
        with self._lock:
            if group_id in self._prefetched:
                return
            self._prefetched.add(group_id)
            for name in self._in_state:
                if name not in listing:
                    continue
                item = listing[name]
                if item.id not in self._reads:
                    self._reads[item.id] = self._readers.submit(client.get_connection, item.id)
                if name in self._with_tables:
                    self._schemas[item.id] = self._readers.submit(client.get_schema_config, item.id)


def look_ahead(what: str, ask: Callable[[], Answer], otherwise: Answer, *, warns_without_key: bool = True) -> Answer:
    """Ask Fivetran before anything is changed, so that a preview shows what an apply would find.

    Raises `Unauthorized` and `Forbidden`: with such a key every unit would fail.

    Args:
        what: What the warning says that was not checked, where Fivetran does not answer.
        ask: Asks.
        otherwise: The answer where Fivetran does not answer. An apply asks again before it writes.
        warns_without_key: Whether to warn where there is no API key.
    """
    try:
        return ask()
    except MissingCredentials:
        if warns_without_key:
            logger.warning("no Fivetran credentials: this preview does not check %s", what)
    except (Unauthorized, Forbidden):
        raise
    except FivetranError as error:
        logger.warning("cannot check %s: %s", what, error)
    return otherwise


def _age(connection: Connection) -> tuple[str, str]:
    """Return the key that sorts connections from the oldest on."""
    return connection.created_at or "", connection.id
