"""`reconciler status`."""

import json
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from .shop import Shop

DONE = {"schedule_type": "manual", "is_historical_sync": False, "succeeded_at": "2026-11-24T10:00:00Z"}


def standing(shop: Shop, *arguments: str) -> dict[str, Any]:
    """The one unit there is, as JSON has it."""
    return json.loads(shop.run("status", "--format", "json", *arguments).out)[0]


def test_a_line_a_unit_with_its_states_and_below_it_in_words_what_there_is_to_know(shop: Shop):
    shop.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    shop.unit("later", schedule={"by": "fivetran", "daily_at": "04:00"})
    task = {"code": "resync_table_warning", "message": "Re-enter the key"}
    stripe = shop.connection("stripe", {"schema": "stripe"}, **DONE)
    later = shop.connection("stripe", {"schema": "later"}, setup_state="broken", tasks=[task])
    ran = shop.run("status")
    lines = ran.out.splitlines()
    assert lines[0].split("  ")[0] == "UNIT"
    step = "next: do what Fivetran asks for, then `pulumi up --stack dev --refresh`, which tests it again"
    assert [line.split() for line in lines[1:]] == [
        ["later", later, "broken", "scheduled", "daily", "at", "04:00", "-"],
        ["!", "its", "set-up", "is", "broken"],
        ["Fivetran:", "resync_table_warning:", "Re-enter", "the", "key"],
        step.split(),
        ["stripe", stripe, "connected", "scheduled", "by", "Airflow:", "fivetran_stripe", "2026-11-24", "10:00"],
        ["the", "DAG", "may", "be", "enabled,", "with", "fivetran_stripe_connector_id", "=", stripe],
    ]
    assert len({line.index(word) for line, word in zip(lines, ("SET-UP", "broken"), strict=False)}) == 1
    assert [line[:4] for line in lines if line.startswith(" ")] == ["    "] * 4
    assert ran.err == "dev: 1 fine, 1 to see to\n"
    assert ran.code == 1


def test_all_well_is_exit_code_0(shop: Shop):
    shop.unit("stripe")
    shop.connection("stripe", {"schema": "stripe"}, **DONE)
    ran = shop.run("status")
    assert (ran.code, ran.err) == (0, "dev: 1 fine\n")
    assert "every 6h" in ran.out


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({**DONE, "is_historical_sync": True}, "its first sync of the whole history is not done"),
        ({**DONE, "is_historical_sync": None}, "its first sync of the whole history is not done"),
        ({**DONE, "paused": True}, "it is paused"),
        ({**DONE, "setup_state": "broken"}, "its set-up is broken"),
        (
            {"setup_state": "incomplete", "paused": True},
            "its set-up is incomplete, it is paused, its first sync of the whole history is not done",
        ),
    ],
)
def test_the_dag_may_be_enabled_only_when_nothing_is_in_the_way(shop: Shop, live: dict[str, Any], words: str):
    shop.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    shop.admin("PATCH", "/options", {"sync_seconds": 600})
    stripe = shop.connection("stripe", {"schema": "stripe"}, **live)
    assert standing(shop)["airflow"] == {
        "variable": "fivetran_stripe_connector_id",
        "connection": stripe,
        "safe": False,
        "words": f"do not enable the DAG yet: {words}",
    }


def test_status_never_advises_a_dag_when_the_file_pauses_the_connection(shop: Shop):
    shop.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"}, paused="INC-1")
    shop.connection("stripe", {"schema": "stripe"}, **DONE, paused=False)
    found = standing(shop)
    assert found["airflow"]["safe"] is False
    assert found["airflow"]["words"] == "do not enable the DAG yet: its file pauses it (INC-1)"


def test_status_reports_fivetrans_schedule_when_the_file_leaves_it_to_airflow(shop: Shop):
    shop.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    shop.connection("stripe", {"schema": "stripe"}, **{**DONE, "schedule_type": "auto"})
    (finding,) = standing(shop)["findings"]
    assert finding.startswith("Fivetran starts its syncs, and the file leaves that to Airflow")


def test_what_is_not_there_yet_is_something_to_see_to(shop: Shop):
    shop.unit("stripe", schedule={"by": "airflow", "task_id": "t"})
    found = standing(shop)
    assert found["connection"] is None
    assert found["findings"] == ["Fivetran has no such connection: `pulumi up --stack dev` makes it"]
    assert found["airflow"]["words"] == "do not enable the DAG yet: there is no connection"
    assert shop.run("status").code == 1


