"""The workflows: what holds for every job, and that each command in them exists."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.commands import problems

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ENVIRONMENTS = sorted(file.parent.name for file in (ROOT / "connectors").glob("*/environment.yaml"))

#: What lets a job do something that a reader of the repository cannot.
READ = {"read", "none"}


def load(file: Path) -> dict[str, Any]:
    # `on` is a word for true in YAML 1.1, which GitHub does not read.
    found: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    found["on"] = found.pop(True, found.get("on"))
    return found


WORKFLOWS = {file.stem: load(file) for file in FILES}
ACTIONS = {file.parent.name: load(file) for file in sorted((ROOT / ".github" / "actions").glob("*/action.yml"))}
JOBS = {(name, job): each for name, flow in WORKFLOWS.items() for job, each in flow["jobs"].items()}
IDS = [f"{name}-{job}" for name, job in JOBS]


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for (name, job), each in JOBS.items():
        yield from ((f"{name}.yml: {job}: {step['name']}", step) for step in each["steps"])
    for name, action in ACTIONS.items():
        yield from ((f"{name}: {step['name']}", step) for step in action["runs"]["steps"])


def runs(job: Mapping[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def uses(job: Mapping[str, Any]) -> str:
    return "\n".join(step.get("uses", "") for step in job["steps"])


def is_trusted(job: Mapping[str, Any]) -> bool:
    """Return whether a job has a credential: one of Google's, a secret, or a token that writes."""
    writes = any(level not in READ for level in job["permissions"].values())
    return writes or "environment" in job or "secrets." in str(job)


def test_workflows_begin_without_permissions():
    assert {name: flow["permissions"] for name, flow in WORKFLOWS.items()} == {name: {} for name in WORKFLOWS}


@pytest.mark.parametrize("job", JOBS.values(), ids=IDS)
def test_workflow_jobs_state_permissions_time_out_and_machine(job):
    assert isinstance(job["permissions"], dict)
    assert 0 < job["timeout-minutes"] <= 120
    assert re.fullmatch(r"ubuntu-\d\d\.04", job["runs-on"])


def test_workflow_actions_are_pinned_by_commit_with_their_tag():
    for file in [*FILES, *(ROOT / ".github" / "actions").glob("*/action.yml")]:
        for line in re.findall(r"uses: .*", file.read_text(encoding="utf-8")):
            local = re.fullmatch(r"uses: \./\.github/actions/([a-z-]+)", line)
            assert local or re.match(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line), f"{file}: {line}"
            assert not local or local[1] in ACTIONS


def test_workflow_scripts_hold_no_expression():
    for place, step in steps():
        assert "${{" not in step.get("run", ""), f"{place}: an expression in a script runs what its text says"


def test_workflow_scripts_are_one_command():
    for place, step in steps():
        script = step.get("run", "").strip()
        assert len(script.splitlines()) <= 1, f"{place}: move it into tools/"


def test_workflow_commands_exist_with_their_options():
    found: dict[str, str] = {}
    for place, step in steps():
        script = re.sub(r"\$\{\w+:\+([^}]*)\}", r"\1", step.get("run", ""))
        script = script.replace("reconciler with-fivetran-key ", "")
        found |= dict.fromkeys(problems(script), place)
    assert found == {}


