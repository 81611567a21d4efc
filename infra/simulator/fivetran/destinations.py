"""Operations on destinations, without HTTP. A destination has its group's id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.fivetran import config, fields, syncs
from simulator.fivetran.errors import conflict, invalid, not_found
from simulator.fivetran.state import Connection, Destination, FivetranState

_METADATA_SERVICE = "fivetran_log"
_METADATA_NAME = "fivetran_metadata"


def find(state: FivetranState, destination_id: str) -> Destination:
    """Return the destination with this id; 404."""
    try:
        return state.destinations[destination_id]
    except KeyError:
        raise not_found("NotFound_Destination", f"Destination with id '{destination_id}' not found") from None


def create(state: FivetranState, body: Mapping[str, Any]) -> tuple[Destination, bool]:
    """Create a destination. Returns it, and whether the request wants setup tests."""
    fields.require(body, "group_id", "service", "time_zone_offset")
    accepted = fields.accept(body, fields.NEW_DESTINATION, state.options)
    group_id, service_id = accepted.pop("group_id"), accepted.pop("service")
    service = state.catalogue.destinations.get(service_id)
    if service is None:
        raise invalid(f"Unsupported service '{service_id}'")
    if group_id not in state.groups:
        raise not_found("NotFound", f"Destination with id {group_id} not found")
    if group_id in state.destinations:
        raise conflict(f"Group with id '{group_id}' has a destination already")
    changes = config.accept("config", service.config, accepted.pop("config", {}), {}, state.options)
    wants_tests = _take_tests(state, accepted)
    region = accepted.pop("region", state.options.default_region)
    stored = config.merge({}, changes)
    destination = Destination(group_id, service_id, region, created_at=state.now(), config=stored, **accepted)
    state.destinations[group_id] = destination
    if state.options.metadata_connection and not any(state.connections_named(group_id, _METADATA_NAME)):
        own = _metadata_connection(state, group_id)
        state.add_connection(own)
        syncs.begin_if_due(state, own)
    return destination, wants_tests


def change(state: FivetranState, destination_id: str, body: Mapping[str, Any]) -> tuple[Destination, bool]:
    """Change a destination. Returns it, and whether the request wants setup tests."""
    destination = find(state, destination_id)
    accepted = fields.accept(body, fields.CHANGED_DESTINATION, state.options, fixed=fields.FIXED_DESTINATION)
    if not accepted.keys() - fields.TEST_FLAGS.keys():
        raise invalid("At least one persistent parameter is required")
    service = state.catalogue.destinations[destination.service]
    sent = accepted.pop("config", {})
    changes = config.accept("config", service.config, sent, destination.config, state.options)
    wants_tests = _take_tests(state, accepted)
    destination.config = config.merge(destination.config, changes)
    for name, value in accepted.items():
        setattr(destination, name, value)
    return destination, wants_tests


def prepare_test(state: FivetranState, destination_id: str, body: Mapping[str, Any]) -> Destination:
    """Return a destination for requested setup tests."""
    destination = find(state, destination_id)
    fields.accept(body, fields.TRUST_FLAGS, state.options)
    state.take_setup_tests()
    return destination


def delete(state: FivetranState, destination_id: str) -> None:
    """Delete a destination; 409 while it has connections, including Fivetran's own."""
    find(state, destination_id)
    if any(True for _ in state.connections_in(destination_id)):
        raise conflict(f"Destination with id '{destination_id}' still has connections linked to it")
    del state.destinations[destination_id]


def _take_tests(state: FivetranState, accepted: dict[str, Any]) -> bool:
    wants_tests: bool = accepted.pop("run_setup_tests", True)
    for name in fields.TEST_FLAGS:
        accepted.pop(name, None)
    if wants_tests:
        state.take_setup_tests()
    return wants_tests


def _metadata_connection(state: FivetranState, group_id: str) -> Connection:
    return Connection(
        id=state.new_id(),
        group_id=group_id,
        service=_METADATA_SERVICE,
        name=_METADATA_NAME,
        created_at=state.now(),
        naming={"schema": _METADATA_NAME},
        effective={"config": {}, "auth": {}},
        sync_frequency=1440,
        setup_state="connected",
    )
