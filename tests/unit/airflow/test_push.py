"""Which variables are changed: ours, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.airflow.marker import Marker
from reconciler.airflow.push import Action, AmbiguousWrite, Live, Push, PushStep, Wanted, apply, plan

from .memory import Memory, live

KEYS = ("a_connector_id", "b_connector_id", "c_connector_id", "d_connector_id")
IDS = ("minor_osprey", "kind_owl")
OWNERS = (None, "dev", "prod")


def pushed(push: Push, store: Memory) -> list[PushStep]:
    return list(apply(push, store, sleep=lambda _: None))


def push_of(key: str, connection: str | None, environment: str = "dev", **allowed: bool) -> Push:
    return Push(frozenset({environment}), {key: Wanted(key, environment, connection)}, {}, **allowed)


variables = st.builds(
    live, st.just("key"), st.sampled_from((*IDS, None)), st.sampled_from(OWNERS), st.sampled_from(IDS)
)
existing = st.dictionaries(st.sampled_from(KEYS), variables).map(
    lambda found: {key: Live(key, each.value, each.marker) for key, each in found.items()}
)


@st.composite
def pushes(draw: st.DrawFn) -> Push:
    environments = draw(st.sets(st.sampled_from(("dev", "prod")), min_size=1))
    connections = draw(st.dictionaries(st.sampled_from(KEYS), st.sampled_from((*IDS, None))))
    wanted = {key: Wanted(key, draw(st.sampled_from(sorted(environments))), each) for key, each in connections.items()}
    others = sorted(set(KEYS) - wanted.keys())
    obsolete = draw(st.sets(st.sampled_from(others))) if others else set()
    flags = draw(st.tuples(st.booleans(), st.booleans()))
    return Push(
        frozenset(environments), wanted, dict.fromkeys(obsolete, min(environments)), adopt=flags[0], prune=flags[1]
    )


def is_ours(push: Push, variable: Live) -> bool:
    return variable.marker is not None and variable.marker.environment in push.environments


@given(existing, pushes(), st.lists(st.sampled_from(("", "lost", "rejected")), max_size=6))
def test_push_writes_our_variables_and_touches_no_other(before: dict[str, Live], push: Push, faults: list[str]):
    pending = list(faults)
    store = Memory(dict(before), lambda _: pending.pop() if pending else "")
    try:
        steps = pushed(push, store)
    except AmbiguousWrite:  # four faults for one variable
        store.before_write = lambda _: ""
        steps = pushed(push, store)
    after = store.variables

    for key, variable in before.items():
        if not is_ours(push, variable):
            wanted = push.wanted.get(key)
            is_right = wanted is not None and variable.value is not None and variable.value == wanted.connection
            assert after[key] == variable or (push.adopt and variable.marker is None and is_right)
    ours = {key: each.marker for key, each in after.items() if is_ours(push, each)}
    attention = {step.key for step in steps if step.action.needs_attention}
    unmarked = {step.key for step in steps if step.action is Action.KEEP_UNMARKED}
    for key, wanted in push.wanted.items():
        if key not in attention | unmarked:
            assert wanted.connection is not None
            assert ours[key] == Marker(wanted.environment, wanted.connection)
            assert after[key].value in (None, wanted.connection)
    unwanted = {key for key, each in before.items() if is_ours(push, each) and key not in push.wanted}
    assert ours.keys() - push.wanted.keys() == (set() if push.prune else unwanted)
    assert push.prune or unwanted <= attention
    store.writes.clear()
    assert not any(step.action.is_write for step in pushed(push, store)), "a second push changes nothing"
    assert store.writes == []


@given(existing, pushes())
def test_push_does_what_its_plan_has(before: dict[str, Live], push: Push):
    planned = plan(push, Memory(dict(before)))
    assert pushed(push, Memory(dict(before))) == planned


@given(existing, st.sampled_from(KEYS), st.booleans())
def test_variable_of_a_missing_connection_is_never_touched(before: dict[str, Live], key: str, adopt: bool):
    store = Memory(dict(before))
    steps = pushed(push_of(key, None, adopt=adopt, prune=True), store)
    assert [step.action for step in steps if step.key == key] == [Action.MISSING]
    assert store.variables.get(key) == before.get(key)


def test_push_of_dev_leaves_the_variables_of_prod():
    before = {"a": live("a", "minor_osprey", "prod"), "b": live("b", "kind_owl", "dev")}
    store = Memory(dict(before))
    assert [(step.key, step.action) for step in pushed(push_of("c", "new_id", prune=True), store)] == [
        ("b", Action.DELETE),
        ("c", Action.CREATE),
    ]
    assert store.variables.keys() == {"a", "c"}


def test_push_of_both_environments_moves_a_variable_between_them():
    store = Memory({"a": live("a", "minor_osprey", "dev")})
    push = Push(frozenset({"dev", "prod"}), {"a": Wanted("a", "prod", "kind_owl")}, {}, prune=True)
    assert [step.action for step in pushed(push, store)] == [Action.UPDATE]
    assert store.variables == {"a": Live("a", "kind_owl", Marker("prod", "kind_owl"))}


def test_push_reports_a_variable_of_another_environment():
    before = {"a": live("a", "kind_owl", "dev")}
    store = Memory(dict(before))
    assert [step.action for step in pushed(push_of("a", "kind_owl", "prod", adopt=True), store)] == [
        Action.REJECT_OWNER
    ]
    assert store.variables == before


def test_push_reports_an_unmarked_variable_of_an_expired_unit():
    before = {"a": live("a", "kind_owl")}
    store = Memory(dict(before))
    steps = pushed(Push(frozenset({"dev"}), {}, {"a": "dev"}, prune=True), store)
    assert [step.action for step in steps] == [Action.KEEP_UNMARKED_OBSOLETE]
    assert store.variables == before


@pytest.mark.parametrize(("recorded", "action"), [("kind_owl", Action.NONE), ("other_id", Action.UPDATE)])
def test_hidden_value_is_compared_by_its_marker(recorded: str, action: Action):
    store = Memory({"a": live("a", None, "dev", recorded)})
    assert [step.action for step in pushed(push_of("a", "kind_owl"), store)] == [action]


def test_hidden_value_is_never_adopted():
    store = Memory({"a": live("a", None)})
    assert [step.action for step in pushed(push_of("a", "kind_owl", adopt=True), store)] == [Action.REJECT_HIDDEN]


def test_push_reports_a_variable_that_another_process_creates_meanwhile():
    store = Memory({})

    def overtake(key: str) -> str:
        store.variables[key] = live(key, "foreign")
        return "rejected"

    store.before_write = overtake
    assert [step.action for step in pushed(push_of("a", "kind_owl"), store)] == [Action.REJECT_VALUE]
    assert store.variables == {"a": live("a", "foreign")}


def test_push_does_not_delete_what_lost_its_marker_meanwhile():
    store = Memory({"a": live("a", "kind_owl", "dev")})

    def unmark(key: str) -> str:
        store.variables[key] = live(key, "kind_owl")
        return "rejected"

    store.before_write = unmark
    assert [step.action for step in pushed(push_of("b", None, prune=True), store)] == [Action.MISSING]
    assert store.variables == {"a": live("a", "kind_owl")}


def test_push_gives_up_after_four_ambiguous_answers():
    store = Memory({}, lambda _: "rejected")
    with pytest.raises(AmbiguousWrite):
        pushed(push_of("a", "kind_owl"), store)
    assert store.writes == ["a"] * 4
