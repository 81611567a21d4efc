"""What differs between accounts, and what Fivetran's documentation leaves open: one switch for each.

A client that is right behaves well under every value. The defaults are the stricter reading, or the one that is more
dangerous for a client that trusts too much.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


class OptionError(ValueError):
    """An option that does not exist, or a value that it cannot have."""


@dataclass
class Options:
    """The switches. Read at every request, so a change holds from the next one on."""

    #: A connection whose name another one in the group has. Documented as unique; the answer is not.
    duplicate_schema: Literal["conflict", "invalid", "allowed"] = "conflict"
    #: The code of the 404 for a connection; both occur.
    missing_connection_code: Literal["NotFound_Connection", "NotFound_Connector"] = "NotFound_Connection"
    #: `******` sent back for a secret. "store" makes it the secret's new value.
    masked_value: Literal["refuse", "ignore", "store"] = "refuse"
    #: A PATCH of what cannot change (service, group, destination schema, immutable and read-only config).
    immutable_change: Literal["refuse", "ignore"] = "refuse"
    #: A config or auth key that the service does not have.
    unknown_config_key: Literal["refuse", "ignore", "store"] = "refuse"
    #: A top-level field that the operation does not have.
    unknown_field: Literal["refuse", "ignore"] = "refuse"
    #: Setup tests of a service that a person must authorise first: one failed test, or no test at all.
    consent_test: Literal["failed", "none"] = "failed"
    #: Whether a PATCH with tests on runs them always, or only when it changes `config` or `auth`.
    patch_tests: Literal["always", "config"] = "always"
    #: `Accept: …;version=2` outside connections and destinations.
    version_elsewhere: Literal["refuse", "accept"] = "refuse"
    #: Two groups of one name.
    duplicate_group_name: Literal["allowed", "conflict"] = "allowed"
    #: Deleting a group that still has a destination or connections; "cascade" deletes those as well.
    delete_used_group: Literal["conflict", "cascade"] = "conflict"
    #: A sync triggered on a connection that is paused or not connected: refused, or answered 200 with no sync.
    sync_of_unready: Literal["conflict", "ignore"] = "conflict"
    #: A name in a schema change that the schema config does not have; "store" takes it in. Documented as not found.
    unknown_schema_item: Literal["not_found", "store", "ignore"] = "not_found"
    #: A change of whether a locked table or column syncs: 400, or answered 200 and not made.
    locked_schema_item: Literal["refuse", "ignore"] = "refuse"
    #: `enabled` in each node of a schema change. Documented as required; Fivetran takes a change without it, which
    #: leaves the node as it is.
    enabled_in_schema_change: Literal["required", "optional"] = "optional"
    #: A schema config sent ahead for a connection that has one: 409, 400, or it replaces one that was sent ahead, too.
    second_early_schema: Literal["conflict", "invalid", "replace"] = "conflict"
    #: Tables that a schema config sent ahead does not name: they sync, or as `schema_change_handling` says.
    unnamed_in_early_schema: Literal["enabled", "handling"] = "enabled"
    #: What the answer to a schema change shows: what it named, or the whole config.
    schema_change_answer: Literal["applied", "whole"] = "applied"
    #: Seconds a schema change takes, and a reload. Who changes the config meanwhile makes it fail with 409.
    schema_change_seconds: float = 0.0
    reload_seconds: float = 0.0
    #: A config that names a package which does not exist, or which another connection has.
    package_use: Literal["refuse", "unchecked"] = "refuse"
    #: Whether the API answers under `/v1/connectors`, its name for connections until 2025, as well. Airflow's and
    #: Dagster's packages and Fivetran's own Connector SDK ask there.
    old_paths: bool = True
    #: `destination_schema_names` on create; announced to become required.
    destination_schema_names: Literal["optional", "required"] = "optional"
    #: Optional top-level fields without a value.
    empty_fields: Literal["null", "absent"] = "null"
    #: Config fields without a value.
    empty_config: Literal["absent", "null"] = "absent"
    #: Whether answers repeat the destination-schema keys inside `config`; the documented shape does not.
    schema_in_config: bool = False
    #: What the answer to a create or a change has as the connection's `config`: what is stored, as documented, what was
    #: sent, or nothing.
    config_after_write: Literal["stored", "sent", "absent"] = "stored"
    #: Whether lists carry `config` and `setup_tests`.
    config_in_lists: bool = False
    #: Whether each new destination gets Fivetran's own daily `fivetran_metadata` connection.
    metadata_connection: bool = True
    #: Seconds a sync takes; it succeeds.
    sync_seconds: float = 0.0
    #: Milliseconds added to every answer.
    latency_ms: float = 0.0
    #: Account-wide quotas over rolling windows; None lifts one.
    requests_per_hour: int | None = 20_000
    setup_tests_per_minute: int | None = 250
    setup_tests_per_hour: int | None = 2_500
    source_interactions_per_minute: int | None = 500
    source_interactions_per_hour: int | None = 5_000
    #: Where a destination runs when its region is not given.
    default_region: str = "GCP_US_EAST4"
    #: The GCP project of the groups' service accounts.
    service_account_project: str = "fivetran-production"
    account_id: str = "simulated_account"
    account_name: str = "Simulated account"

    def change(self, values: Mapping[str, object]) -> None:
        """Set several options at once, or none: `OptionError` names the first that is wrong."""
        hints = typing.get_type_hints(type(self))
        for name, value in values.items():
            if name not in hints:
                raise OptionError(f"no option {name!r}; there are {', '.join(sorted(hints))}")
            _check(name, value, hints[name])
        for name, value in values.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, object]:
        """Every option with its value."""
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
