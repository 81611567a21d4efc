"""Turn state into the JSON of answers. Secrets are masked, and `auth` is left out."""

from __future__ import annotations

import uuid
import zlib
from typing import Any

from simulator.fivetran import config, groups
from simulator.fivetran.catalogue import Field, Service
from simulator.fivetran.scalars import timestamp
from simulator.fivetran.state import Connection, Destination, FivetranState, Group, Json

#: Ids of agents and private links of a connection or a destination; null or absent without one.
_IDS = ("private_link_id", "proxy_agent_id", "hybrid_deployment_agent_id", "external_secrets_manager_id")


def group(item: Group) -> Json:
    """Return a group."""
    return {"id": item.id, "name": item.name, "created_at": timestamp(item.created_at)}


def connection_item(state: FivetranState, item: Connection) -> Json:
    """Return a connection for lists: without config and setup tests, unless an option adds them."""
    if state.options.config_in_lists:
        return connection(state, item, with_tests=True)
    return _connection(state, item)


def connection(state: FivetranState, item: Connection, *, with_tests: bool) -> Json:
    """Return a connection with its config, and the results of setup tests if the operation shows them."""
    answer = _connection(state, item)
    answer["config"] = _connection_config(state, item)
    if with_tests:
        answer["setup_tests"] = item.setup_tests
    return answer


def destination_item(state: FivetranState, item: Destination) -> Json:
    """Return a destination for lists: without config and setup tests, unless an option adds them."""
    return destination(state, item) if state.options.config_in_lists else _destination(state, item)


def destination(state: FivetranState, item: Destination) -> Json:
    """Return a destination with its config and its last setup tests.

    Numbers in the config are texts.
    """
    service = state.catalogue.destinations[item.service]
    values = config.shown(service.config, item.config, state.options)
    return {
        **_destination(state, item),
        "config": {name: _as_destinations_show(service.config[name], value) for name, value in values.items()},
        "setup_tests": item.setup_tests,
    }


def _connection(state: FivetranState, item: Connection) -> Json:
    answer: Json = {
        "id": item.id,
        "group_id": item.group_id,
        "service": item.service,
        "service_version": 1,
        "schema": item.name,
        "paused": item.paused,
        "pause_after_trial": item.pause_after_trial,
        "connected_by": item.connected_by,
        "created_at": timestamp(item.created_at),
        "succeeded_at": timestamp(item.succeeded_at),
        "failed_at": timestamp(item.failed_at),
        "sync_frequency": item.sync_frequency,
        "schedule_type": item.schedule_type,
        "data_delay_sensitivity": item.data_delay_sensitivity,
        "data_delay_threshold": item.data_delay_threshold,
        "networking_method": item.networking_method,
        "destination_schema_names": item.destination_schema_names,
        "source_sync_details": {},
        "status": _status(item),
    }
    if item.daily_sync_time is not None:
        answer["daily_sync_time"] = item.daily_sync_time
    if item.destination_configuration is not None:
        answer["destination_configuration"] = item.destination_configuration
    if item.connect_card_config is not None:
        answer["connect_card_config"] = item.connect_card_config
    if item.external_secrets_keys_config is not None:
        answer["external_secrets_keys_config"] = item.external_secrets_keys_config
    return {**answer, **_given(state, {name: getattr(item, name) for name in _IDS})}


def _given(state: FivetranState, fields: Json) -> Json:
    """Return optional fields; an option decides about those without a value."""
    return {name: value for name, value in fields.items() if value is not None or state.options.empty_fields == "null"}


def _status(item: Connection) -> Json:
    status: Json = {
        "setup_state": item.setup_state,
        "sync_state": item.sync_state,
        "update_state": item.update_state,
        "is_historical_sync": item.is_historical_sync,
        "tasks": item.tasks,
        "warnings": item.warnings,
    }
    if item.schema_status is not None:
        status["schema_status"] = item.schema_status
    return status


def _connection_config(state: FivetranState, item: Connection) -> Json:
    service = state.catalogue.connections[item.service]
    naming = item.naming if state.options.schema_in_config else {}
    return {
        **naming,
        **config.shown(service.config, item.config, state.options),
        **_readonly(state, service, item),
    }


def _readonly(state: FivetranState, service: Service, item: Connection) -> Json:
    """Return read-only config: generated values at once, values from the service once connected."""
    account, key = groups.service_account(state, item.group_id), groups.public_key(item.group_id)
    number = uuid.uuid5(uuid.NAMESPACE_OID, item.id)
    values = {
        "service_account_email": account,
        "service_account": account,
        "public_key": key,
        "sftp_public_key": key,
        "encoded_public_key": key.split()[1],
        **dict.fromkeys(("external_id", "s3external_id", "s3_export_external_id"), item.group_id),
        **dict.fromkeys(("webhook_url", "webhook_endpoint"), f"https://webhooks.fivetran.com/webhooks/{number}"),
        "endpoint": f"https://webhooks.fivetran.com/{service.id}/{number}",
        "email": f"{item.id}@example.com",
        "snc_fivetran_name": "p:CN=FIVETRAN",
        "webhook_secret": str(number),
    }
    if item.setup_state != "incomplete":
        values |= {
            "connecting_user": "Integration User",
            "connecting_user_email": "integration.user@example.com",
            "connection_type": "Directly",
            "consumer_key": f"{zlib.crc32(item.id.encode()):08x}",
            "consumer_secret": str(number),
            "organization_id": f"00D{zlib.crc32(item.id.encode()):012d}EAA",
            "project_type": "HYBRID_PROJECT",
        }
    return {
        name: config.masked(field, values[name])
        for name, field in service.config.items()
        if "readonly" in field.flags and name in values
    }


def _destination(state: FivetranState, item: Destination) -> Json:
    answer: Json = {
        "id": item.id,
        "group_id": item.id,
        "service": item.service,
        "region": item.region,
        "time_zone_offset": item.time_zone_offset,
        "setup_status": item.setup_status,
        "daylight_saving_time_enabled": item.daylight_saving_time_enabled,
        "networking_method": item.networking_method,
    }
    ids = {name: getattr(item, name) for name in _IDS}
    # deprecated: the older name of the same agent
    return {**answer, **_given(state, {**ids, "local_processing_agent_id": item.hybrid_deployment_agent_id})}


def _as_destinations_show(field: Field, value: Any) -> Any:
    if field.kind in ("int", "number") and value is not None:
        return str(value)
    if "shouted" in field.flags and isinstance(value, str):
        return "".join(
            f"_{letter}" if letter.isupper() and index else letter for index, letter in enumerate(value)
        ).upper()
    return value
