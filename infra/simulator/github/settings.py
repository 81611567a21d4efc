"""Serve a repository's settings: environments, variables, secrets, rules, errors in CODEOWNERS.

A token that is not an administrator's sees no branch protection, and no list of who may bypass a ruleset.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.github.errors import ApiError, not_allowed, not_found
from simulator.github.request import Call
from simulator.github.state import Repository

_TIME = "2026-01-01T00:00:00Z"
#: GitHub lists variables in shorter pages than anything else.
_VARIABLES_OF_A_PAGE, _MOST_VARIABLES = 10, 30
#: What an environment has that its own answer does not show.
_APART = ("branch_policies", "variables", "secrets")


async def get_environment(call: Call) -> web.Response:
    """Get an environment."""
    found = _environment(call, call.repository(actions="read"))
    return web.json_response({key: value for key, value in found.items() if key not in _APART})


async def list_branch_policies(call: Call) -> web.Response:
    """List the deployment branch policies of an environment."""
    return call.page(_environment(call, call.repository(actions="read")).get("branch_policies", []), "branch_policies")


async def list_environment_variables(call: Call) -> web.Response:
    """List the variables of an environment."""
    return _variables(call, _environment(call, call.repository(environments="read")).get("variables", {}))


async def list_environment_secrets(call: Call) -> web.Response:
    """List the names of an environment's secrets."""
    return _secrets(call, _environment(call, call.repository(environments="read")).get("secrets", []))


async def list_variables(call: Call) -> web.Response:
    """List the variables of the repository."""
    return _variables(call, call.repository(variables="read").settings.variables)


async def list_secrets(call: Call) -> web.Response:
    """List the names of the repository's secrets."""
    return _secrets(call, call.repository(secrets="read").settings.secrets)


async def list_organisation_variables(call: Call) -> web.Response:
    """List the variables of the organisation that the repository has."""
    return _variables(call, call.repository(variables="read").settings.organisation_variables)


async def list_organisation_secrets(call: Call) -> web.Response:
    """List the names of the organisation's secrets that the repository has."""
    return _secrets(call, call.repository(secrets="read").settings.organisation_secrets)


async def list_rules(call: Call) -> web.Response:
    """List the rules of all rulesets that apply to a branch."""
    repository = call.repository(metadata="read")
    applies = call.path("branch") == repository.default_branch
    return call.page(repository.settings.rules if applies else [])


async def get_ruleset(call: Call) -> web.Response:
    """Get a ruleset."""
    repository = call.repository(metadata="read")
    found = repository.settings.rulesets.get(call.number("id"))
    if found is None:
        raise not_found()
    hidden = () if call.may(repository, "administration", "admin") else ("bypass_actors",)
    return web.json_response({key: value for key, value in found.items() if key not in hidden})


async def get_protection(call: Call) -> web.Response:
    """Get the protection of a branch."""
    found = _administered(call).settings.protection
    if found is None:
        raise ApiError(404, "Branch not protected")
    return web.json_response(found)


async def get_workflow_permissions(call: Call) -> web.Response:
    """Get what workflows may do by default."""
    return web.json_response(_administered(call).settings.workflow_permissions)


async def list_codeowners_errors(call: Call) -> web.Response:
    """List the errors in CODEOWNERS."""
    return web.json_response({"errors": call.repository(contents="read").settings.codeowners_errors})


def _administered(call: Call) -> Repository:
    repository = call.repository(metadata="read")
    if not call.may(repository, "administration", "admin"):
        raise not_allowed(by_app=call.actor.app is not None)
    return repository


def _environment(call: Call, repository: Repository) -> dict[str, Any]:
    name = call.path("environment")
    if name not in repository.settings.environments:
        raise not_found()
    return {"id": 1, "name": name, **repository.settings.environments[name]}


def _variables(call: Call, found: dict[str, str]) -> web.Response:
    shown = [{"name": key, "value": value, "created_at": _TIME, "updated_at": _TIME} for key, value in found.items()]
    return call.page(shown, "variables", size=_VARIABLES_OF_A_PAGE, most=_MOST_VARIABLES)


def _secrets(call: Call, found: list[str]) -> web.Response:
    return call.page([{"name": name, "created_at": _TIME, "updated_at": _TIME} for name in found], "secrets")
