"""Outcome: a run in which a unit fails ends in an error that names each failed unit."""

from __future__ import annotations

from typing import Any

from tests.unit.resources.account import BAD_TEST, Fivetran, failure, unit
from tests.unit.resources.stack import Stack

from reconciler.plan.outcome import OutcomeProvider
from reconciler.resources.run.run import run

provider = OutcomeProvider()

PROPS: dict[str, Any] = {"file": "dev/environment.yaml", "environment": "dev", "__provider": "gASVJQAAAAAAAAC"}
STORED = {"file": "dev/environment.yaml", "environment": "dev"}


def test_outcome_raises_with_every_failed_unit_under_its_file(fivetran: Fivetran, new_run):
    fivetran.script_tests(target="zoom", runs=None, results=[BAD_TEST])
    fivetran.script_tests(target="jira", runs=None, results=[BAD_TEST, {**BAD_TEST, "title": "Second"}])
    ids = {}
    for name in ("zoom", "good", "jira"):
        stack = Stack(fivetran.group)
        stack.up(unit(name))
        ids[name] = stack.connection.id
    mend = (
        "    Fix the cause and run again. The connection and its datasets stay.\n"
        "    A secret is sent again when its version in the file changes."
    )
    expected = (
        "dev/environment.yaml: 2 units failed:\n"
        f"connectors/dev/jira.yaml: 2 setup tests of connection {ids['jira']} (stripe) failed:\n"
        "    Validate Login: FAILED: Invalid API key\n"
        f"    Second: FAILED: Invalid API key\n{mend}\n"
        f"connectors/dev/zoom.yaml: 1 setup test of connection {ids['zoom']} (stripe) failed:\n"
        f"    Validate Login: FAILED: Invalid API key\n{mend}"
    )
    assert failure(provider.create, dict(PROPS)) == expected
    assert provider.diff("dev", dict(STORED), dict(PROPS)).changes
    assert failure(provider.update, "dev", dict(STORED), dict(PROPS)) == expected


def test_outcome_changes_nothing_when_every_unit_works(fivetran: Fivetran, new_run):
    Stack(fivetran.group).up(unit())
    made = provider.create(dict(PROPS))
    assert (made.id, made.outs) == ("dev", STORED)
    assert not provider.diff("dev", dict(STORED), dict(PROPS)).changes
    assert (provider.update("dev", dict(STORED), dict(PROPS)).outs) == STORED
    assert provider.read("dev", dict(STORED)).outs == STORED


def test_new_process_knows_of_no_failure_and_a_preview_shows_none(fivetran: Fivetran, stack: Stack, new_run):
    fivetran.script_tests(target="stripe", runs=None, results=[BAD_TEST])
    stack.up(unit())
    assert list(run.outcomes.failures()) == ["connectors/dev/stripe.yaml"]
    new_run()
    assert run.outcomes.failures() == {}
    stack.refresh()
    stack.pending(unit())
    assert not provider.diff("dev", dict(STORED), dict(PROPS)).changes


def test_policy_breach_is_pending_in_a_preview_and_fails_the_apply(fivetran: Fivetran, new_run):
    run.outcomes.breach("dev/environment.yaml", "p has undeclared datasets: d")
    assert provider.diff("dev", dict(STORED), dict(PROPS)).changes
    expected = "dev/environment.yaml: p has undeclared datasets: d"
    assert failure(provider.update, "dev", dict(STORED), dict(PROPS)) == expected
    assert failure(provider.create, dict(PROPS)) == expected


def test_two_failures_of_a_file_are_both_reported_and_each_line_once(fivetran: Fivetran, new_run):
    run.outcomes.fail("dev/stripe.yaml", "failed: no login")
    run.outcomes.fail("dev/stripe.yaml", "dev/stripe.yaml:5:3: Google denies b on dataset d", "b")
    run.outcomes.fail("dev/stripe.yaml", "dev/stripe.yaml:5:3: Google denies b on 2 datasets", "b")
    assert failure(provider.create, dict(PROPS)) == (
        "dev/environment.yaml: 1 unit failed:\n"
        "dev/stripe.yaml: failed: no login\n"
        "dev/stripe.yaml:5:3: Google denies b on 2 datasets"
    )


def test_failed_access_of_the_environment_is_not_counted_as_a_unit(fivetran: Fivetran, new_run):
    run.outcomes.fail("dev/environment.yaml", "dev/environment.yaml:9:5: cannot revoke a role", "access a")
    access = "dev/environment.yaml:9:5: cannot revoke a role"
    assert failure(provider.create, dict(PROPS)) == (
        f"dev/environment.yaml: the environment's access failed:\n{access}"
    )
    run.outcomes.fail("dev/stripe.yaml", "failed: no login")
    assert failure(provider.create, dict(PROPS)) == (
        "dev/environment.yaml: 1 unit and the environment's access failed:\n"
        f"{access}\ndev/stripe.yaml: failed: no login"
    )