#: What GitHub sets in every step.
GIVEN = {"GITHUB_OUTPUT", "GITHUB_SHA", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP"}


@pytest.mark.parametrize("job", JOBS.values(), ids=IDS)
def test_workflow_scripts_use_only_variables_that_they_are_given(job):
    for step in job["steps"]:
        known = GIVEN | set(job.get("env", {})) | set(step.get("env", {}))
        assert set(re.findall(r"\$\{?([A-Za-z_]+)", step.get("run", ""))) <= known, step["name"]


@pytest.mark.parametrize("job", JOBS.values(), ids=IDS)
def test_workflow_commands_come_after_the_steps_that_they_need(job):
    needed = {
        r"\b(reconciler|make) ": "./.github/actions/set-up",
        r"with-fivetran-key": "google-github-actions/auth@",
        r"\bmake (order|newest|apply|record-run|recover|resources)\b": "google-github-actions/auth@",
        r"github/actions/set-up": "actions/checkout@",
        r"review\.json(?<!>review\.json)": "review.json",
    }
    before = ""
    for step in job["steps"]:
        script = f"{step.get('run', '')}{step.get('uses', '')}"
        for pattern, earlier in needed.items():
            is_written = earlier == "review.json" and "download-artifact" in before
            assert not re.search(pattern, script) or earlier in before or is_written, step["name"]
        before += script


@pytest.mark.parametrize("job", JOBS.values(), ids=IDS)
def test_workflow_jobs_without_the_engine_run_no_command_that_needs_it(job):
    uses_engine = (
        r"\breconciler review\b|\bmake (apply|newest|order|record-run|recover|resources|test|clients|rehearse)\b"
    )
    set_up = [step.get("with", {}) for step in job["steps"] if step.get("uses") == "./.github/actions/set-up"]
    has_engine = any(each.get("engine") != "false" for each in set_up)
    assert bool(re.search(uses_engine, runs(job))) <= has_engine
    assert len(set_up) <= 1


def with_env(text: str, env: Mapping[str, str]) -> str:
    """Return a text with the values of a job's variables."""
    for name, value in env.items():
        text = text.replace(f"${{{{ env.{name} }}}}", value)
    return text


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_artifacts_have_one_writer_and_readers_that_wait_for_it(name):
    """An artifact's name is taken once in a run. A job of a matrix has its stack in the name."""
    written: dict[str, str] = {}
    for job, each in WORKFLOWS[name]["jobs"].items():
        for step in each["steps"]:
            if "upload-artifact" in step.get("uses", ""):
                artifact = with_env(step["with"]["name"], each.get("env", {}))
                assert ("matrix." in artifact) == ("strategy" in each), job
                artifact = artifact if "matrix." not in artifact else f"{artifact} of {each['environment']['name']}"
                assert artifact not in written, job
                written[artifact] = job
    for job, each in WORKFLOWS[name]["jobs"].items():
        for step in each["steps"]:
            if "download-artifact" in step.get("uses", ""):
                wanted = step["with"].get("pattern", step["with"].get("name")).partition("-")[0]
                writers = {writer for artifact, writer in written.items() if artifact.partition("-")[0] == wanted}
                environment = job.removesuffix("-report")
                own = {each for each in writers if each.partition("-")[0] == environment} or writers
                assert own, f"{job} takes {wanted}, which no job hands over"
                assert own <= set(each["needs"]), job


def test_workflow_jobs_never_check_out_another_commit():
    for place, step in steps():
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"].keys() <= {"fetch-depth", "persist-credentials"}, place
            assert step["with"]["persist-credentials"] is False, place
        assert not re.search(r"git (checkout|switch|reset|worktree|merge|pull)\b", step.get("run", "")), place


def test_workflows_run_code_of_a_pull_request_only_without_credentials():
    for (name, job), each in JOBS.items():
        events = WORKFLOWS[name]["on"]
        if "pull_request" in events:
            assert not is_trusted(each), job
        assert "workflow_run" not in events


def test_workflows_name_secrets_only_in_the_environments_that_have_them():
    for (name, job), each in JOBS.items():
        names = set(re.findall(r"secrets\.(\w+)", str(each)))
        environment = (each.get("environment") or {}).get("name")
        has_key = environment == "record" or (name == "merge" and environment in ("dev", "prod"))
        wanted = {"RECONCILER_APP_KEY"} if has_key else set()
        if "airflow-variables" in runs(each):
            wanted |= {"AIRFLOW_PASSWORD", "AIRFLOW_TOKEN"}
        assert names == wanted, f"{name}: {job}"


def test_workflows_give_airflows_credentials_to_the_push_alone():
    for (name, job), each in JOBS.items():
        for step in each["steps"]:
            if "secrets.AIRFLOW" in str(step):
                assert "reconciler airflow-variables" in step["run"], f"{name}: {job}"


def test_workflow_jobs_that_log_in_to_google_have_an_environment():
    for (name, job), each in JOBS.items():
        logs_in = "google-github-actions/auth@" in uses(each)
        assert logs_in == (each["permissions"].get("id-token") == "write"), f"{name}: {job}"
        assert not logs_in or "environment" in each, f"{name}: {job}"


def test_fork_jobs_have_no_credential_and_write_nothing():
    for job in ("read", "simulate"):
        each = JOBS["pull-request", job]
        assert each["permissions"] == {"contents": "read"}
        assert not is_trusted(each)
        assert "upload-artifact" not in uses(each)
        assert "vars." not in str(each)
        assert all(step.get("with", {}).get("save", "false") == "false" for step in each["steps"])


def test_own_branches_and_forks_are_reviewed_by_opposite_conditions():
    own = JOBS["pull-request", "review"]["if"].split("\n")[0].split(" && ")
    fork = JOBS["pull-request", "simulate"]["if"]
    assert len(own) == 4
    assert fork == f"{own[0]} && ({' || '.join(each.replace('==', '!=') for each in own[1:])})"


def test_fork_reviews_are_never_recorded():
    assert JOBS["pull-request", "record"]["needs"] == ["read", "review"]
    assert "needs.review.result != 'skipped'" in JOBS["pull-request", "record"]["if"]


def test_fork_reviews_are_shown_only_as_simulations():
    (step,) = (each for each in JOBS["pull-request", "comment"]["steps"] if "comment --pull" in each.get("run", ""))
    assert step["env"]["SIMULATED"] == "${{ needs.simulate.result != 'skipped' && 'simulated' || '' }}"
    assert "${SIMULATED:+--simulated}" in step["run"]


def test_jobs_whose_reviews_are_shown_write_the_whole_page_into_their_summary():
    for job in ("review", "simulate"):
        assert '--summary "$GITHUB_STEP_SUMMARY"' in runs(JOBS["pull-request", job])


def test_pull_requests_into_other_branches_leave_no_check_on_a_commit():
    assert WORKFLOWS["pull-request"]["on"]["pull_request_target"]["branches"] == ["main"]
    assert WORKFLOWS["merge"]["on"]["push"]["branches"] == ["main"]


def test_quick_review_comes_first_and_decides_nothing():
    quick, full = JOBS["pull-request", "quick"], JOBS["pull-request", "review"]
    assert quick["if"] == full["if"]
    assert quick["needs"] == full["needs"]
    assert "--changed" in runs(quick)
    assert "--changed" not in runs(full)
    assert "quick-comment" in JOBS["pull-request", "comment"]["needs"]
    decides = {job for job in ("record", "result") if "quick" in str(JOBS["pull-request", job])}
    assert decides == set()


def test_pull_request_result_waits_for_every_job():
    others = {job for name, job in JOBS if name == "pull-request"} - {"quick", "quick-comment", "result", "supersede"}
    assert set(JOBS["pull-request", "result"]["needs"]) == others
    assert "merge_group" in WORKFLOWS["pull-request"]["on"]
    assert "merge_group" in WORKFLOWS["tests"]["on"]


def test_workflows_have_a_job_for_each_environment():
    assert WORKFLOWS["merge"]["on"]["workflow_dispatch"]["inputs"]["environment"]["options"] == ENVIRONMENTS
    for name in ("merge", "daily"):
        jobs = [job for (flow, job) in JOBS if flow == name]
        assert {f"{each}{more}" for each in ENVIRONMENTS for more in ("", "-folders")} <= set(jobs)


def test_pull_request_jobs_are_one_for_each_touched_stack():
    jobs = {job: each for (name, job), each in JOBS.items() if name == "pull-request" and "strategy" in each}
    assert set(jobs) == {"review", "quick", "quick-comment", "simulate", "comment", "record"}
    for job, each in jobs.items():
        assert each["strategy"]["matrix"] == {"touched": "${{ fromJSON(needs.read.outputs.stacks) }}"}, job
        assert "${{ matrix.touched.stack }}" in str(each["env" if "env" in each else "steps"]), job
        assert '-e "$STACK"' in runs(each), job
    for job in ("review", "quick"):
        assert jobs[job]["environment"]["name"] == "preview-${{ matrix.touched.environment }}"


def test_simulations_are_handed_over_by_the_number_of_their_stack():
    outputs = JOBS["pull-request", "simulate"]["outputs"]
    assert outputs == {f"review-{each}": f"${{{{ steps.output.outputs.review-{each} }}}}" for each in range(20)}
    assert 'make step-output NAME="review-$NUMBER"' in runs(JOBS["pull-request", "simulate"])
    assert "format('review-{0}', matrix.touched.number)" in str(JOBS["pull-request", "comment"])


@pytest.mark.parametrize("name", ["merge", "daily"])
def test_jobs_that_apply_queue_for_their_stack_and_share_their_steps(name):
    applying = {job: each for (flow, job), each in JOBS.items() if flow == name and "make apply" in runs(each)}
    assert len(applying) >= 2 * len(ENVIRONMENTS)
    for job, each in applying.items():
        environment = job.partition("-")[0]
        stack = "${{ matrix.stack }}" if job.endswith("-folders") else environment
        assert each["environment"]["name"] == each["env"]["ENVIRONMENT"] == environment, job
        assert each["env"]["STACK"] == stack, job
        assert each["concurrency"] == {"group": f"stack-{stack}", "queue": "max", "cancel-in-progress": False}
        assert each["steps"] == applying["dev"]["steps"]
        assert each["permissions"] == applying["dev"]["permissions"]


@pytest.mark.parametrize("name", ["merge", "daily"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_jobs_of_subfolders_follow_the_environments_own_stack(name, environment):
    each = JOBS[name, f"{environment}-folders"]
    own = {job for flow, job in JOBS if flow == name and JOBS[flow, job].get("env", {}).get("STACK") == environment}
    assert own <= set(each["needs"])
    assert "!cancelled()" in each["if"]  # also where the environment's own stack failed
    # A refresh takes all of BigQuery's quota of an identity, and the gcp plugin repeats no read that is rejected.
    assert each["strategy"]["max-parallel"] <= (1 if name == "daily" else 4)
    assert f".{environment}" in each["strategy"]["matrix"]["stack"]
    assert f"""contains(needs.{each["needs"][0]}.outputs.subfolders, '"{environment}.')""" in each["if"]


def test_merge_dispatch_runs_one_stack():
    for environment in ENVIRONMENTS:
        own, folders = JOBS["merge", environment]["if"], JOBS["merge", f"{environment}-folders"]
        assert f"(inputs.environment == '{environment}' && inputs.folder == '')" in own
        assert f"(inputs.environment == '{environment}' && inputs.folder != '')" in folders["if"]
        assert f"toJSON(format('{environment}.{{0}}', inputs.folder))" in folders["strategy"]["matrix"]["stack"]
    assert "inputs.folder" not in JOBS["merge", "prod-after-dev"]["if"]


@pytest.mark.parametrize("job", [("merge", "dev"), ("daily", "dev-report")])
def test_workflows_delete_variables_only_where_no_stack_is_at_a_later_commit(job):
    dev = JOBS[job]
    check, push = order_of(dev, "make newest", "airflow-variables")
    assert check + 1 == push
    assert dev["steps"][push]["env"]["PRUNE"] == "${{ steps.newest.outputs.newest == 'true' && '1' || '' }}"
    assert "${PRUNE:+--prune}" in dev["steps"][push]["run"]


def order_of(job: Mapping[str, Any], *commands: str) -> list[int]:
    """Return the steps that run some commands, which each job has once."""
    found = [[number for number, step in enumerate(job["steps"]) if each in step.get("run", "")] for each in commands]
    assert all(len(each) == 1 for each in found)
    return [each[0] for each in found]


def test_merge_compares_with_the_review_before_it_applies():
    dev = JOBS["merge", "dev"]
    steps = order_of(
        dev, "make order", "make recover", "reconciler review", "agrees", "record-run", "make apply", "variables"
    )
    assert steps == sorted(steps)
    assert not any("continue-on-error" in step for step in dev["steps"])
    assert "REVIEW=review.json" in runs(dev)


def test_merge_corrects_drift_only_when_a_person_asks_for_it():
    assert WORKFLOWS["merge"]["on"]["workflow_dispatch"]["inputs"]["refresh"]["default"] is False
    for step in JOBS["merge", "dev"]["steps"]:
        if "refresh" in step.get("run", "").lower():
            assert step["env"]["REFRESH"] == "${{ inputs.refresh && '1' || '' }}"
            assert re.search(r'\$\{REFRESH:\+--refresh\}|REFRESH="\$REFRESH"', step["run"])


def test_daily_run_allows_no_removal_beyond_what_is_scheduled():
    assert "REMOVALS" not in str(WORKFLOWS["daily"])
    [number] = order_of(JOBS["daily", "dev"], "make apply")
    assert "REVIEW=" not in JOBS["daily", "dev"]["steps"][number]["run"]
    assert JOBS["daily", "prod"]["env"]["ONLY_SCHEDULED"] == "true"
    apply = next(step for step in JOBS["daily", "prod"]["steps"] if "make apply" in step.get("run", ""))
    assert "steps.agrees.outcome != 'failure'" in apply["if"]


def test_prod_does_not_wait_for_dev_unless_code_changed():
    assert "dev" not in JOBS["merge", "prod"]["needs"]
    assert "needs.changed.outputs.code == 'false'" in JOBS["merge", "prod"]["if"]
    after = JOBS["merge", "prod-after-dev"]
    assert after["needs"] == ["changed", "dev"]
    assert "needs.dev.outputs.completed == 'true'" in after["if"]
    gate = "needs.dev.outputs.completed == 'true' || needs.dev.outputs.proceed == 'false'"
    for job in ("prod-after-dev", "prod-folders"):
        assert gate in JOBS["merge", job]["if"].replace("\n", " ")
    assert "needs.changed.outputs.code == 'false'" in JOBS["merge", "prod-folders"]["if"]


def test_daily_run_reports_once_on_all_stacks_of_an_environment():
    reports = {job: each for (name, job), each in JOBS.items() if name == "daily" and "make issue" in runs(each)}
    assert sorted(reports) == [f"{each}-report" for each in ENVIRONMENTS]
    for environment in ENVIRONMENTS:
        each = reports[f"{environment}-report"]
        assert each["needs"] == [environment, f"{environment}-folders"]
        assert each["env"]["ENVIRONMENT"] == each["environment"]["name"] == environment
        assert each["steps"] == reports["dev-report"]["steps"]
    needed = [f"{each}{more}" for each in ENVIRONMENTS for more in ("", "-folders")]
    assert JOBS["daily", "sweep"]["needs"] == needed


def test_jobs_that_apply_approved_fingerprints_wait_for_a_complete_approval():
    waiting = [each for each in WORKFLOWS["merge"]["jobs"].values() if "approve" in each.get("needs", ())]
    assert len(waiting) >= len(ENVIRONMENTS)
    for job in waiting:
        # A job that is out of time, or whose machine is lost, has either result.
        assert "needs.approve.result != 'failure' && needs.approve.result != 'cancelled' && (" in job["if"]
    takes = [each for each in WORKFLOWS["merge"]["jobs"].values() if "inputs.environment ==" in str(each.get("if"))]
    assert takes == waiting


@pytest.mark.parametrize(("value", "fails"), [("true", False), ("", True)])
def test_approval_names_the_variable_of_an_environment_without_reviewers(value, fails):
    [step] = JOBS["merge", "approve"]["steps"]
    command = ["bash", "-e", "-c", step["run"]]
    done = subprocess.run(command, env={"PROTECTED": value}, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails
    assert ("PROTECTED: is not true. Give this environment its reviewers" in done.stderr) == fails
