"""The fields of request bodies outside `config` and `auth`, with their types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator.fivetran.errors import invalid, not_simulated, required
from simulator.fivetran.options import Options
from simulator.fivetran.scalars import typed

Check = Callable[[Any], bool]

_HOUR = re.compile(r"(?:[01]\d|2[0-3]):00")
_REGIONS = """
    GCP_US_EAST4 GCP_US_WEST1 GCP_US_CENTRAL1 GCP_EUROPE_WEST3 GCP_AUSTRALIA_SOUTHEAST1
    GCP_NORTHAMERICA_NORTHEAST1 GCP_EUROPE_WEST2 GCP_ASIA_SOUTHEAST1 GCP_ASIA_SOUTHEAST2 GCP_ASIA_SOUTH1
    GCP_ASIA_NORTHEAST1 AWS_US_EAST_1 AWS_US_EAST_2 AWS_US_WEST_2 AWS_AP_NORTHEAST_1 AWS_AP_SOUTHEAST_1
    AWS_AP_SOUTHEAST_2 AWS_EU_CENTRAL_1 AWS_EU_WEST_1 AWS_EU_WEST_2 AWS_AP_SOUTH_1 AWS_CA_CENTRAL_1
    AWS_US_GOV_WEST_1 AZURE_EASTUS2 AZURE_AUSTRALIAEAST AZURE_UKSOUTH AZURE_WESTEUROPE AZURE_CENTRALUS
    AZURE_CANADACENTRAL AZURE_UAENORTH AZURE_SOUTHEASTASIA AZURE_EASTUS AZURE_JAPANEAST AZURE_CENTRALINDIA
"""
_OFFSETS = [str(hours) for hours in range(-11, 1)] + [f"+{hours}" for hours in range(1, 13)]
_FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
_NUMBERS = frozenset({"sync_frequency", "data_delay_threshold"})


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _flag(value: Any) -> bool:
    return type(value) is bool


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def one_of(*values: Any) -> Check:
    """Return a check for one of the values, with the same type."""
    return lambda value: any(value == allowed and type(value) is type(allowed) for allowed in values)


#: Fields that control setup tests, and are not stored.
TRUST_FLAGS: Mapping[str, Check] = {"trust_certificates": _flag, "trust_fingerprints": _flag}
TEST_FLAGS: Mapping[str, Check] = {"run_setup_tests": _flag, **TRUST_FLAGS}

GROUP: Mapping[str, Check] = {"name": _text}

_NETWORKING: Mapping[str, Check] = {
    "networking_method": one_of("Directly", "SshTunnel", "PrivateLink", "ProxyAgent"),
    "proxy_agent_id": _text,
    "private_link_id": _text,
    "hybrid_deployment_agent_id": _text,
    "external_secrets_manager_id": _text,
}


def _texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())


def _card_config(value: Any) -> bool:
    if not isinstance(value, Mapping) or not value.keys() <= {"redirect_uri", "hide_setup_guide", "all_fields"}:
        return False
    uri = value.get("redirect_uri")
    flags = (value[name] for name in value if name != "redirect_uri")
    return (
        isinstance(uri, str) and uri.startswith(("http://", "https://")) and all(type(flag) is bool for flag in flags)
    )


CONNECT_CARD: Mapping[str, Check] = {"connect_card_config": _card_config}

CONNECTION: Mapping[str, Check] = {
    "config": _mapping,
    "auth": _mapping,
    "paused": _flag,
    "pause_after_trial": _flag,
    "sync_frequency": one_of(*_FREQUENCIES),
    "daily_sync_time": lambda value: isinstance(value, str) and _HOUR.fullmatch(value) is not None,
    "schedule_type": one_of("auto", "manual"),
    "data_delay_sensitivity": one_of("LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY"),
    "data_delay_threshold": lambda value: type(value) is int and value >= 0,
    "destination_configuration": _mapping,
    "external_secrets_keys_config": _texts,
    **_NETWORKING,
}
NEW_CONNECTION: Mapping[str, Check] = {
    "group_id": _text,
    "service": _text,
    **CONNECTION,
    "destination_schema_names": one_of("FIVETRAN_NAMING", "SOURCE_NAMING"),
    **CONNECT_CARD,
    **TEST_FLAGS,
}
CHANGED_CONNECTION: Mapping[str, Check] = {
    **CONNECTION,
    "schema_status": one_of("blocked_on_capture", "ready"),
    "is_historical_sync": _flag,
    **TEST_FLAGS,
}
#: Fields of a connection that a PATCH cannot change.
FIXED_CONNECTION = frozenset({"group_id", "service", "schema", "destination_schema_names"})

DESTINATION: Mapping[str, Check] = {
    "time_zone_offset": one_of(*_OFFSETS),
    "region": one_of(*_REGIONS.split()),
    "config": _mapping,
    "daylight_saving_time_enabled": _flag,
    **_NETWORKING,
}
NEW_DESTINATION: Mapping[str, Check] = {"group_id": _text, "service": _text, **DESTINATION, **TEST_FLAGS}
CHANGED_DESTINATION: Mapping[str, Check] = {**DESTINATION, **TEST_FLAGS}
FIXED_DESTINATION = frozenset({"group_id", "service"})

#: Real fields whose effect is not simulated.
_NOT_SIMULATED = frozenset({"schedule"})
#: Fields that null clears.
_CLEARABLE = frozenset({"daily_sync_time"})


def _typed(name: str, value: Any, check: Check) -> Any:
    """Return the value of a field, from its text if the field is a number or a boolean."""
    if check is _card_config and isinstance(value, Mapping):
        return {key: item if key == "redirect_uri" else typed("bool", item) for key, item in value.items()}
    kind = "int" if name in _NUMBERS else "bool" if check is _flag else "text"
    return typed(kind, value)


def accept(
    body: Mapping[str, Any], checks: Mapping[str, Check], options: Options, *, fixed: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the checked fields of a body.

    400 for the first invalid one, 501 for one that is not simulated.

    `fixed` are fields that this operation cannot change.
    """
    accepted: dict[str, Any] = {}
    for name, value in body.items():
        check = checks.get(name)
        if check is None:
            _reject(name, value, fixed, options)
        elif value is None:
            if name in _CLEARABLE:
                accepted[name] = None
        elif not check(read := _typed(name, value, check)):
            raise invalid(f"Invalid value of field '{name}'" if name not in ("config", "auth") else _shape(name))
        else:
            accepted[name] = read
    return accepted


def require(body: Mapping[str, Any], *names: str) -> None:
    """Answer 400 for the first of the fields that is missing, null or an empty text."""
    for name in names:
        if body.get(name) in (None, ""):
            raise required(name)


def _reject(name: str, value: Any, fixed: frozenset[str], options: Options) -> None:
    if name in _NOT_SIMULATED:
        if value is not None:
            raise not_simulated(f"field '{name}'")
    elif name in fixed:
        if options.immutable_change == "refuse":
            raise invalid(f"Field '{name}' cannot be changed")
    elif options.unknown_field == "refuse":
        raise invalid(f"Unknown field '{name}'")


def _shape(name: str) -> str:
    return f"Invalid '{name}' object"
