"""Adopt a connection that exists.

Nothing is written, and each difference from the file is shown and rejected.

Fivetran's connections are found by their name in the group (decision 2).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection, NotFound
from reconciler.fivetran.config_diff import ABSENT, Difference, differences
from reconciler.resources.adoption import AdoptionDecision
from reconciler.resources.connection import api_fields
from reconciler.resources.connection.secret_values import are_all_kept, keys_to_send, reject_changes_around_kept
from reconciler.resources.package import code
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run


def decide(props: Mapping[str, Any], live: Connection, differing: Iterable[Difference]) -> AdoptionDecision:
    """Decide on a connection of others, which is adopted as it is, or changed where the file says so.

    Args:
        props: The inputs of the unit's connection.
        live: The connection in full.
        differing: What it has otherwise than the file, for a file that allows no change.

    Raises:
        OperationError: It is another connection than the file means, or a value would have to be sent that only
            Fivetran has.
    """
    reject_another(props, live)
    name = api_fields.connection_name(props)
    if not may_change(props):
        return AdoptionDecision(name, live, tuple(differing), may_change=False)
    works = is_connected(live)
    config, auth = to_send(props, live, with_secrets=not works)
    return AdoptionDecision(
        name,
        live,
        tuple(differing),
        may_change=True,
        config=config,
        auth=auth,
        settings=settings_to_send(props, live),
        pauses=not works and live.succeeded_at is None and not live.paused,
    )


def decide_continuation(props: Mapping[str, Any], live: Connection) -> AdoptionDecision:
    """Decide on a connection of ours whose creation was interrupted.

    It is brought to the file, secrets included.

    Raises `OperationError` as `decide` does.
    """
    reject_another(props, live)
    config, auth = to_send(props, live, with_secrets=True)
    return AdoptionDecision(
        api_fields.connection_name(props),
        live,
        (),
        may_change=True,
        config=config,
        auth=auth,
        settings=settings_to_send(props, live),
        pauses=not live.paused,
    )


def may_change(props: Mapping[str, Any]) -> bool:
    """Return whether the file allows changes to an adopted connection."""
    return bool(props.get("adopt", {}).get("apply_changes"))


def is_connected(live: Connection) -> bool:
    """Return whether Fivetran reports that the connection works, and so do the secrets that it has."""
    return live.setup_state == "connected"


def reject_another(props: Mapping[str, Any], found: Connection) -> None:
    """Raise `OperationError` for another service, or an id that `adopt` does not name."""
    name, adopt = api_fields.connection_name(props), props.get("adopt")
    if found.service != props["service"]:
        raise OperationError(
            f"the connection {name} ({found.id}) exists with the service {found.service}; the file says "
            f"{props['service']}\n    Correct `service`, or choose another destination.",
            at=("connector", "service"),
        )
    if adopt and adopt["connection"] != found.id:
        raise OperationError(
            f"`adopt` names {adopt['connection']}, but the id of {name} is {found.id}\n"
            f"    Write `adopt: {found.id}`, or correct the destination.",
            at=("connector", "adopt", "connection"),
        )


def config_differences(props: Mapping[str, Any], live: Connection) -> list[Difference]:
    """Return where a live connection differs from the file in `config` and settings, sorted by path."""
    found = differences(props.get("config", {}), live.config, "config", field=catalog.config_of(props["service"]))
    settings = differences(props.get("settings", {}), api_fields.live_settings(live), field=api_fields.SETTINGS)
    return sorted([*found, *settings], key=lambda each: each.path)


def package_differences(declared: Mapping[str, Any] | None, live: Connection) -> list[Difference]:
    """Return the difference if a live connection runs other code than the unit's file."""
    if declared is None:
        return []
    there = None
    if live.config.get("package_id"):
        with contextlib.suppress(NotFound):
            there = run.account.client().get_package(str(live.config["package_id"]))
    if there is not None and code.is_same(there, declared):
        return []
    now = ABSENT if there is None else code.short(code.live_content(there, declared) or str(there.sha256))
    return [Difference("package", f"{declared['package']}, {code.short(declared['content'])}", now)]


def to_send(props: Mapping[str, Any], live: Connection, *, with_secrets: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what of `config` and `auth` is written into a connection that exists and may be changed.

    What differs, and with `with_secrets` each secret: Fivetran does not show those that it has. What is equal is not
    sent, since some keys may not be in a PATCH. Raises `OperationError` where something would have to be sent that only
    Fivetran has.
    """
    declared, auth = dict(props.get("config", {})), dict(props.get("auth", {}))
    differing = config_differences(props, live)
    keys = {each.path.split(".")[1] for each in differing if each.path.startswith("config.")}
    if fixed := [each for each in differing if each.path in api_fields.FIXED_SETTINGS]:
        raise OperationError(f"{fixed[0]}, and does not change it in a connection that exists: make the file match")
    if with_secrets:
        keys |= keys_to_send(declared)
    config = {key: value for key, value in declared.items() if key in keys}
    auth = auth if with_secrets and not are_all_kept(auth) else {}
    reject_changes_around_kept({"config": config, "auth": auth})
    return config, auth


def settings_to_send(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """Return the settings that differ, to be written into a connection that may be changed."""
    differing = {each.path.partition(".")[0] for each in config_differences(props, live)}
    return {key: value for key, value in props.get("settings", {}).items() if key in differing}
