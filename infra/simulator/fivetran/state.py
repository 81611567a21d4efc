"""The state of the local Fivetran, without HTTP.

One event loop serves all requests, and no operation here awaits. So every change is atomic, without locks.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from simulator.fivetran.catalogue import Catalogue
from simulator.fivetran.errors import too_many
from simulator.fivetran.limits import Limits, Quotas
from simulator.fivetran.options import Options
from simulator.fivetran.scalars import timestamp
from simulator.fivetran.schema_config import StandardConfig
from simulator.fivetran.slugs import new_slug

#: A JSON object of a request or an answer.
Json = dict[str, Any]


@dataclass
class Credential:
    """An API key, of a user, whose id is `connected_by` of new connections, or of the system."""

    key: str
    secret: str = field(repr=False)
    kind: Literal["user", "system"] = "user"
    read_only: bool = False
    expired: bool = False
    permissions: dict[str, str] | None = None
    """The access level, READ or MANAGE, by resource type (USER, TEAM, ROLES, DESTINATION, CONNECTOR); None: all."""
    expires_at: str | None = None
    """When a system key expires. Answers show it; `expired` makes it so."""

    @property
    def owner(self) -> str:
        """The id in account info."""
        return f"{self.kind}_{self.key}"


#: The default credentials. Not secret: they work with this simulator only.
DEFAULT_CREDENTIALS = (
    Credential("simulator-key", "simulator-secret"),
    Credential("simulator-read-only-key", "simulator-secret", read_only=True),
)


@dataclass
class User:
    """A user of the account, with the role in it.

    One who was invited and not yet verified has no access.
    """

    id: str
    email: str
    created_at: datetime
    given_name: str | None = None
    family_name: str | None = None
    role: str | None = None
    invited: bool = True
    verified: bool = False
    active: bool = True
    phone: str | None = None
    picture: str | None = None
    logged_in_at: datetime | None = None


@dataclass
class Membership:
    """A role in a group or a team."""

    role: str
    created_at: datetime


@dataclass
class Team:
    """A team of users. `role` is that in the account. `users` are by id."""

    id: str
    name: str
    created_at: datetime
    description: str | None = None
    role: str | None = None
    users: dict[str, Membership] = field(default_factory=dict)


@dataclass
class Group:
    """A group. Its destination, if any, has the same id."""

    id: str
    name: str
    created_at: datetime


@dataclass
class Destination:
    """A destination. `id` is the group's."""

    id: str
    service: str
    region: str
    time_zone_offset: str
    created_at: datetime
    daylight_saving_time_enabled: bool = True
    networking_method: str | None = "Directly"
    proxy_agent_id: str | None = None
    private_link_id: str | None = None
    hybrid_deployment_agent_id: str | None = None
    external_secrets_manager_id: str | None = None
    config: Json = field(default_factory=dict, repr=False)
    setup_status: str = "incomplete"
    setup_tests: list[Json] = field(default_factory=list)
    certificates: list[Json] = field(default_factory=list)
    fingerprints: list[Json] = field(default_factory=list)


@dataclass
class Connection:
    """A connection.

    `config` and `auth` are those of the last request. `effective` is what syncs use since the last setup tests. Both
    have secrets in clear, as in the real service. `first_sync` is the config and selection of the first sync,
    `written_datasets` the datasets of all syncs, `history` all events in order.
    """

    id: str
    group_id: str
    service: str
    name: str
    created_at: datetime
    naming: Json = field(default_factory=dict)
    config: Json = field(default_factory=dict, repr=False)
    auth: Json = field(default_factory=dict, repr=False)
    effective: Json | None = field(default=None, repr=False)
    consented: bool = False
    connected_by: str | None = None
    paused: bool = False
    pause_after_trial: bool = False
    sync_frequency: int = 360
    daily_sync_time: str | None = None
    schedule_type: str = "auto"
    data_delay_sensitivity: str = "NORMAL"
    data_delay_threshold: int = 0
    networking_method: str = "Directly"
    proxy_agent_id: str | None = None
    private_link_id: str | None = None
    hybrid_deployment_agent_id: str | None = None
    external_secrets_manager_id: str | None = None
    external_secrets_keys_config: Json | None = None
    destination_schema_names: str = "FIVETRAN_NAMING"
    destination_configuration: Json | None = None
    connect_card_config: Json | None = None
    setup_state: str = "incomplete"
    schema_status: str | None = None
    syncing: bool = False
    update_state: str = "on_schedule"
    is_historical_sync: bool = True
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    tasks: list[Json] = field(default_factory=list)
    warnings: list[Json] = field(default_factory=list)
    setup_tests: list[Json] = field(default_factory=list)
    last_test_flags: Json = field(default_factory=dict)
    certificates: list[Json] = field(default_factory=list)
    fingerprints: list[Json] = field(default_factory=list)
    function_state: Any = None
    syncs: int = 0
    owes_sync: bool = False
    schema_config: StandardConfig | None = None
    first_sync: Json | None = None
    written_datasets: list[str] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)

    @property
    def sync_state(self) -> str:
        """`syncing`, `paused` or `scheduled`."""
        if self.syncing:
            return "syncing"
        return "paused" if self.paused else "scheduled"


@dataclass
class Package:
    """A package of the Connector SDK: a ZIP file with code."""

    id: str
    content: bytes = field(repr=False)
    created_by: str
    last_updated_by: str
    created_at: datetime
    updated_at: datetime


