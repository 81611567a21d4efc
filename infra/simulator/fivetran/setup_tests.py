"""Setup tests: their results, and their effect on the connection or destination.

Without a script, the results follow from the state. These fail: a missing credential; a missing authorisation (by
option, it is not tested); a certificate or host key without approval (`trust`); a project in which the group's service
account may not write. All others pass. A failure is a result, never an HTTP error.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from simulator.fivetran import connections, destinations, groups, trust
from simulator.fivetran.catalogue import Condition, Need, Service
from simulator.fivetran.state import Connection, Destination, FivetranState, Json, TestScript

_BAD = frozenset({"FAILED", "JOB_FAILED"})


async def run_on_connection(state: FivetranState, connection: Connection, flags: Mapping[str, Any]) -> None:
    """Test the connection's config and make it effective; 404 if the connection was deleted meanwhile."""
    service = state.catalogue.connections[connection.service]
    held = {"config": copy.deepcopy(connection.config), "auth": copy.deepcopy(connection.auth)}
    consented = connection.consented
    scripts = _scripts(state, connection.id, connection.name)
    connection.last_test_flags = {name: flags[name] for name in flags if name.startswith("trust_")}
    await _last(scripts)
    connections.find(state, connection.id)
    reached = partial(trust.tests, state, connection, flags=flags)
    connection.setup_tests = _results(state, service, held, scripts, consented=consented, reached=reached)
    passed = _passed(connection.setup_tests)
    connection.effective = held if passed else connection.effective
    connection.setup_state = _state_after(passed, connection.setup_state)
    state.note(connection, "tested", passed=passed, setup_state=connection.setup_state)
    connection.tasks = tasks(connection.setup_state)


async def run_on_destination(state: FivetranState, destination: Destination) -> None:
    """Test the destination's config; 404 if the destination was deleted meanwhile."""
    service = state.catalogue.destinations[destination.service]
    held = {"config": copy.deepcopy(destination.config), "auth": {}}
    scripts = _scripts(state, destination.id)
    await _last(scripts)
    destinations.find(state, destination.id)
    reached = partial(trust.tests, state, destination, flags={})
    destination.setup_tests = _results(state, service, held, scripts, consented=False, reached=reached)
    if _passed(destination.setup_tests) and (denied := _denied(state, destination)):
        destination.setup_tests.append(denied)
    destination.setup_status = _state_after(_passed(destination.setup_tests), destination.setup_status)


def _denied(state: FivetranState, destination: Destination) -> Json | None:
    """Return the failed test if Fivetran's service account, the default, may not write to BigQuery."""
    project = destination.config.get("project_id")
    if destination.service != "big_query" or not project or destination.config.get("secret_key"):
        return None
    account = groups.service_account(state, destination.id)
    if state.writes(project, account):
        return None
    return _result("Validate Permissions", "FAILED", f"{account} does not have the role BigQuery User on {project}")


def tasks(setup_state: str) -> list[Json]:
    """Return the tasks that follow from a connection's state."""
    return [{"code": "reconnect", "message": "Reconnect"}] if setup_state == "broken" else []


def lookup(held: Json, path: str) -> Any:
    """Return the value at a dotted path: in `auth` if it begins with `auth.`, else in `config`.

    Numbers index lists.
    """
    part, _, rest = path.partition(".")
    node: Any = held["auth"] if part == "auth" and rest else held["config"]
    for part in (rest if node is held["auth"] else path).split("."):
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def _results(
    state: FivetranState,
    service: Service,
    held: Json,
    scripts: list[TestScript],
    *,
    consented: bool,
    reached: Callable[[Mapping[str, Any]], Iterable[Json]],
) -> list[Json]:
    scripted = next((script.results for script in scripts if script.results is not None), None)
    if scripted is not None:
        return copy.deepcopy(scripted)
    held = {"config": {**_defaults(service), **held["config"]}, "auth": held["auth"]}
    unmet = _unmet(service.needs, held)
    if unmet:
        return [_result("Validate Configuration", "FAILED", f"No value for {' or '.join(unmet.any_of)}")]
    if not consented and _unmet(service.consent, held):
        if state.options.consent_test == "none":
            return []
        return [_result("Authorization", "FAILED", "The connection has not been authorized")]
    on_the_way = list(reached(held["config"]))
    failed = bool(on_the_way) and not _passed(on_the_way)
    return on_the_way if failed else [*on_the_way, *_login(held, scripts)]


def _login(held: Json, scripts: list[TestScript]) -> list[Json]:
    accepts = {path: value for script in scripts for path, value in script.accepts.items()}
    if any(lookup(held, path) != value for path, value in accepts.items()):
        return [_result("Validate Login", "FAILED", "Invalid login credentials")]
    return [_result("Validate Configuration", "PASSED"), _result("Validate Login", "PASSED")]


def _defaults(service: Service) -> Json:
    return {name: field.default for name, field in service.config.items() if field.default is not None}


def _unmet(needs: Iterable[Need], held: Json) -> Need | None:
    for need in needs:
        if _holds(need.condition, held) and not any(lookup(held, path) for path in need.any_of):
            return need
    return None


def _holds(condition: Condition | None, held: Json) -> bool:
    if condition is None:
        return True
    value = lookup(held, condition.path)
    text = str(value).lower() if isinstance(value, bool) else value
    return (text == condition.value) != condition.negated


def _scripts(state: FivetranState, *targets: str) -> list[TestScript]:
    """Return the scripts for a run, and remove those that are used up."""
    fitting = [script for script in state.scripts if script.target in targets]
    for script in fitting:
        if script.runs is not None:
            script.runs -= 1
    state.scripts = [script for script in state.scripts if script.runs != 0]
    return fitting


async def _last(scripts: Iterable[TestScript]) -> None:
    await asyncio.sleep(sum(script.seconds for script in scripts))


def _passed(results: list[Json]) -> bool:
    return bool(results) and not any(result.get("status") in _BAD for result in results)


def _state_after(passed: bool, before: str) -> str:
    if passed:
        return "connected"
    return "incomplete" if before == "incomplete" else "broken"


def _result(title: str, status: str, message: str = "") -> Json:
    return {"title": title, "status": status, "message": message}
