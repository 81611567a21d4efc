"""Build the policy, expiry, retirement and allowed re-syncs of the model."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from reconciler.model.policy import AllowResync, Change, DeleteGuard, ExpiryPolicy, Never, PeoplePolicy, Policy, Retire


def policy(data: dict[str, Any]) -> Policy:
    """Build an environment's policy, with the schema's defaults."""
    default = Policy()
    return Policy(
        expiry=_expiry(data["expiry"]) if "expiry" in data else default.expiry,
        removal=data.get("removal", default.removal),
        people=_people(data["people"]) if "people" in data else default.people,
        public_access=data.get("public_access", default.public_access),
        undeclared_datasets=data.get("undeclared_datasets", default.undeclared_datasets),
        undeclared_fivetran_access=data.get("undeclared_fivetran_access", default.undeclared_fivetran_access),
        delete_guard=_delete_guard(data["delete_guard"]) if "delete_guard" in data else default.delete_guard,
        secret_versions=data.get("secret_versions", default.secret_versions),
        pulumi_config=data.get("pulumi_config", default.pulumi_config),
        trust=data.get("trust", default.trust),
    )


def _expiry(data: str | dict[str, Any]) -> ExpiryPolicy:
    if isinstance(data, str):
        return ExpiryPolicy(forbidden=True)
    default = ExpiryPolicy()
    return ExpiryPolicy(
        required=data.get("required", default.required),
        longest=duration(data["longest"]) if "longest" in data else default.longest,
        warn=duration(data["warn"]) if "warn" in data else default.warn,
        grace=duration(data["grace"]) if "grace" in data else default.grace,
    )


def _people(data: dict[str, Any]) -> PeoplePolicy:
    default = PeoplePolicy()
    return PeoplePolicy(
        need=frozenset(data.get("need", [])),
        longest=duration(data["longest"]) if "longest" in data else default.longest,
        warn=duration(data["warn"]) if "warn" in data else default.warn,
        standing=tuple(data.get("standing", [])),
    )


def _delete_guard(data: dict[str, Any]) -> DeleteGuard:
    default = DeleteGuard()
    return DeleteGuard(
        share=int(data["share"].removesuffix("%")) if "share" in data else default.share,
        at_least=int(data.get("at_least", default.at_least)),
    )


def duration(written: str) -> timedelta:
    """Parse a number of days such as `14d`."""
    return timedelta(days=int(written.removesuffix("d")))


def expires(data: str | dict[str, Any]) -> date | Never:
    """Parse a date, or `{never: reason}`."""
    return date.fromisoformat(data) if isinstance(data, str) else Never(data["never"])


def retire(data: dict[str, Any]) -> Retire:
    """Parse `{ticket: …, data: keep|delete}`."""
    return Retire(ticket=data["ticket"], data=data.get("data", Retire.data))


def allow_resync(data: dict[str, Any]) -> AllowResync:
    """Parse the allowed changes, with their ticket."""
    return AllowResync(
        ticket=data["ticket"],
        schema=_change(data["schema"]) if "schema" in data else None,
        service=_change(data["service"]) if "service" in data else None,
        group=_change(data["group"]) if "group" in data else None,
        config={key: _change(change) for key, change in data.get("config", {}).items()},
        retire=retire(data["retire"]) if "retire" in data else None,
    )


def _change(data: dict[str, Any]) -> Change:
    return Change(old=data["from"], new=data["to"])
