"""Fivetran's answers, as frozen data: the fields that the project uses, by the API's names.

Parsing accepts any answer with an id: it ignores unknown fields, and keeps unknown states. Absent and malformed fields
become None, or an empty string, tuple or mapping. States (`setup_state`, …) are in lower case, results of setup tests
in upper case. Times are strings as the API writes them (ISO 8601, UTC). `repr` hides `config`. An answer without its id
raises `json_reader.MissingId`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self, TypeAlias

from reconciler.fivetran.api.json_reader import flag, identity, mapping, moment, records, text, whole, word

_SHA256 = re.compile("[0-9a-f]{64}")
_GOOD_RESULTS = frozenset({"PASSED", "SKIPPED", "WARNING"})

#: The settings of a connection and a destination outside `config`.
_CONNECTION_SETTINGS = (
    "networking_method",
    "proxy_agent_id",
    "private_link_id",
    "hybrid_deployment_agent_id",
    "external_secrets_manager_id",
    "external_secrets_keys_config",
    "data_delay_sensitivity",
    "data_delay_threshold",
    "pause_after_trial",
    "destination_schema_names",
)
_DESTINATION_SETTINGS = (
    "networking_method",
    "proxy_agent_id",
    "private_link_id",
    "hybrid_deployment_agent_id",
    "external_secrets_manager_id",
    "daylight_saving_time_enabled",
)


def _present_fields(data: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if value is not None}


def _settings(data: Mapping[str, object], names: tuple[str, ...]) -> dict[str, object]:
    return {name: data[name] for name in names if data.get(name) is not None}


@dataclass(frozen=True)
class SetupTest:
    """The result of a setup test.

    `message` and `details` come from Fivetran and may quote a secret: mask them.
    """

    title: str
    status: str
    message: str
    details: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    """More about a failed test: certificates and host keys without approval, or a text under `message`."""

    @property
    def failed(self) -> bool:
        """Whether the result is none of PASSED, SKIPPED and WARNING."""
        return self.status not in _GOOD_RESULTS

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read an item of `setup_tests`."""
        status = text(data.get("status")) or ""
        details = data.get("details")
        detail = text(details)
        return cls(
            title=text(data.get("title")) or "",
            status=status.strip().upper(),
            message=text(data.get("message")) or "",
            details=records(details if isinstance(details, list) else [{"message": detail} if detail else details]),
        )

    @classmethod
    def parse_all(cls, value: object) -> tuple[Self, ...]:
        """Read `setup_tests`; empty if absent."""
        return tuple(cls.parse(item) for item in records(value))


@dataclass(frozen=True)
class Alert:
    """A task or a warning that Fivetran shows on a connection."""

    code: str
    message: str

    @classmethod
    def parse_all(cls, value: object) -> tuple[Self, ...]:
        """Read `tasks` or `warnings`."""
        return tuple(cls(text(item.get("code")) or "", text(item.get("message")) or "") for item in records(value))


@dataclass(frozen=True)
class AccountInfo:
    """The account of the key. By the kind of key, it has `user_id` or `system_key_id`."""

    account_id: str
    account_name: str | None
    user_id: str | None
    system_key_id: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read AccountInfoResponse."""
        return cls(
            account_id=identity(data, "account_id"),
            account_name=text(data.get("account_name")),
            user_id=text(data.get("user_id")),
            system_key_id=text(data.get("system_key_id")),
        )


@dataclass(frozen=True)
class User:
    """A person, or an account of a service.

    `role` is that in the account, or in the group whose users were listed.
    """

    id: str
    email: str | None
    active: bool | None
    role: str | None = None
    is_pending: bool = False
    """Whether the user was invited and has not accepted, and so has no access yet."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read UserResponse."""
        invited, verified = flag(data.get("invited")), flag(data.get("verified"))
        return cls(
            identity(data, "id"),
            text(data.get("email")),
            flag(data.get("active")),
            text(data.get("role")),
            invited is True and verified is False and data.get("logged_in_at") is None,
        )


@dataclass(frozen=True)
class Team:
    """A team of users. `role` is that in the account."""

    id: str
    name: str
    role: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read TeamResponse."""
        return cls(identity(data, "id"), text(data.get("name")) or "", text(data.get("role")))


@dataclass(frozen=True)
class Role:
    """A role. `scopes` are in upper case: ACCOUNT, DESTINATION, CONNECTOR, TEAM."""

    name: str
    scopes: frozenset[str]
    replacement: str | None
    """The role that replaced a deprecated one."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read RoleResponse, which has no id but its name."""
        scopes = data.get("scope")
        return cls(
            identity(data, "name"),
            frozenset(str(each).upper() for each in scopes) if isinstance(scopes, list) else frozenset(),
            text(data.get("replacement_role_name")) or None,
        )


@dataclass(frozen=True)
class SystemKey:
    """An API key of the account, without its secret. `expires_at` is None for one that never expires."""

    id: str
    name: str
    expires_at: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read SystemKeyResponse."""
        return cls(identity(data, "id"), text(data.get("name")) or "", moment(data.get("expired_at")))


@dataclass(frozen=True)
class Group:
    """A group of connections, with at most one destination, which has the same id."""

    id: str
    name: str
    created_at: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read GroupResponse."""
        return cls(identity(data, "id"), text(data.get("name")) or "", moment(data.get("created_at")))


