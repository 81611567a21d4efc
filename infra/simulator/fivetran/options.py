"""Switches for what differs between accounts, or is not documented by Fivetran.

A correct client works with every value. The defaults are the stricter behaviour, or the one that is more dangerous for
a careless client.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


class OptionError(ValueError):
    """An option does not exist, or cannot have the value."""


@dataclass
class Options:
    """The switches. Each request reads them, so a change applies from the next request on."""

    #: A connection with the name of another one in the group. Names are documented as unique; the error is not.
    duplicate_schema: Literal["conflict", "invalid", "allowed"] = "conflict"
    #: The code of the 404 for a connection. Fivetran uses both.
    missing_connection_code: Literal["NotFound_Connection", "NotFound_Connector"] = "NotFound_Connection"
    #: A request with `******` for a secret. "store" makes that the secret's new value.
    masked_value: Literal["refuse", "ignore", "store"] = "refuse"
    #: A PATCH of an immutable field (service, group, destination schema, immutable and read-only config).
    immutable_change: Literal["refuse", "ignore"] = "refuse"
    #: An unknown config or auth key.
    unknown_config_key: Literal["refuse", "ignore", "store"] = "refuse"
    #: An unknown top-level field.
    unknown_field: Literal["refuse", "ignore"] = "refuse"
    #: Setup tests before a person has authorised: one failed test, or no test.
    consent_test: Literal["failed", "none"] = "failed"
    #: Whether a PATCH with `run_setup_tests` always runs them, or only if it changes `config` or `auth`.
    patch_tests: Literal["always", "config"] = "always"
    #: `Accept: …;version=2` outside connections and destinations.
    version_elsewhere: Literal["refuse", "accept"] = "refuse"
    #: A second group with the same name.
    duplicate_group_name: Literal["allowed", "conflict"] = "allowed"
    #: Deleting a group with a destination or connections. "cascade" deletes them too.
    delete_used_group: Literal["conflict", "cascade"] = "conflict"
    #: Whether the user whose key creates a group gets the role Manage Destination in it.
    creator_in_group: bool = True
    #: Whether the list of a group's users has those who see it by a role in the account, with that role.
    account_users_in_groups: Literal["listed", "absent"] = "listed"
    #: A role in a group for a member who has one there: 409, or the new role replaces the old one.
    duplicate_membership: Literal["conflict", "replace"] = "conflict"
    #: The former name of a role in a request: stored as the name that replaced it, or as it is.
    former_roles: Literal["replace", "keep"] = "replace"
    #: Starting a sync of a connection that is paused or not connected: rejected, or 200 without a sync.
    sync_of_unready: Literal["conflict", "ignore"] = "conflict"
    #: An unknown name in a schema change. "store" adds it. Documented as not found.
    unknown_schema_item: Literal["not_found", "store", "ignore"] = "not_found"
    #: A change of `enabled` of a locked table or column: 400, or 200 without the change.
    locked_schema_item: Literal["refuse", "ignore"] = "refuse"
    #: `enabled` in each node of a schema change. Documented as required; Fivetran accepts a change without it, which
    #: does not change the node.
    enabled_in_schema_change: Literal["required", "optional"] = "optional"
    #: A schema config before the first capture, if there is one already: 409, 400, or it replaces an earlier one.
    second_early_schema: Literal["conflict", "invalid", "replace"] = "conflict"
    #: Tables that such a schema config does not name: they sync, or `schema_change_handling` decides.
    unnamed_in_early_schema: Literal["enabled", "handling"] = "enabled"
    #: The answer to a schema change: the changed nodes, or the whole config.
    schema_change_answer: Literal["applied", "whole"] = "applied"
    #: Seconds that a schema change and a reload take. Another change meanwhile makes them fail with 409.
    schema_change_seconds: float = 0.0
    reload_seconds: float = 0.0
    #: A config with a package that does not exist, or that another connection uses.
    package_use: Literal["refuse", "unchecked"] = "refuse"
    #: Whether the API also answers under `/v1/connectors`, its name for connections until 2025. The packages of Airflow
    #: and Dagster and Fivetran's Connector SDK use it.
    old_paths: bool = True
    #: `destination_schema_names` on create. Fivetran announced that it becomes required.
    destination_schema_names: Literal["optional", "required"] = "optional"
    #: Optional top-level fields without a value.
    empty_fields: Literal["null", "absent"] = "null"
    #: Config fields without a value.
    empty_config: Literal["absent", "null"] = "absent"
    #: Whether answers repeat the destination-schema keys inside `config`; the documented shape does not.
    schema_in_config: bool = False
    #: The `config` in the answer to a create or a change: the stored one as documented, that of the request, or none.
    #: The last two are guesses: no source describes them.
    config_after_write: Literal["stored", "sent", "absent"] = "stored"
    #: Whether lists have `config` and `setup_tests`.
    config_in_lists: bool = False
    #: Whether each new destination gets Fivetran's daily `fivetran_metadata` connection.
    metadata_connection: bool = True
    #: Seconds that a sync takes. All syncs succeed.
    sync_seconds: float = 0.0
    #: Milliseconds added to every answer.
    latency_ms: float = 0.0
    #: Account-wide quotas over rolling windows; None removes one.
    requests_per_hour: int | None = 20_000
    setup_tests_per_minute: int | None = 250
    setup_tests_per_hour: int | None = 2_500
    source_interactions_per_minute: int | None = 500
    source_interactions_per_hour: int | None = 5_000
    #: The region of a destination without one in the request.
    default_region: str = "GCP_US_EAST4"
    #: The GCP project of the groups' service accounts.
    service_account_project: str = "fivetran-production"
    account_id: str = "simulated_account"
    account_name: str = "Simulated account"

    def change(self, values: Mapping[str, object]) -> None:
        """Set several options at once, or none. Raises `OptionError` for the first invalid one."""
        hints = typing.get_type_hints(type(self))
        for name, value in values.items():
            if name not in hints:
                raise OptionError(f"no option {name!r}; there are {', '.join(sorted(hints))}")
            _check(name, value, hints[name])
        for name, value in values.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, object]:
        """Return every option with its value."""
        return dataclasses.asdict(self)


def _check(name: str, value: object, hint: object) -> None:
    if typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            raise OptionError(f"option {name!r} is one of {', '.join(typing.get_args(hint))}")
        return
    allowed = typing.get_args(hint) or (hint,)
    if float in allowed:
        allowed = (*allowed, int)
    if not any(type(value) is kind for kind in allowed):
        raise OptionError(f"option {name!r} is a {' or '.join(kind.__name__ for kind in allowed)}")
