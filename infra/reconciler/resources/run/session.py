"""What all operations of one plugin process share: the client, one list of each group, and what this run declares.

The engine runs up to four operations at once in threads of one process, so everything here is thread-safe.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from reconciler.fivetran import api as fivetran
from reconciler.fivetran.api import Connection, StandardConfig
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration
from reconciler.resources.activation.setup_tests import SetupTests
from reconciler.resources.operation import OperationError
from reconciler.resources.run.api_key import ApiKey, api_key
from reconciler.resources.run.intent import Creator, Intent
from reconciler.resources.run.lines import lines

logger = logging.getLogger(__name__)

#: How many reads of a drift check are under way at once: less than the client lets through, so that others get on.
READERS = 32


class Session:
    """One process's share of a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.start()

    def start(
        self,
        connect: Callable[[], fivetran.FivetranClient] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Know nothing, as at the start of a process. `connect` makes the client, when the first operation needs it.

        Without it the client is that of the environment's variables.
        """
        self.sleep = sleep
        self._connect = connect
        self._client: fivetran.FivetranClient | None = None
        self._lists: dict[str, Future[dict[str, Connection]]] = {}
        self._reads: dict[str, Future[Connection]] = {}
        self._read_by: set[tuple[str, str]] = set()
        self._declared: dict[str, str] = {}
        self._replaced: frozenset[str] = frozenset()
        self._permanent: dict[str, dict[str, bool]] = {}
        self._left_groups: frozenset[str] = frozenset()
        self._expected: frozenset[str] = frozenset()
        self._refreshed: str | None = None
        self._with_tables: frozenset[str] = frozenset()
        self._schemas: dict[str, Future[StandardConfig]] = {}
        self._edited: dict[str, threading.RLock] = {}
        self._prefetched: set[str] = set()
        self._of_groups: dict[tuple[str, str], str] = {}
        self._failures: dict[str, dict[str, str]] = {}
        self.is_preview = False
        """Whether this process serves a preview. `Preflight` does so first."""
        self._expected_datasets: dict[str, DatasetDeclaration] = {}
        self._writer: str | None = None
        self._existing_datasets: dict[str, tuple[Mapping[str, Any], ...] | None] = {}
        self._denied: dict[tuple[str, str], list[str]] = {}
        self._against_policy: dict[str, str] = {}
        self._intents: dict[str, Intent] = {}
        self._not_looked_for: dict[str, Mapping[str, Any]] = {}
        self._in_state: dict[str, Connection | None] = {}
        self._creator: Creator | None = None
        self.package_files: dict[str, str] = {}
        """Where the files of packages are on this machine, by their hash. `Package` says it before anything happens."""
        self.packages = threading.Lock()
        """Held while a package is made, so that of two with equal files each knows which is its own."""
        self.tests = SetupTests(self.client)
        api_key.forget()
        lines.use(None)

    def client(self) -> fivetran.FivetranClient:
        """The process's client. Credentials are read from the environment when the first operation needs them.

        Raises `OperationError` once Fivetran has refused them.
        """
        if api_key.is_refused:
            raise OperationError(ApiKey.NOT_DONE)
        with self._lock:
            if self._client is None:
                self._client = (self._connect or fivetran.FivetranClient.from_environment)()
            return self._client

    def declare(
        self,
        connections: Mapping[str, str],
        replaced: Iterable[str] = (),
        left_groups: Iterable[str] = (),
        permanent: Mapping[str, Mapping[str, bool]] | None = None,
    ) -> None:
        """Remember what this run declares: unit names by connection name. `Preflight` does so first.

        `replaced` are the connections that a file says may give way to a new one; `left_groups` are the groups that
        the environment may leave for another; `permanent` are the keys of config, by dotted paths, that do not change
        in a connection that exists, with whether its file allows that, by its name.
        """
        with self._lock:
            self._declared = dict(connections)
            self._replaced = frozenset(replaced)
            self._left_groups = frozenset(left_groups)
            self._permanent = {name: dict(paths) for name, paths in (permanent or {}).items()}

    def may_replace(self, connection_name: str) -> bool:
        """Whether a file of this run says that this connection may give way to a new one."""
        with self._lock:
            return connection_name in self._replaced

    def permanent(self, connection_name: str) -> Mapping[str, bool]:
        """The keys of a connection's config that do not change once it exists, with whether its file allows that."""
        with self._lock:
            return self._permanent.get(connection_name, {})

    def may_leave(self, group: str) -> bool:
        """Whether the environment may leave this group for another."""
        with self._lock:
            return group in self._left_groups

    def recall(self, intents: Mapping[str, Intent]) -> None:
        """Take the intents that earlier runs recorded, by connection name. `Preflight` does so first."""
        with self._lock:
            self._intents = dict(intents)

    def intent(self, connection_name: str) -> Intent | None:
        """The intent of an earlier run to create a connection, unless it is used up."""
        with self._lock:
            return self._intents.get(connection_name)

    def leave_out(self, units: Mapping[str, Mapping[str, Any]]) -> None:
        """Take what files declare of connections that `Preflight` did not look for, by connection name."""
        with self._lock:
            self._not_looked_for = dict(units)

    def not_looked_for(self, connection_name: str) -> Mapping[str, Any] | None:
        """What a file declares of a connection not looked for by `Preflight`; else None."""
        with self._lock:
            return self._not_looked_for.get(connection_name)

    def refreshed(self, connection_name: str, live: Connection | None) -> None:
        """Note what a refresh found of a connection that state has; None where it is gone."""
        with self._lock:
            self._in_state[connection_name] = live

    def in_state(self) -> dict[str, Connection | None]:
        """What `refreshed` noted in this process, by connection name."""
        with self._lock:
            return dict(self._in_state)

    def creator(self) -> Creator:
        """Whose API key this is (get_account_info), asked for once. Raises what the client raises."""
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
        except (fivetran.FivetranError, OperationError):
            return datetime.now(UTC)

    def expect_datasets(
        self,
        declared: Iterable[DatasetDeclaration],
        existing: Mapping[str, tuple[Mapping[str, Any], ...] | None],
        writer: str | None = None,
    ) -> None:
        """Remember what files declare of datasets, and which of these exist, with the access lists that were read.

        `Preflight` does so first. `writer` is Fivetran's service account, where it had to be asked for.
        """
        with self._lock:
            self._writer = writer
            self._expected_datasets = {each.id: each for each in declared}
            self._existing_datasets = dict(existing)

    def expected_dataset(self, dataset_id: str) -> DatasetDeclaration | None:
        """Return what a file declares of a dataset; None where no program runs."""
        with self._lock:
            return self._expected_datasets.get(dataset_id)

    def fivetrans_account(self) -> str | None:
        """Return Fivetran's service account where a preview knows it although no resource does yet."""
        with self._lock:
            return self._writer

    def dataset_exists(self, dataset_id: str) -> bool:
        """Whether a declared dataset existed when the run began."""
        with self._lock:
            return dataset_id in self._existing_datasets

    def access_list_found(self, dataset_id: str) -> tuple[Mapping[str, Any], ...]:
        """Return the access list of a dataset as `Preflight` read it; empty where it did not."""
        with self._lock:
            return self._existing_datasets.get(dataset_id) or ()

    def failed(self, file: str, text: str, about: str = "") -> None:
        """Remember, and log, that a unit of this run does not work; the `Outcome` tells them all in the end.

        A later text about the same takes the place of an earlier one. `text` may begin with a line of the file.
        """
        with self._lock:
            known = self._failures.setdefault(file, {}).get(about)
            self._failures[file][about] = text
        if known is None or not about:
            logger.error("%s", text if text.startswith(file) else f"{file}: {text}")

    def also_denied(self, file: str, text: str, dataset_id: str) -> list[str]:
        """Note that Google denies what a line grants on a dataset; return all the datasets of that line."""
        with self._lock:
            datasets = self._denied.setdefault((file, text), [])
            datasets.append(dataset_id)
            return list(datasets)

    def failures(self) -> dict[str, str]:
        """What `failed` was told, by file."""
        with self._lock:
            return {file: "\n".join(texts.values()) for file, texts in self._failures.items()}

    def breaks_policy(self, file: str, text: str) -> None:
        """Remember, and log, what the environment forbids and a run cannot undo; the `Outcome` tells it in the end."""
        with self._lock:
            self._against_policy[file] = text
        logger.error("%s: %s", file, text)

    def against_policy(self) -> dict[str, str]:
        """What `breaks_policy` was told, by file."""
        with self._lock:
            return dict(self._against_policy)

    def declarer(self, connection_name: str) -> str | None:
        """The unit that declares a connection in this run, or None: also when the run has no program (a destroy)."""
        with self._lock:
            return self._declared.get(connection_name)

    def expect(self, names: Iterable[str], with_tables: Iterable[str] = ()) -> None:
        """The connections that state holds, so that a refresh need not read others that live in the group.

        `with_tables` are those of them whose schema config is declared, and read as well.
        """
        with self._lock:
            self._expected = frozenset(names)
            self._with_tables = frozenset(with_tables)
        self._read_ahead()

    def refreshes(self, group_id: str) -> None:
        """A refresh of this group has begun: what state holds in it is read from now on, while the engine goes on."""
        with self._lock:
            self._refreshed = group_id
        self._read_ahead()

    def _read_ahead(self) -> None:
        """Start reading once it is known what, and where. Whether that works is for those who need an answer to see."""
        with self._lock:
            group_id = self._refreshed if self._expected else None
        if group_id is not None:
            threading.Thread(target=self._try_prefetch, args=(group_id,), name="read-ahead", daemon=True).start()

    def _try_prefetch(self, group_id: str) -> None:
        # Whatever it is: a thread's error is printed as a traceback. Operations that need an answer report it.
        with suppress(Exception):
            self._prefetch(group_id)

    def known(self, group_id: str, name: str) -> Connection | None:
        """The group's oldest connection of a name as of the process's one listing of the group, or None."""
        return self._listing(group_id).get(name)

    def forget(self, group_id: str, connection_id: str) -> None:
        """Take a connection that this run deleted out of the group's listing."""
        with self._lock:
            future = self._lists.get(group_id)
            if future is not None and future.done() and future.exception() is None:
                listed = future.result()
                for name in [name for name, each in listed.items() if each.id == connection_id]:
                    del listed[name]

    def live(self, group_id: str, name: str) -> list[Connection]:
        """The connections of a name in a group as of now, oldest first. Asks the API.

        A name of two parts is looked for in the whole group: the filter is documented for schema names only.
        """
        filtered = self.client().list_connections(group_id, schema=None if "." in name else name)
        return sorted((item for item in filtered if item.schema == name), key=_age)

    def read(self, group_id: str, connection_id: str, reader: str) -> Connection:
        """A connection in full. The first call of a run starts reading the whole group, and later ones find theirs.

        One answer serves each kind of `reader` once: whoever asks again wants to know what is so by then. Raises
        `NotFound` when it is gone.
        """
        self._prefetch(group_id)
        with self._lock:
            future = self._reads.get(connection_id) if (connection_id, reader) not in self._read_by else None
            self._read_by.add((connection_id, reader))
        return future.result() if future is not None else self.client().get_connection(connection_id)

    def read_schema(self, connection_id: str) -> StandardConfig:
        """A connection's schema config; of an expected one as it was read when the reading of its group began.

        One answer serves once. Raises `NotFound` where there is none, and for a connection that is gone.
        """
        with self._lock:
            future = self._schemas.pop(connection_id, None)
        return future.result() if future is not None else self.client().get_schema_config(connection_id)

    @contextmanager
    def editing(self, connection_id: str) -> Iterator[None]:
        """Hold this around changes of one connection that Fivetran would refuse as a conflict if made at once."""
        with self._lock:
            lock = self._edited.setdefault(connection_id, threading.RLock())
        with lock:
            yield

    def service_account(self, group_id: str) -> str:
        """The address of the account with which Fivetran writes a group's data, asked for once."""
        return self._of_group("service account", group_id, self.client().group_service_account)

    def public_key(self, group_id: str) -> str:
        """The key with which Fivetran opens SSH tunnels for a group, asked for once."""
        return self._of_group("public key", group_id, self.client().group_public_key)

    def _of_group(self, what: str, group_id: str, ask: Callable[[str], str]) -> str:
        with self._lock:
            known = self._of_groups.get((what, group_id))
        if known is None:
            known = ask(group_id)
            with self._lock:
                self._of_groups[what, group_id] = known
        return known

    def _listing(self, group_id: str) -> dict[str, Connection]:
        with self._lock:
            future = self._lists.get(group_id)
            mine = future is None
            if future is None:
                future = self._lists[group_id] = Future()
        if mine:
            try:
                newest_first = sorted(self.client().list_connections(group_id), key=_age, reverse=True)
                future.set_result({item.schema: item for item in newest_first})
            except BaseException as error:
                with self._lock:
                    del self._lists[group_id]
                future.set_exception(error)
        return future.result()

    def _prefetch(self, group_id: str) -> None:
        listing = self._listing(group_id)
        client = self.client()
        with self._lock:
            if group_id in self._prefetched:
                return
            self._prefetched.add(group_id)
            pool = ThreadPoolExecutor(READERS, thread_name_prefix="read-connections")
            for name, item in listing.items():
                if not self._expected or name in self._expected:
                    self._reads[item.id] = pool.submit(client.get_connection, item.id)
                if name in self._with_tables:
                    self._schemas[item.id] = pool.submit(client.get_schema_config, item.id)
        pool.shutdown(wait=False)


def _age(connection: Connection) -> tuple[str, str]:
    """Sorts connections from the oldest on."""
    return connection.created_at or "", connection.id


#: This process's.
session = Session()