@dataclass(frozen=True)
class Package:
    """A package of the Connector SDK.

    `connection_id` is None until a connection uses it; `sha256` is of its file.
    """

    id: str
    connection_id: str | None
    created_at: str | None
    sha256: str | None
    created_by: str | None = None
    """The id of the user who created it."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read ConnectorSdkPackageResponse."""
        hashed = word(data.get("file_sha256_hash")) or ""
        return cls(
            id=identity(data, "id"),
            connection_id=text(data.get("connection_id")),
            created_at=moment(data.get("created_at")),
            sha256=hashed if _SHA256.fullmatch(hashed) else None,
            created_by=text(data.get("created_by")),
        )


@dataclass(frozen=True)
class Destination:
    """A group's destination. Lists lack `config` and `setup_tests`.

    Numbers in `config` come back as strings.
    """

    id: str
    group_id: str
    service: str
    region: str | None
    time_zone_offset: str | None
    setup_status: str | None
    config: Mapping[str, object] = field(repr=False)
    setup_tests: tuple[SetupTest, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    """What it has besides, by the API's names; what is null or absent is not in it."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read DestinationResponse. The destination and its group have the same id."""
        return cls(
            id=identity(data, "id", "group_id"),
            group_id=identity(data, "group_id", "id"),
            service=text(data.get("service")) or "",
            region=text(data.get("region")),
            time_zone_offset=text(data.get("time_zone_offset")),
            setup_status=word(data.get("setup_status")),
            config=mapping(data.get("config")),
            setup_tests=SetupTest.parse_all(data.get("setup_tests")),
            settings=_settings(
                # Some servers have only the older name of the agent.
                {"hybrid_deployment_agent_id": data.get("local_processing_agent_id"), **_present_fields(data)},
                _DESTINATION_SETTINGS,
            ),
        )


@dataclass(frozen=True)
class Connection:
    """A connection. `schema` is its name, unique in the group.

    Lists lack `config` and `setup_tests`. In `config`, passwords come back as six asterisks, and unset keys as the
    service's defaults. `sync_frequency` is in minutes. Answers of create, update and test have `setup_tests`.
    """

    id: str
    group_id: str
    service: str
    schema: str
    paused: bool | None
    schedule_type: str | None
    sync_frequency: int | None
    daily_sync_time: str | None
    setup_state: str | None
    sync_state: str | None
    update_state: str | None
    is_historical_sync: bool | None
    succeeded_at: str | None
    failed_at: str | None
    created_at: str | None
    connected_by: str | None
    """The id of the user who created it; None if none did."""
    tasks: tuple[Alert, ...]
    warnings: tuple[Alert, ...]
    setup_tests: tuple[SetupTest, ...]
    config: Mapping[str, object] = field(repr=False)
    settings: Mapping[str, object] = field(default_factory=dict)
    """What it has besides, by the API's names; what is null or absent is not in it."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read ConnectorResponseV1, or an item of a list of them."""
        status = mapping(data.get("status"))
        return cls(
            id=identity(data, "id"),
            group_id=text(data.get("group_id")) or "",
            service=text(data.get("service")) or "",
            schema=text(data.get("schema")) or "",
            paused=flag(data.get("paused")),
            schedule_type=word(data.get("schedule_type")),
            sync_frequency=whole(data.get("sync_frequency")),
            daily_sync_time=text(data.get("daily_sync_time")),
            setup_state=word(status.get("setup_state")),
            sync_state=word(status.get("sync_state")),
            update_state=word(status.get("update_state")),
            is_historical_sync=flag(status.get("is_historical_sync")),
            succeeded_at=moment(data.get("succeeded_at")),
            failed_at=moment(data.get("failed_at")),
            created_at=moment(data.get("created_at")),
            connected_by=text(data.get("connected_by")),
            tasks=Alert.parse_all(status.get("tasks")),
            warnings=Alert.parse_all(status.get("warnings")),
            setup_tests=SetupTest.parse_all(data.get("setup_tests")),
            config=mapping(data.get("config")),
            settings=_settings(data, _CONNECTION_SETTINGS),
        )


#: What a connection can trust, as the API's paths name it.
ApprovalKind: TypeAlias = Literal["certificates", "fingerprints"]


@dataclass(frozen=True)
class Approval:
    """An approved certificate or SSH host key of a connection.

    `id` is for paths, `hash` is Fivetran's hash of the content. For a certificate Fivetran returns its name, for a host
    key its content.
    """

    id: str
    hash: str
    name: str | None
    public_key: str | None

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read CertificateDetailsResponse or FingerprintDetailsResponse. The id is the hash in Base64URL."""
        hashed = identity(data, "hash")
        id_ = text(data.get("id")) or base64.urlsafe_b64encode(hashed.encode()).decode().rstrip("=")
        return cls(id_, hashed, text(data.get("name")), text(data.get("public_key")))


@dataclass(frozen=True)
class ConnectorType:
    """A service. `config` and `auth` describe its fields, similar to JSON Schema; lists lack them."""

    id: str
    name: str
    type: str | None
    connector_class: str | None
    service_status: str | None
    link_to_docs: str | None
    supported_features: tuple[str, ...]
    config: Mapping[str, object] = field(repr=False)
    auth: Mapping[str, object] = field(repr=False)

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read MetadataResponse, or an item of the list."""
        features = (text(item.get("id")) for item in records(data.get("supported_features")))
        return cls(
            id=identity(data, "id"),
            name=text(data.get("name")) or "",
            type=text(data.get("type")),
            connector_class=word(data.get("connector_class")),
            service_status=word(data.get("service_status")),
            link_to_docs=text(data.get("link_to_docs")),
            supported_features=tuple(feature for feature in features if feature),
            config=mapping(data.get("config")),
            auth=mapping(data.get("auth")),
        )
