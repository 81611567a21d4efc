"""Accounts, Apps and teams, as the API shows them."""

from __future__ import annotations

from typing import Any

from simulator.github.render.shared import EPOCH, node_id
from simulator.github.request import Call
from simulator.github.state import App, Team


def user(call: Call, login: str) -> dict[str, Any]:
    """Return an account."""
    account = call.state.account(login)
    url = f"{call.base}/users/{account.login}"
    lists = ("followers", "organizations", "repos", "subscriptions", "received_events")
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("User", account.id),
        "avatar_url": f"{call.host}/avatars/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{call.host}/{account.login}",
        **{f"{name}_url": f"{url}/{name}" for name in lists},
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "events_url": f"{url}/events{{/privacy}}",
        "type": account.type,
        "site_admin": False,
    }


def app(call: Call, found: App) -> dict[str, Any]:
    """Return an App."""
    return {
        "id": found.id,
        "slug": found.slug,
        "node_id": node_id("App", found.id),
        "owner": user(call, found.owner),
        "name": found.slug,
        "description": "",
        "external_url": f"{call.host}/{found.owner}",
        "html_url": f"{call.host}/apps/{found.slug}",
        "created_at": EPOCH,
        "updated_at": EPOCH,
        "permissions": found.permissions,
        "events": [],
    }


def team(call: Call, found: Team) -> dict[str, Any]:
    """Return a team."""
    url = f"{call.base}/organizations/{call.state.account(found.organisation).id}/team/{found.id}"
    return {
        "id": found.id,
        "node_id": node_id("Team", found.id),
        "url": url,
        "html_url": f"{call.host}/orgs/{found.organisation}/teams/{found.slug}",
        "name": found.slug,
        "slug": found.slug,
        "description": "",
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "type": "organization",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "parent": None,
        "created_at": EPOCH,
        "updated_at": EPOCH,
        "members_count": len(found.members),
        "repos_count": 0,
        "organization": _organisation(call, found.organisation),
    }


def _organisation(call: Call, login: str) -> dict[str, Any]:
    account = user(call, login)
    url = f"{call.base}/orgs/{account['login']}"
    same = {name: account[name] for name in ("login", "id", "node_id", "avatar_url", "html_url", "type")}
    lists = {f"{name}_url": f"{url}/{name}" for name in ("repos", "events", "hooks", "issues")}
    members = {"members_url": f"{url}/members{{/member}}", "public_members_url": f"{url}/public_members{{/member}}"}
    flags = {"has_organization_projects": True, "has_repository_projects": True}
    numbers = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": EPOCH, "updated_at": EPOCH, "archived_at": None}
    return {**same, "url": url, "description": None, **lists, **members, **flags, **numbers, **times}
