"""What the workflows call in `tools/`, apart from Pulumi."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import apply
import environment
import fetch
import handover
from reconciler.cli import sweep
from reconciler.lifecycle import removal
from reconciler.resources.run import checkpoints
from reconciler.stack import siblings

TOOLS = Path(__file__).resolve().parents[3] / "tools"


def review(tmp_path, *consequences, **more):
    file = tmp_path / "review.json"
    items = [{"kind": kind, "fingerprint": fingerprint} for kind, fingerprint in consequences]
    content = {"environment": "dev", "scheduled": ["s"], "rejected": [], "consequences": items, **more}
    file.write_text(json.dumps(content))
    return file


def test_apply_counts_deletions_that_no_run_scheduled(tmp_path):
    deleted = [("dataset_deleted", "a"), ("connection_deleted", "b"), ("dataset_deleted", "s")]
    assert apply.count_removals(review(tmp_path, *deleted, ("access_granted", "c")), "dev") == 2


@pytest.mark.parametrize(
    "more", [{"environment": "prod"}, {"rejected": ["x"]}, {"consequences": [1]}, {"scheduled": 1}]
)
def test_apply_rejects_a_review_of_something_else(tmp_path, more):
    with pytest.raises(apply.ApplyError) as raised:
        apply.count_removals(review(tmp_path, **more), "dev")
    assert raised.value.code == 2


@pytest.mark.parametrize(
    ("more", "backend", "skips"),
    [
        ({"changes": 100, "deletions": 0}, "gs://state", True),
        ({"changes": 100, "deletions": 0}, "file:///state", True),
        ({"changes": 99, "deletions": 0}, "gs://state", False),
        ({"changes": 100, "deletions": 1}, "gs://state", False),
        ({"changes": 100}, "gs://state", False),
        ({}, "gs://state", False),
        ({"changes": 100, "deletions": 0}, "https://api.pulumi.com", False),
        ({"changes": 100, "deletions": 0}, "", False),
    ],
)
def test_apply_skips_checkpoints_of_many_changes_without_deletions(tmp_path, monkeypatch, more, backend, skips):
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    assert apply.may_skip_checkpoints(review(tmp_path, **more), apply.MANY) is skips


def test_apply_sets_the_variables_that_the_program_reads():
    assert set(apply.WITHOUT_CHECKPOINTS) == {checkpoints.SKIP, checkpoints.EXPERIMENTAL}


def test_apply_sets_the_variable_that_the_program_reads():
    assert removal.VARIABLE == apply.REMOVALS


def test_apply_reads_a_log_that_ends_in_the_middle_of_a_line(tmp_path):
    log = tmp_path / "log"
    event = {
        "resOutputsEvent": {"metadata": {"urn": "urn:pulumi:dev::p::pulumi-python:dynamic/reconciler:Outcome::dev"}}
    }
    log.write_text(f'{{"preludeEvent": {{}}}}\n[1]\n{json.dumps(event)}\n{{"resOut')
    assert apply.came_to_its_end(log)
    log.write_text('{"resOut')
    assert not apply.came_to_its_end(log)
    assert not apply.came_to_its_end(tmp_path / "missing")


def test_github_env_puts_the_tools_on_path_for_later_steps(tmp_path, monkeypatch):
    for name in ("GITHUB_PATH", "GITHUB_ENV"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("RECONCILER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    environment.for_github(with_engine=False)
    assert (tmp_path / "GITHUB_PATH").read_text() == f"{environment.VENV / 'bin'}\n"
    assert "PULUMI_CONTINUE_ON_ERROR=true\n" in (tmp_path / "GITHUB_ENV").read_text()


def test_step_output_is_one_line_whatever_the_text_is(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    file = tmp_path / "review.json"
    text = {"text": "a\nprod=forged\r\u2028::error::x"}
    file.write_text(json.dumps(text, indent=2, ensure_ascii=False))
    handover.output("dev", file)
    written = (tmp_path / "outputs").read_text()
    assert written.count("\n") == 1
    assert json.loads(written.removeprefix("dev=")) == text


@pytest.mark.parametrize(("name", "content"), [("dev", "no JSON"), ("a=b", "{}"), ("dev", json.dumps("x" * 120_001))])
def test_step_output_rejects_a_file_that_is_not_a_review(tmp_path, monkeypatch, name, content):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    file = tmp_path / "review.json"
    file.write_text(content)
    with pytest.raises(handover.HandoverError):
        handover.output(name, file)
    assert not (tmp_path / "outputs").exists()


@pytest.fixture
def reconciler(tmp_path, monkeypatch):
    """A program in place of the command: it lists the stacks, and writes down how else it is called."""
    program = tmp_path / "bin" / "reconciler"
    program.parent.mkdir()
    stacks = json.dumps({"stacks": ["dev", "dev.crm", "develop"]})
    program.write_text(f"""#!/bin/sh
