"""Variables as secrets of Airflow's backend, on the local Secret Manager."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.secrets.conftest import PROJECT, Vault

from reconciler.airflow.marker import Marker
from reconciler.airflow.push import Action, Live, Push, PushStep, Wanted, apply
from reconciler.airflow.secret_store import PREFIX, SecretVariables
from reconciler.model import Reference
from reconciler.model.errors import RemoteError
from reconciler.secrets.secret_manager import connect

KEY = "fivetran_stripe_connector_id"


def push(connection: str = "", *, adopt: bool = False) -> Push:
    wanted = {KEY: Wanted(KEY, "dev", connection)} if connection else {}
    return Push(frozenset({"dev"}), wanted, {}, adopt=adopt, prune=True)


def pushed(push: Push) -> list[tuple[str, Action]]:
    steps: list[PushStep] = list(apply(push, SecretVariables(PROJECT), sleep=lambda _: None))
    return [(step.key, step.action) for step in steps]


def versions(vault: Vault, key: str = KEY) -> dict[str, str] | None:
    state: dict[str, Any] = vault.call("GET", "/state")
    return next((each for name, each in state.items() if name.endswith(f"/{PREFIX}{key}")), None)


def value(key: str = KEY) -> str:
    return connect().value(Reference("secret", f"{PREFIX}{key}", None, PROJECT))


def test_secret_has_the_name_that_airflows_backend_looks_for(vault: Vault):
    assert pushed(push("minor_osprey")) == [(KEY, Action.CREATE)]
    assert value() == "minor_osprey"
    assert pushed(push("minor_osprey")) == [(KEY, Action.NONE)]
    assert versions(vault) == {"1": "ENABLED"}


def test_version_is_added_only_if_the_value_differs(vault: Vault):
    pushed(push("minor_osprey"))
    assert pushed(push("kind_owl")) == [(KEY, Action.UPDATE)]
    assert value() == "kind_owl"
    assert pushed(push("kind_owl")) == [(KEY, Action.NONE)]
    assert versions(vault) == {"1": "ENABLED", "2": "ENABLED"}


def test_ours_are_pruned_and_no_other_secret_is_touched(vault: Vault):
    vault.put("stripe_key", "canary")
    vault.put(f"{PREFIX}by_hand", "minor_osprey")
    pushed(push("minor_osprey"))
    other = Push(frozenset({"prod"}), {}, {}, prune=True)
    assert pushed(other) == []
    assert pushed(push()) == [(KEY, Action.DELETE)]
    assert len(vault.call("GET", "/state")) == 2


def test_unmarked_secret_is_reported_and_adopted_if_its_value_is_right(vault: Vault):
    vault.put(f"{PREFIX}{KEY}", "minor_osprey")
    assert pushed(push("kind_owl", adopt=True)) == [(KEY, Action.REJECT_VALUE)]
    assert pushed(push("minor_osprey")) == [(KEY, Action.KEEP_UNMARKED)]
    assert pushed(push("minor_osprey", adopt=True)) == [(KEY, Action.ADOPT)]
    assert pushed(push("minor_osprey")) == [(KEY, Action.NONE)]
    assert versions(vault) == {"1": "ENABLED"}


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_value_that_airflow_cannot_read_is_written_again(vault: Vault, state: str):
    pushed(push("minor_osprey"))
    vault.move(Reference("secret", f"{PREFIX}{KEY}", 1, PROJECT), state)
    assert pushed(push("minor_osprey")) == [(KEY, Action.UPDATE)]
    assert value() == "minor_osprey"


@pytest.mark.parametrize(
    "fault", [{"kind": "drop"}, {"kind": "html"}, {"kind": "status", "code": "RESOURCE_EXHAUSTED"}]
)
@pytest.mark.parametrize("path", [r"/secrets$", ":addVersion$"])
def test_creation_that_fails_halfway_is_completed(vault: Vault, fault: dict[str, Any], path: str):
    nth = 2 if path == r"/secrets$" else 1  # the first request lists
    vault.fault(path=path, nth=nth, **fault)
    assert pushed(push("minor_osprey")) in ([(KEY, Action.CREATE)], [(KEY, Action.UPDATE)])
    assert value() == "minor_osprey"
    assert versions(vault) == {"1": "ENABLED"}


def test_deletion_is_rejected_after_another_process_changed_the_secret(vault: Vault):
    pushed(push("minor_osprey"))
    store = SecretVariables(PROJECT)
    read = store.read(KEY)
    assert read is not None
    store.update(read, "minor_osprey", Marker("prod", "minor_osprey"))
    with pytest.raises(RemoteError):
        store.delete(read)
    assert store.read(KEY) == Live(KEY, "minor_osprey", Marker("prod", "minor_osprey"), etag=store.read(KEY).etag)  # type: ignore[union-attr]


def test_missing_permissions_are_reported(vault: Vault):
    vault.deny("secrets.list")
    with pytest.raises(RemoteError, match=f"secrets of {PROJECT}: Google answered 403"):
        pushed(push())
    vault.deny("secrets.create")
    with pytest.raises(RemoteError, match=f"secret {PREFIX}{KEY} of {PROJECT}: Google answered 403"):
        pushed(push("minor_osprey"))


def test_page_of_a_proxy_in_place_of_an_answer_is_googles_failure(vault: Vault):
    for path in ("/secrets$", ":addVersion$"):
        vault.call("POST", "/faults", {"path": path, "kind": "html", "status": 200, "count": None})
        with pytest.raises(RemoteError, match="Google gave no usable answer"):
            pushed(push("minor_osprey"))
