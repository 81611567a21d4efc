"""A unit of every service that the local Fivetran knows: made once, quiet ever after, however Fivetran shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import settings
from tests.every_service import VARIABLE, Filled, awaiting, full, least

from reconciler.model import Connector, DestinationSchema, Unit

from .account import CANARY, Fivetran
from .stack import Stack

OPTIONS: list[dict[str, Any]] = [
    {},
    {"empty_config": "null", "empty_fields": "absent"},
    {"schema_in_config": True, "config_in_lists": True},
]


def unit(filled: Filled) -> Unit:
    """The model's unit."""
    connector = Connector(
        filled.service,
        DestinationSchema(**filled.destination),
        config=filled.config,
        auth=filled.auth,
        needs_consent=filled.awaits,
    )
    return Unit(filled.name, f"connectors/dev/{filled.name}.yaml", "d", ("owner@example.com",), connector)


#: The daily run shows each service in each form.
SHIFTS = range(len(OPTIONS)) if settings.get_current_profile_name() == "daily" else [0]


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("units", [full, least, awaiting], ids=lambda units: units.__name__)
def test_created_connection_shows_no_drift_and_no_adoption_difference(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch, units: Any, shift: int
):
    monkeypatch.setenv(VARIABLE, CANARY)
    fivetran.options(package_use="unchecked")  # the packages of the Connector SDK are made up
    usual = fivetran.options()
    filled = list(units())
    assert filled
    stacks = {each.name: Stack(fivetran.group) for each in filled}

    def parts(step: int) -> Iterator[list[Filled]]:
        """Yield the services in parts, with Fivetran answering in another form for each, and in each step."""
        for number in range(len(OPTIONS)):
            fivetran.options(**usual | OPTIONS[(number + step + shift) % len(OPTIONS)])
            yield filled[number :: len(OPTIONS)]

    outcomes = {each.name: stacks[each.name].up(unit(each)) for part in parts(0) for each in part}
    wanted = {each.name: "awaiting" if each.awaits else "connected" for each in filled}
    assert outcomes == wanted

    fivetran.forget_requests()
    assert _pending(stacks, filled) == {}
    assert fivetran.requests() == []

    new_run()
    for part in parts(1):
        for each in part:
            stacks[each.name].refresh()
    assert _pending(stacks, filled) == {}

    # And where state is lost, a connection at work is found to be what its file says.
    new_run()
    for part in parts(2):
        for each in part:
            if not each.awaits:
                assert Stack(fivetran.group).up(unit(each)) == "connected", each.name
    assert fivetran.writes() == []


def _pending(stacks: Mapping[str, Stack], filled: Iterable[Filled]) -> dict[str, list[str]]:
    shown = {each.name: stacks[each.name].pending(unit(each)) for each in filled}
    return {name: pending for name, pending in shown.items() if pending}
