"""The settings of connections and destinations outside `config`, by the names of Fivetran's API.

Operations create_connection, modify_connection, create_destination and modify_destination. The schedule and the pause
have keys of their own in a file. Actions (a historical sync, a connect card) are not settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.reference import Json

#: The values that Fivetran takes. It also returns `UnmanagedProxyAgent` and `Unknown`.
_NETWORKING_METHODS = ("Directly", "SshTunnel", "PrivateLink", "ProxyAgent")


@dataclass(frozen=True)
class Setting:
    """One setting."""

    default: Json = None
    """The value that Fivetran uses without one in the request; None if there is none, or it is not documented."""
    choices: tuple[str, ...] = ()
    fixed: bool = False
    """Whether Fivetran rejects changes once the object exists."""
    tested: bool = False
    """Whether a change needs new setup tests, because they can find a wrong value."""
    in_config: bool = False
    """Whether the API has it in `config`."""


_NETWORK: Mapping[str, Setting] = {
    "networking_method": Setting("Directly", _NETWORKING_METHODS, tested=True),
    "proxy_agent_id": Setting(tested=True),
    "private_link_id": Setting(tested=True),
    "hybrid_deployment_agent_id": Setting(tested=True),
    "external_secrets_manager_id": Setting(tested=True),
}

CONNECTION_SETTINGS: Mapping[str, Setting] = {
    **_NETWORK,
    "external_secrets_keys_config": Setting(tested=True),
    "data_delay_sensitivity": Setting("NORMAL", ("LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY")),
    "data_delay_threshold": Setting(0),
    "pause_after_trial": Setting(False),
    "destination_schema_names": Setting("FIVETRAN_NAMING", ("FIVETRAN_NAMING", "SOURCE_NAMING"), fixed=True),
}

DESTINATION_SETTINGS: Mapping[str, Setting] = {
    **_NETWORK,
    "daylight_saving_time_enabled": Setting(),
    "bucket": Setting(tested=True, in_config=True),
    "support_json_type": Setting(in_config=True),
}