@dataclass
class TestScript:
    """Results for setup tests, instead of or beside those that the state gives.

    `target` is an id or a connection's name. `runs` counts down; None has no end. `results` replaces the results;
    `accepts` maps dotted paths (`config.api_key`) to the only value that the vendor accepts; a run takes `seconds`.
    """

    __test__ = False  # Its name looks like a test class to pytest.

    target: str
    runs: int | None = 1
    results: list[Json] | None = None
    accepts: dict[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 0.0


class FivetranState:
    """The state of an account. `now` and `monotonic` are clocks, which tests can replace.

    `writes` returns whether a service account may write in a Google Cloud project (project, account), for the setup
    tests of a destination.
    """

    def __init__(
        self,
        *,
        options: Options | None = None,
        credentials: Iterable[Credential] = DEFAULT_CREDENTIALS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        writes: Callable[[str, str], bool] = lambda _project, _account: True,
    ) -> None:
        self.now = now
        self.writes = writes
        self.options = options or Options()
        self.credentials = {credential.key: dataclasses.replace(credential) for credential in credentials}
        self.catalogue = Catalogue.load()
        self._monotonic = monotonic
        self.clear()

    def clear(self) -> None:
        """Delete every object, script and used quota, but not options, credentials and services."""
        self.groups: dict[str, Group] = {}
        self.destinations: dict[str, Destination] = {}
        self.connections: dict[str, Connection] = {}
        self.scripts: list[TestScript] = []
        self.sources: dict[str, Json] = {}
        self.packages: dict[str, Package] = {}
        #: The users besides the owners of keys, and those of them that were changed.
        self.users: dict[str, User] = {}
        self.teams: dict[str, Team] = {}
        #: By kind of member, the member's id, and the group's id.
        self.memberships: dict[tuple[Literal["user", "team"], str, str], Membership] = {}
        #: The scope of each custom role.
        self.custom_roles: dict[str, str] = {}
        #: Certificates and keys of hosts, by name (`trust`).
        self.hosts: dict[str, Json] = {}
        #: The connection whose setup page a token opens, and the token's last moment.
        self.connect_cards: dict[str, tuple[str, datetime]] = {}
        self.quotas = Quotas(self._monotonic)
        self._events = 0
        self._named: dict[tuple[str, str], list[str]] = {}
        self._grouped: dict[str, dict[str, Connection]] = {}

    def new_id(self) -> str:
        """Return an unused id."""
        return new_slug(self.groups.keys() | self.connections.keys() | self.packages.keys())

    def new_member_id(self) -> str:
        """Return an unused id of a user or a team."""
        return new_slug(self.users.keys() | self.teams.keys())

    def drop_member(self, kind: Literal["user", "team"], member_id: str) -> None:
        """Remove a deleted user or team from all groups and teams."""
        for key in [key for key in self.memberships if key[:2] == (kind, member_id)]:
            del self.memberships[key]
        for team in self.teams.values() if kind == "user" else ():
            team.users.pop(member_id, None)

    def add_connection(self, connection: Connection) -> None:
        """Add a connection."""
        self.connections[connection.id] = connection
        self._grouped.setdefault(connection.group_id, {})[connection.id] = connection
        self._named.setdefault((connection.group_id, connection.name), []).append(connection.id)

    def drop_connection(self, connection: Connection) -> None:
        """Remove a connection."""
        del self.connections[connection.id]
        del self._grouped[connection.group_id][connection.id]
        self._named[connection.group_id, connection.name].remove(connection.id)

    def connections_in(self, group_id: str) -> Iterator[Connection]:
        """Return a group's connections, oldest first."""
        return iter(self._grouped.get(group_id, {}).values())

    def connections_named(self, group_id: str, name: str) -> Iterator[Connection]:
        """Return a group's connections with a name, oldest first; several only if an option allows it."""
        return (self.connections[id_] for id_ in self._named.get((group_id, name), ()))

    def moment(self) -> str:
        """Return the current time as answers write it."""
        return timestamp(self.now()) or ""

    def note(self, connection: Connection, event: str, **details: Any) -> None:
        """Add an event to a connection's history, numbered across the account."""
        self._events += 1
        connection.history.append({"number": self._events, "at": self.moment(), "event": event, **details})

    def take_request(self) -> None:
        """Count a request; 429 if the hour's quota is used up."""
        limit = self.options.requests_per_hour
        wait = self.quotas.take_request(limit)
        if wait is not None:
            raise too_many(f"Max {limit} api calls allowed in one-hour rolling time period", wait)

    def take_setup_tests(self) -> None:
        """Count a run of setup tests; 429 if a quota is used up. Must be called before any change."""
        per_minute, per_hour = self.options.setup_tests_per_minute, self.options.setup_tests_per_hour
        wait = self.quotas.take_tests((per_minute, per_hour), self._source_limits)
        if wait is not None:
            raise too_many(f"Max {per_minute} setup tests a minute and {per_hour} an hour allowed", wait)

    def take_source_interaction(self) -> None:
        """Count a request to a source; 429 if a quota is used up. Setup tests count too."""
        wait = self.quotas.take_source_interaction(self._source_limits)
        if wait is not None:
            per_minute, per_hour = self._source_limits
            raise too_many(f"Max {per_minute} source interactions a minute and {per_hour} an hour allowed", wait)

    @property
    def _source_limits(self) -> Limits:
        return self.options.source_interactions_per_minute, self.options.source_interactions_per_hour