@pytest.mark.parametrize(
    ("connector", "live", "finding"),
    [
        ({}, {"paused": True}, "it is paused and the file gives no reason"),
        ({"paused": "INC-1"}, {}, "it runs, and its file pauses it (INC-1)"),
        ({}, {"failed_at": "2026-11-24T11:00:00Z"}, "its last sync failed, at 2026-11-24 11:00"),
        ({}, {"setup_state": "incomplete"}, "its set-up is incomplete"),
        ({"service": "jira"}, {}, "it is a connection of service stripe, and the file says jira"),
    ],
)
def test_what_somebody_has_to_see_to_is_said(shop: Shop, connector: dict[str, Any], live: dict[str, Any], finding: str):
    shop.unit("stripe", **connector)
    shop.connection("stripe", {"schema": "stripe"}, **{**DONE, **live})
    assert [found[: len(finding)] for found in standing(shop)["findings"]] == [finding]


def test_a_pause_with_a_reason_and_a_failure_before_a_success_are_in_order(shop: Shop):
    shop.unit("stripe", paused="INC-1")
    shop.connection("stripe", {"schema": "stripe"}, **{**DONE, "paused": True, "failed_at": "2026-11-23T10:00:00Z"})
    assert standing(shop)["findings"] == []


def test_what_is_awaited_is_no_failure_until_its_day_is_over(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.unit("stripe", awaiting={"what": "the vendor installs our key", "until": "2026-12-15"})
    shop.connection("stripe", {"schema": "stripe"}, setup_state="incomplete", paused=True)
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-15")
    ran = shop.run("status")
    assert (
        "    awaits the vendor installs our key, until 2026-12-15\n"
        "    next: `reconciler authorise -e dev stripe` prints" in ran.out
    )
    assert (ran.code, ran.err) == (0, "dev: 1 awaited\n")
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-16")
    assert standing(shop)["findings"] == [
        "the vendor installs our key has not happened, and was awaited until 2026-12-15",
        "its set-up is incomplete",
    ]
    assert standing(shop)["next_step"] == (
        "see to it, or give it another day in connectors/dev/stripe.yaml; then `pulumi up --stack dev --refresh`"
    )


def test_a_persons_consent_is_awaited_with_the_command_that_asks_for_it(shop: Shop):
    shop.unit("ads", service="google_ads")
    shop.connection("google_ads", {"schema": "ads"}, setup_state="incomplete", paused=True)
    assert standing(shop)["awaiting"] == "somebody's consent: `reconciler authorise -e dev ads` makes a link for it"
    assert standing(shop)["next_step"] == "when that is done, `pulumi up --stack dev --refresh`, which starts it"
    assert standing(shop)["findings"] == []


@pytest.mark.parametrize(
    ("ending", "words"),
    [({"expires": "2026-11-01"}, "it expired on 2026-11-01"), ({"retire": {"ticket": "T-1"}}, "it retires (T-1)")],
)
def test_a_unit_that_has_ended_is_paused_in_order_and_its_dag_is_not_to_be_enabled(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, ending: dict[str, Any], words: str
):
    monkeypatch.setenv("RECONCILER_TODAY", "2026-11-02")
    file = shop.unit("stripe", schedule={"by": "airflow", "task_id": "t"})
    file.write_text(file.read_text() + json.dumps(ending)[1:-1] + "\n")
    shop.connection("stripe", {"schema": "stripe"}, **DONE, paused=True)
    found = standing(shop)
    assert found["findings"] == []
    assert found["airflow"]["words"] == f"do not enable the DAG yet: {words}, it is paused"


def test_nothing_is_awaited_of_a_unit_that_has_ended(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RECONCILER_TODAY", "2026-11-02")
    file = shop.unit("ads", service="google_ads")
    file.write_text(file.read_text() + '"expires": "2026-11-01"\n')
    shop.connection("google_ads", {"schema": "ads"}, setup_state="incomplete", paused=True)
    found = standing(shop)
    assert (found["ended"], found["awaiting"], found["findings"]) == ("it expired on 2026-11-01", None, [])


FAILED = ["Validate Login: FAILED: Invalid API key", "Permissions: FAILED: None\u001b"]


@pytest.mark.parametrize(
    ("last", "live", "findings", "step"),
    [
        (
            {"outcome": "failed", "messages": FAILED},
            "incomplete",
            [
                "its set-up is incomplete",
                "setup test Validate Login: FAILED: Invalid API key",
                "setup test Permissions: FAILED: None\\x1b",
            ],
            "look at connectors/dev/stripe.yaml and at what the test names, mend the cause, "
            "then `pulumi up --stack dev`",
        ),
        (
            {"outcome": "failed", "messages": FAILED[:1]},
            "connected",
            ["setup test Validate Login: FAILED: Invalid API key"],
            "look at connectors/dev/stripe.yaml",
        ),
        (
            {"outcome": "testing", "messages": []},
            "incomplete",
            ["its set-up is incomplete", "its setup tests were still running when the last run ended"],
            "`pulumi up --stack dev`, which reads what its tests came to",
        ),
        (
            {"outcome": "testing"},
            "connected",
            ["its setup tests were still running when the last run ended"],
            "`pulumi up --stack dev`, which reads what its tests came to",
        ),
        (
            {"outcome": "refused", "messages": ["no table Chrage"]},
            "connected",
            ["the last run refused it: no table Chrage"],
            "correct connectors/dev/stripe.yaml, then `pulumi up --stack dev`",
        ),
        ({"outcome": "connected", "messages": []}, "broken", ["its set-up is broken"], "do what Fivetran asks for"),
        ({"outcome": "connected"}, "connected", [], None),
        (
            {},
            "incomplete",
            ["its set-up is incomplete"],
            "`pulumi up --stack dev --refresh`, which tests it and says what fails",
        ),
    ],
)
def test_what_the_last_run_left_names_the_failed_test_and_the_next_step(
    shop: Shop, last: dict[str, Any], live: str, findings: list[str], step: str | None
):
    shop.unit("stripe")
    shop.connection("stripe", {"schema": "stripe"}, **DONE, setup_state=live)
    outputs = shop.specs.parent / "outputs.json"
    outputs.write_text(json.dumps({"units": {"stripe": {"connection_id": "x", **last}, "only_a_dataset": {}}}))
    found = standing(shop, "--from-outputs", str(outputs))
    assert found["findings"] == findings
    assert (found["next_step"] or "").startswith(step or "")
    assert (found["next_step"] is None) == (step is None)


def test_what_are_no_outputs_of_a_stack_is_one_line(shop: Shop):
    outputs = shop.specs.parent / "outputs.json"
    outputs.write_text("{}")
    ran = shop.run("status", "--from-outputs", str(outputs))
    assert (ran.code, ran.out) == (2, "")
    assert "outputs.json: no output 'units': expected what `pulumi stack output --json` prints" in ran.err


def test_units_are_named_by_name_or_file_and_others_are_left_out(shop: Shop):
    for name in ("a", "b", "c"):
        shop.unit(name)
    ran = shop.run("status", "--format", "json", "c", "connectors/dev/a.yaml", "c")
    assert [each["unit"] for each in json.loads(ran.out)] == ["c", "a"]
    ran = shop.run("status", "d")
    assert (ran.code, "no unit 'd' in dev" in ran.err) == (2, True)
    shop.write("alone", {"description": "x", "owners": ["a@example.com"], "dataset": {}})
    assert shop.run("status", "alone").code == 2


def test_a_few_lists_are_all_it_asks_for(shop: Shop):
    for number in range(5):
        shop.unit(f"s{number}")
        shop.connection("stripe", {"schema": f"s{number}"})
    shop.run("status")
    assert shop.requests() == {"GET /v1/groups": 1, "GET /v1/connections": 1}


def test_a_terminal_gets_a_table(shop: Shop):
    shop.unit("stripe")
    shop.connection("stripe", {"schema": "stripe"}, **DONE)
    controller, terminal = pty.openpty()
    program = "from reconciler.cli.main import main; main()"
    command = [sys.executable, "-c", program, "status", "--specs", str(shop.specs)]
    done = subprocess.run(
        command,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm"},
        check=False,
    )
    os.close(terminal)
    shown = os.read(controller, 65536).decode()
    os.close(controller)
    assert done.returncode == 0, done.stderr
    assert "┏━" in shown
    assert re.search(r"│\W*stripe", shown)


def test_an_environment_without_connectors_is_fine(shop: Shop):
    ran = shop.run("status")
    assert (ran.code, ran.out, ran.err) == (0, "", "dev: no connectors\n")


def test_what_fivetran_says_cannot_act_on_the_terminal(shop: Shop):
    shop.unit("stripe")
    task = {"code": "x", "message": "red \u001b[31m and\nforged"}
    shop.connection("stripe", {"schema": "stripe"}, **DONE, tasks=[task])
    assert standing(shop)["tasks"] == ["x: red [31m and forged"]