if [ "$1" = changed ]; then echo '{stacks}'; else echo "$@" >{tmp_path}/called; fi
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "called"


def test_issue_has_the_reviews_of_all_stacks_that_were_not_applied(tmp_path, reconciler):
    file = review(tmp_path)
    for stack, applied in {"dev": True, "dev.crm": False, "develop": False}.items():
        handover.unapplied(file, tmp_path / f"unapplied-{stack}.json", applied=applied)
    handover.issue("dev", tmp_path, "https://example.com")
    wanted = f"issue -e dev --review {tmp_path}/unapplied-dev.crm.json --run-url https://example.com\n"
    assert reconciler.read_text() == wanted
    assert (tmp_path / "unapplied-dev.crm.json").read_text() == file.read_text()


def test_issue_stays_as_it_was_when_a_stack_has_no_review(tmp_path, reconciler):
    handover.unapplied(review(tmp_path), tmp_path / "unapplied-dev.json", applied=True)
    with pytest.raises(handover.HandoverError, match=r"no review of dev\.crm"):
        handover.issue("dev", tmp_path, "https://example.com")
    with pytest.raises(handover.HandoverError, match="missing"):
        handover.unapplied(tmp_path / "missing.json", tmp_path / "out", applied=False)
    assert not reconciler.exists()


def test_resources_are_names_and_the_subfolders_that_have_stacks(tmp_path, monkeypatch):
    stack = {"urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev", "type": "pulumi:pulumi:Stack"}
    connection = {"urn": "urn:pulumi:dev::p::t::shop", "type": "t", "inputs": {"key": "canary"}}
    outputs = {"stacks": ["crm"], "units": {"shop": "canary"}}
    exported = {"deployment": {"resources": [{**stack, "outputs": outputs}, {**connection, "outputs": outputs}]}}
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(exported)}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    handover.resources("dev", tmp_path / "resources.json")
    written = json.loads((tmp_path / "resources.json").read_text())["deployment"]["resources"]
    assert written == [{"urn": stack["urn"], "outputs": {"stacks": ["crm"]}}, {"urn": connection["urn"]}]


def test_handover_and_sweep_read_the_output_that_the_program_writes():
    assert handover.STACKS == sweep.STACKS == siblings.STACKS


def test_fetch_brings_a_commit_and_checks_nothing_out(tmp_path):
    def git(*arguments):
        variables = {
            f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        command = ["git", "-C", str(tmp_path), *arguments]
        environment = {**os.environ, **variables, "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--bare", "origin")
    tree = git("-C", "origin", "mktree")
    base = git("-C", "origin", "commit-tree", tree, "-m", "base")
    git("-C", "origin", "update-ref", "refs/heads/main", base)
    git("-C", "origin", "symbolic-ref", "HEAD", "refs/heads/main")
    git("clone", "--quiet", f"file://{tmp_path}/origin", "job")
    head = git("-C", "origin", "commit-tree", tree, "-p", base, "-m", "head")
    git("-C", "origin", "update-ref", "refs/pull/7/head", head)
    subprocess.run([sys.executable, TOOLS / "fetch.py", head], cwd=tmp_path / "job", check=True)
    gone = subprocess.run(
        [sys.executable, TOOLS / "fetch.py", "1" * 40], cwd=tmp_path / "job", check=False, capture_output=True
    )
    assert b"If the branch was pushed again, the run of that push" in gone.stderr
    assert git("-C", "job", "cat-file", "-t", head) == "commit"
    assert git("-C", "job", "rev-parse", "HEAD") == base


@pytest.mark.parametrize("name", ["main", "--upload-pack=touch x", "", "A" * 40])
def test_fetch_takes_a_commit_only(name):
    done = subprocess.run([sys.executable, TOOLS / "fetch.py", name], check=False, capture_output=True)
    assert done.returncode == 2


def test_fetch_hands_the_token_to_git_in_variables_for_one_host(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "canary")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.com")
    assert fetch.credentials()["GIT_CONFIG_KEY_0"] == "http.https://github.example.com/.extraheader"
    monkeypatch.delenv("GITHUB_SERVER_URL")
    assert fetch.credentials() == {}
