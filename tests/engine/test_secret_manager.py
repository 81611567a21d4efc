"""Secrets in Secret Manager and in the stack's config, through the engine, the plugin process and Google's library."""

from __future__ import annotations

import re

from admin import Admin
from workspace import Workspace, everything_written, stripe

THIRD, FOURTH = "sk_live_canary_third_0aZ9", "sk_live_canary_fourth_1bY8"
FRAME = {"historical_sync_time_frame": "ALL_TIME"}


def versioned(version: int) -> dict[str, object]:
    """A unit whose key is this version of a secret."""
    return stripe(config={"api_key": {"secret": "stripe-key", "version": version}, **FRAME})


def test_value_is_read_when_it_is_sent_and_found_nowhere_but_in_fivetran(workspace: Workspace, admin: Admin):
    admin.put_secret("stripe-key", 3, THIRD)
    admin.put_secret("stripe-key", 4, FOURTH)
    workspace.write("stripe", versioned(3))
    results = [workspace.preview("--diff").ok()]
    assert admin.secrets_read() == 0
    results += [workspace.up("--diff", "--logtostderr", "-v=9").ok()]
    assert admin.connections(secrets=True)["stripe"]["config"]["api_key"] == THIRD
    assert admin.secrets_read() == 1

    # A new version shows as its number and as nothing else, and the run has not read it.
    workspace.write("stripe", versioned(4))
    shown = workspace.preview("--diff").ok()
    changed = [line.strip() for line in shown.out.splitlines() if "=>" in line]
    # Once in the connection, and once in the activation, for which a change of the config is one more to test.
    assert changed == ["~ version: 3 => 4", "~ version: 3 => 4", "~ revision     : 1 => [unknown]"]
    assert admin.secrets_read() == 1

    # It is sent alone, and tested; what the test's words quote of it goes no further, nor into state.
    admin.forget_requests()
    echo = [{"title": "Key", "status": "FAILED", "message": f"no {FOURTH}"}]
    admin.script_tests(target="stripe", runs=1, results=echo)
    failed = workspace.up("--diff")
    assert failed.code != 0
    assert "Key: FAILED: no ******" in failed.out
    (patch,) = [request for request in admin.requests() if request["method"] == "PATCH"]
    assert sorted(patch["keys"]) == ["config.api_key", "run_setup_tests"]
    # Besides the new value the one that was there is read: a failed test may quote either, and both are masked.
    assert admin.secrets_read() == 3
    results += [shown, failed, workspace.up("--diff").ok()]
    assert admin.connections(secrets=True)["stripe"]["config"]["api_key"] == FOURTH

    written = everything_written(workspace.backend, workspace.settings.parent, workspace.tools.pulumi_home)
    printed = "".join(result.out for result in results)
    for canary in (THIRD, FOURTH):
        assert canary not in printed
        assert canary.encode() not in written


def test_preview_names_an_unreadable_version_and_an_adoption_diff_in_one_rejection(workspace: Workspace, admin: Admin):
    admin.put_secret("stripe-key", 2, THIRD)
    admin.secrets("PATCH", "/versions/dev-project/stripe-key/2", {"state": "DISABLED"})
    group = admin.make_group_with_destination("Group_Dev")
    done = {"succeeded_at": "2026-01-01T00:00:00Z", "sync_frequency": 60}
    made = admin.make(group_id=group, service="stripe", config={"schema": "there", "api_key": "k"}, **done)
    workspace.write("there", stripe("there"))
    workspace.write("stripe", versioned(2))
    failed = workspace.preview()
    assert failed.code != 0
    assert (
        ": config.api_key: version 2 of the secret stripe-key in project dev-project is disabled: enable it "
        "(`gcloud secrets versions enable 2 --secret=stripe-key --project=dev-project`), or refer to another version"
    ) in failed.out
    there = f"the connection there exists ({made['id']}) and differs from the file"
    for file, what in (("stripe", "config.api_key: version 2"), ("there", there), ("there", "schedule: the file says")):
        assert re.search(rf"{file}\.yaml:\d+:\d+: {re.escape(what)}", failed.out)
    assert re.search(r"schedule.*1h.*6h|schedule.*6h.*1h", failed.out)
    assert (admin.writes(), admin.secrets_read()) == ([], 0)


def test_value_of_the_stacks_config_arrives_and_is_in_state_only_encrypted(workspace: Workspace, admin: Admin):
    workspace.pulumi("config", "set", "--secret", "stripe_key", THIRD).ok()
    workspace.write("stripe", stripe(config={"api_key": {"pulumi_config": "stripe_key", "version": 1}, **FRAME}))
    results = [workspace.preview("--diff").ok(), workspace.up("--diff").ok()]
    assert admin.connections(secrets=True)["stripe"]["config"]["api_key"] == THIRD
    assert not any(THIRD in result.out for result in results)
    state = workspace.state()["checkpoint"]["latest"]["resources"]
    assert THIRD not in str(state)
    holding = [each["urn"] for each in state if "stripe_key" in str(each.get("inputs", {}).keys())]
    assert all(re.search(r"pulumi:providers:pulumi-python", urn) for urn in holding)
    assert THIRD.encode() not in everything_written(workspace.backend, workspace.settings.parent)
