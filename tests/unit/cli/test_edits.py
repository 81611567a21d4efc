"""Commands that edit a unit's file: the diff, the check, the question, and that no other byte changes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from reconciler.cli.main import main

from .workspace import Ran

ENVIRONMENT = """\
gcp_project: dev-project
fivetran:
  group: Dev
  destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}
workgroups: "gcp-wg-{workgroup}--{subgroup}@example.com"
automation:
  - {role: roles/bigquery.dataOwner, members: ["serviceAccount:reconciler@dev-project.iam.gserviceaccount.com"]}
default_access:
  - {role: roles/bigquery.dataEditor, members: [workgroup:data/engineers]}
policy:
  expiry: {required: true, longest: 90d}
  people: {need: [ticket, until], longest: 14d, standing: [workgroup:data/engineers]}
"""
UNIT = """\
# top
description: "Payments."   # odd spaces
owners: ['owner@example.com']
connector:
  service: stripe
  destination: {schema: stripe}
  config:
    api_key: {secret: stripe-key, version: 1}
  schedule: {by: airflow, task_id: fivetran_stripe}
  # about nothing:\t a tab
dataset:
  friendly_name: Stripe
# the end date
expires: '2026-12-31' # agreed
"""
TODAY = "2026-11-30"


class Folder:
    """A specs folder in a git repository, with one environment and one committed unit."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = root / "connectors" / "dev" / "stripe.yaml"
        self._root = root
        self._capsys = capsys
        self.file.parent.mkdir(parents=True)
        (self.file.parent / "environment.yaml").write_text(ENVIRONMENT)
        self.git("init", "-q", "-b", "main")
        self.commit(UNIT)

    def git(self, *arguments: str) -> str:
        config = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *config, *arguments],  # noqa: S607 (the one on PATH)
            cwd=self._root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def commit(self, text: str | bytes) -> None:
        self.file.write_bytes(text.encode() if isinstance(text, str) else text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "A commit")

    def run(self, command: str, *arguments: str) -> Ran:
        with pytest.raises(SystemExit) as exit_:
            main([command, "--today", TODAY, *arguments])
        printed = self._capsys.readouterr()
        return Ran(int(exit_.value.code or 0), printed.out, printed.err)

    @property
    def text(self) -> str:
        return self.file.read_bytes().decode()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Folder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_SPECS", raising=False)
    return Folder(tmp_path, capsys)


def with_line(text: str, after: str, *lines: str) -> str:
    return text.replace(after, after + "".join(f"{line}\n" for line in lines))


EDITS = {
    "extend": (("30d",), UNIT.replace("2026-12-31", "2027-01-30")),
    "pause": (("INC-1: duplicates",), with_line(UNIT, "task_id: fivetran_stripe}\n", '  paused: "INC-1: duplicates"')),
    "grant": (
        ("user:a@example.com", "--ticket", "T-1", "--for", "14d"),
        with_line(
            UNIT,
            "friendly_name: Stripe\n",
            "  access:",
            "    - role: roles/bigquery.dataViewer",
            "      members: [user:a@example.com]",
            "      ticket: T-1",
            '      until: "2026-12-14"',
        ),
    ),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("command", EDITS)
def test_edit_changes_the_shown_lines_and_no_other_byte(folder: Folder, command: str, end: str, start: str):
    arguments, expected = EDITS[command]
    folder.commit(start + UNIT.replace("\n", end).removesuffix(end))
    ran = folder.run(command, "stripe", *arguments, "--yes")
    assert ran.code == 0, ran.err
    assert folder.text == start + expected.replace("\n", end).removesuffix(end)


@pytest.mark.parametrize("command", EDITS)
def test_edit_shows_a_diff_and_writes_nothing_without_a_terminal(folder: Folder, command: str):
    ran = folder.run(command, "stripe", *EDITS[command][0])
    assert ran.code == 0
    assert "--- connectors/dev/stripe.yaml\n+++ connectors/dev/stripe.yaml\n@@" in ran.out
    assert "not written: the command cannot ask, because stdin is not a terminal. Add --yes to write it" in ran.err
    assert folder.text == UNIT


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_edit_asks_on_a_terminal(folder: Folder, monkeypatch: pytest.MonkeyPatch, answer: str, written: bool):
    monkeypatch.setattr("reconciler.cli.edit_files.is_terminal", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer.strip())
    ran = folder.run("extend", "stripe", "30d")
    assert ran.code == 0
    assert (folder.text != UNIT) is written


@pytest.mark.parametrize("command", EDITS)
def test_edit_rejects_a_file_with_other_changes(folder: Folder, command: str):
    folder.file.write_text(UNIT + "# more\n")
    ran = folder.run(command, "stripe", *EDITS[command][0], "--yes")
    assert ran.code == 2
    assert "the file has changes that are not committed" in ran.err
    assert folder.text == UNIT + "# more\n"


def test_edit_writes_nothing_when_the_files_have_problems(folder: Folder):
    ran = folder.run("pause", "stripe", "", "--yes")
    assert ran.code == 1
    assert "connectors/dev/stripe.yaml:10:11: " in ran.err
    assert folder.text == UNIT


def test_edit_of_a_file_with_an_anchor_writes_nothing(folder: Folder):
    folder.commit(UNIT.replace("friendly_name: Stripe", "friendly_name: &name Stripe\n  description: *name"))
    ran = folder.run("extend", "stripe", "30d", "--yes")
    assert ran.code == 1
    assert "an anchor, `&name`" in ran.err
    assert "an alias, `*name`" in ran.err


#: Files with an anchor, and what is wrong at which place of each.
ANCHORED = {
    "alias": (
        UNIT.replace("friendly_name: Stripe", "friendly_name: &name Stripe\n  description: *name"),
        ("12:18: an anchor, `&name`", "13:16: an alias, `*name`"),
    ),
    "merge key": (
        UNIT.replace("{schema: stripe}", "&all {schema: stripe}").replace("  config:\n", "  config:\n    <<: *all\n"),
        ("6:16: an anchor, `&all`", "8:5: a merge key, `<<`"),
    ),
}


@pytest.mark.parametrize("command", ["move stripe --to dev --yes", "propose --yes"])
@pytest.mark.parametrize("form", ANCHORED)
def test_move_and_propose_reject_a_file_with_an_anchor(folder: Folder, form: str, command: str):
    text, problems = ANCHORED[form]
    folder.file.write_text(text)
    before = folder.git("branch", "--all"), folder.git("status", "--short"), folder.git("rev-parse", "HEAD")
    ran = folder.run(*command.split())
    assert ran.code == 1
    assert [each for each in problems if f"connectors/dev/stripe.yaml:{each}\n" not in ran.err] == []
    assert folder.text == text
    assert (folder.git("branch", "--all"), folder.git("status", "--short"), folder.git("rev-parse", "HEAD")) == before


def test_extend_rejects_a_day_after_the_policys_longest(folder: Folder):
    ran = folder.run("extend", "stripe", "60d", "--yes")
    assert ran.code == 2
    assert "connectors/dev/stripe.yaml:14:1: 2027-03-01 is later than 2027-02-28" in ran.err
    assert "`reconciler extend -e dev stripe 2027-02-28`" in ran.err
    assert folder.run("extend", "stripe", "2027-02-28", "--yes").code == 0
    assert "expires: '2027-02-28' # agreed" in folder.text


def test_extend_counts_from_today_when_the_unit_has_expired(folder: Folder):
    folder.commit(UNIT.replace("2026-12-31", "2026-11-20"))
    assert folder.run("extend", "stripe", "30d", "--yes").code == 0
    assert "expires: '2026-12-30' # agreed" in folder.text


@pytest.mark.parametrize("day", ["2026-12-01", "2026-12-31"])
def test_extend_keeps_the_last_day_when_the_new_one_is_not_later(folder: Folder, day: str):
    ran = folder.run("extend", "stripe", day, "--yes")
    assert folder.text == UNIT
    assert ("nothing to change" if day == "2026-12-31" else "is earlier than 2026-12-31") in ran.err


def test_grant_replaces_an_earlier_last_day_and_rejects_a_shorter_one(folder: Folder):
    grant = ("grant", "stripe", "user:a@example.com", "--ticket", "T-1", "--yes")
    assert folder.run(*grant, "--for", "5d").code == 0
    before = folder.text
    folder.commit(before)
    assert folder.run(*grant, "--for", "9d").code == 0
    assert folder.text == before.replace("2026-12-05", "2026-12-09")
    folder.commit(folder.text)
    ran = folder.run(*grant, "--for", "5d")
    assert ran.code == 2
    assert "user:a@example.com has roles/bigquery.dataViewer until 2026-12-09" in ran.err
    assert "nothing to change" in folder.run(*grant, "--for", "9d").err


def test_grant_rejects_what_the_policy_does_not_allow(folder: Folder):
    ran = folder.run("grant", "stripe", "user:a@example.com", "--yes")
    assert "add --ticket TICKET and --for 14d" in ran.err
    ran = folder.run("grant", "stripe", "user:a@example.com", "--ticket", "T-1", "--for", "15d", "--yes")
    assert "Grant it with `--for 14d`, until 2026-12-14." in ran.err
    assert "is not a member" in folder.run("grant", "stripe", "a@example.com").err
    assert folder.text == UNIT


def test_revoke_undoes_a_grant_byte_by_byte(folder: Folder):
    folder.run("grant", "stripe", "user:a@example.com", "--ticket", "T-1", "--for", "5d", "--yes")
    folder.commit(folder.text)
    ran = folder.run("revoke", "stripe", "user:A@example.com", "--yes")
    assert ran.code == 0
    assert "notice: revokes roles/bigquery.dataViewer from user:" in ran.err
    assert folder.text == UNIT
    folder.commit(UNIT)
    ran = folder.run("revoke", "stripe", "user:a@example.com", "--yes")
    assert ran.code == 2
    assert "no grant names user:a@example.com" in ran.err


def test_revoke_takes_a_member_out_of_a_grant_with_others(folder: Folder):
    members = "[serviceAccount:job@dev-project.iam.gserviceaccount.com, workgroup:data/engineers]"
    access = f"  access:\n    - {{role: roles/bigquery.metadataViewer, members: {members}}}\n"
    text = UNIT.replace("  friendly_name: Stripe\n", f"  friendly_name: Stripe\n{access}")
    folder.commit(text)
    ran = folder.run("revoke", "stripe", "group:gcp-wg-data--engineers@example.com")
    assert "members: [serviceAccount:job@dev-project.iam.gserviceaccount.com]}" in ran.out
    assert "has roles/bigquery.dataEditor through `default_access` in connectors/dev/environment.yaml" in ran.err


def test_resume_undoes_a_pause_byte_by_byte(folder: Folder):
    folder.run("pause", "stripe", "INC-1", "--yes")
    folder.commit(folder.text)
    assert folder.run("resume", "stripe", "--yes").code == 0
    assert folder.text == UNIT
    folder.commit(UNIT)
    assert "its file does not pause stripe" in folder.run("resume", "stripe", "--yes").err


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_resume_reports_that_the_comment_above_stays(folder: Folder, end: str):
    paused = with_line(UNIT, "task_id: fivetran_stripe}\n", "  # until the audit", "  paused: INC-1")
    folder.commit(paused.replace("\n", end))
    assert "the comment above the line stays" in folder.run("resume", "stripe", "--yes").err
    assert folder.text == paused.replace("  paused: INC-1\n", "").replace("\n", end)


def test_grant_names_the_unit_that_declares_the_dataset(folder: Folder):
    folder.commit(UNIT.replace("dataset:\n  friendly_name: Stripe\n", "dataset: shared\n"))
    (folder.file.parent / "shared.yaml").write_text(
        "description: D.\nowners: [a@example.com]\ndataset: {id: stripe}\nexpires: 2026-12-31\n"
    )
    ran = folder.run("grant", "stripe", "user:a@example.com", "--ticket", "T-1", "--for", "5d")
    assert "shared declares the dataset of stripe" in ran.err


def test_retire_adds_a_ticket_where_nothing_expires(folder: Folder):
    assert (
        "stripe expires on 2026-12-31, with its data" in folder.run("retire", "stripe", "--ticket", "T-1", "--yes").err
    )
    text = UNIT.replace("expires: '2026-12-31' # agreed", "expires: {never: why}")
    folder.commit(text)
    assert folder.run("retire", "stripe", "--ticket", "T-1", "--data", "delete", "--yes").code == 0
    assert folder.text == f"{text}retire: {{ticket: T-1, data: delete}}\n"


def test_edit_opens_a_mapping_in_braces_when_its_line_would_be_too_long(folder: Folder):
    text = UNIT.replace("dataset:\n  friendly_name: Stripe\n", "dataset: {friendly_name: 'Stripe'} # note\n")
    folder.commit(text)
    folder.run("grant", "stripe", "user:a@example.com", "--ticket", "T-1", "--for", "5d", "--yes")
    assert "dataset: # note\n  friendly_name: 'Stripe'\n  access:\n    - role: " in folder.text
    assert yaml.safe_load(folder.text)["dataset"]["access"][0]["ticket"] == "T-1"


def test_edit_of_an_unknown_unit_names_the_nearest(folder: Folder):
    assert "no unit 'strpe' in dev. Did you mean 'stripe'?" in folder.run("pause", "strpe", "why").err


@pytest.fixture
def second(folder: Folder) -> Path:
    """The same unit in a second environment."""
    file = folder.file.parent.parent / "prod" / folder.file.name
    file.parent.mkdir()
    (file.parent / "environment.yaml").write_text(
        ENVIRONMENT.replace("dev-project", "prod-project").replace("group: Dev", "group: Prod")
    )
    file.write_text(UNIT.replace("fivetran_stripe}", "fivetran_stripe_prod}"))
    folder.commit(UNIT)
    return file


@pytest.mark.parametrize("name", ["prod/stripe", "connectors/prod/stripe.yaml", "./connectors/prod/stripe"])
def test_edit_finds_the_environment_in_the_path_of_a_file(folder: Folder, second: Path, name: str):
    assert folder.run("pause", name, "INC-1", "--yes").code == 0
    assert "INC-1" in second.read_text()
    assert folder.text == UNIT


@pytest.mark.parametrize("name", ["dev/stripe", "../dev/stripe.yaml", "../dev/stripe"])
def test_edit_rejects_a_path_of_another_environment_than_the_option(folder: Folder, second: Path, name: str):
    ran = folder.run("pause", name, "INC-1", "-e", "prod", "--yes")
    assert ran.code == 2
    assert f"{name} is in dev, but --environment names prod: leave out one of the two" in ran.err
    assert folder.text == UNIT
    assert "paused" not in second.read_text()


@pytest.mark.parametrize("name", ["x" * 300, ".", "..", "", ".stripe", "environment", "nowhere/stripe.yaml"])
def test_edit_of_a_file_that_is_not_a_unit_is_wrong_usage(folder: Folder, name: str):
    assert folder.run("pause", name, "INC-1").code == 2


def test_edit_of_a_unit_in_capitals_names_the_file(folder: Folder):
    assert "Did you mean 'stripe'?" in folder.run("pause", "STRIPE", "INC-1").err


CREDENTIAL = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (("pause", "stripe", f"since {CREDENTIAL} leaked"), "'REASON'"),
        (("pause", CREDENTIAL, "INC-1"), "'NAME'"),
        (("retire", "stripe", "--ticket", CREDENTIAL), "'--ticket'"),
        (("grant", "stripe", "user:a@example.com", "--ticket", CREDENTIAL), "'--ticket'"),
        (("revoke", "stripe", CREDENTIAL), "'MEMBER'"),
        (("promote", "stripe", "--task-id", CREDENTIAL), "'--task-id'"),
        (("new", "stripe", "--owner", CREDENTIAL), "'--owner'"),
        (("new", "stripe", "--description", CREDENTIAL), "'--description'"),
        (("init", "live", "--project", CREDENTIAL), "'--project'"),
    ],
)
def test_edit_prints_no_credential_in_an_argument(folder: Folder, arguments: tuple[str, ...], place: str):
    ran = folder.run(*arguments)
    assert ran.code == 2
    assert place in ran.err
    assert "looks like a credential" in ran.err
    assert CREDENTIAL not in ran.out + ran.err


@pytest.mark.parametrize("arguments", [("hunter2",), ("api_key", "hunter2")])
def test_rotate_prints_no_value_in_place_of_a_key(folder: Folder, arguments: tuple[str, ...]):
    ran = folder.run("rotate", "stripe", *arguments)
    assert ran.code == 2
    assert "hunter2" not in ran.out + ran.err


def test_edit_rejects_text_that_is_not_utf_8(folder: Folder):
    ran = folder.run("pause", "stripe", "bad \udcff")
    assert (ran.code, "'REASON': expected UTF-8 text" in ran.err) == (2, True)


@pytest.mark.parametrize("by", ["30", "30D", "-30d", "0d", "1.5d", "2027-02-30"])
def test_extend_names_both_forms_of_a_time(folder: Folder, by: str):
    ran = folder.run("extend", "stripe", "--", by)
    assert (ran.code, "a number of days such as 30d, or a date such as 2026-12-31" in ran.err) == (2, True)


def test_extend_rejects_a_day_after_the_last_year(folder: Folder):
    environment = folder.file.parent / "environment.yaml"
    environment.write_text(ENVIRONMENT.replace(", longest: 90d", ""))
    folder.commit(UNIT.replace("2026-12-31", "9999-12-01"))
    ran = folder.run("extend", "stripe", "60d")
    assert (ran.code, "is after the year 9999\n    Name a date." in ran.err) == (2, True)


@pytest.mark.parametrize("member", ["alice@example.com", "alise@example.com", "group:alice@example.com"])
def test_revoke_names_the_nearest_member(folder: Folder, member: str):
    folder.run("grant", "stripe", "user:alice@example.com", "--ticket", "T-1", "--for", "3d", "--yes")
    folder.commit(folder.text)
    ran = folder.run("revoke", "stripe", member)
    assert f"no grant names {member}\n    Did you mean user:alice@example.com?" in ran.err


def test_edit_rejects_a_file_that_is_read_only(folder: Folder):
    folder.file.chmod(0o444)
    ran = folder.run("pause", "stripe", "INC-1", "--yes")
    assert (ran.code, "the file is read-only\n    Make it writable first" in ran.err) == (2, True)
    assert folder.text == UNIT


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_edit_that_is_cut_short_leaves_the_folder_as_it_was(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, error: BaseException
):
    def fail(*_: object) -> None:
        raise error

    before = sorted(folder.file.parent.iterdir())
    monkeypatch.setattr(Path, "replace", fail)
    assert folder.run("pause", "stripe", "INC-1", "--yes").code != 0
    assert sorted(folder.file.parent.iterdir()) == before
    assert folder.text == UNIT


@pytest.mark.parametrize("command", EDITS)
def test_edit_needs_valid_files_in_its_own_environment_only(folder: Folder, second: Path, command: str):
    second.write_text(second.read_text().replace("owners:", "owner:"))
    folder.commit(UNIT)
    arguments, expected = EDITS[command]
    ran = folder.run(command, "dev/stripe", *arguments, "--yes")
    assert (ran.code, folder.text) == (0, expected)
    assert "warning: connectors/prod/stripe.yaml:3:1: unknown key" in ran.err
    assert "`reconciler validate` lists every problem. This edit is still possible." in ran.err
    assert folder.run(command, "prod/stripe", *arguments, "--yes").code == 1


def test_edit_writes_nothing_when_it_causes_a_problem_elsewhere(folder: Folder, second: Path):
    second.unlink()
    environment = second.parent / "environment.yaml"
    viewer = "{role: roles/bigquery.dataViewer, members: [group:all@example.com]}"
    text = environment.read_text().replace("prod-project", "dev-project")
    environment.write_text(f"{text}project_access: [{viewer}]\n")
    folder.commit(UNIT)
    ran = folder.run("new", "github", "-e", "dev", "--sensitive", "--yes")
    assert (ran.code, (folder.file.parent / "github.yaml").exists()) == (1, False)
    assert "connectors/prod/environment.yaml:" in ran.err


def test_edit_of_a_unit_in_a_subfolder_needs_its_environment_to_be_valid(folder: Folder):
    file = folder.file.parent / "ads" / "zoom.yaml"
    file.parent.mkdir()
    file.write_text(UNIT.replace("stripe", "zoom"))
    folder.commit(UNIT.replace("owners:", "owner:"))
    ran = folder.run("pause", "zoom", "INC-1", "--yes")
    assert (ran.code, "paused" in file.read_text()) == (1, False)


def test_edit_through_a_link_writes_its_target_and_names_the_other_unit(folder: Folder, second: Path):
    second.unlink()
    second.symlink_to("../dev/stripe.yaml")
    unit = UNIT.replace("  schedule: {by: airflow, task_id: fivetran_stripe}\n", "")
    folder.commit(unit)
    ran = folder.run("pause", "prod/stripe", "INC-1", "--yes")
    assert ran.code == 0, ran.err
    assert "notice: connectors/dev/stripe.yaml is a link to this file, and changes with it" in ran.err
    assert second.is_symlink()
    assert folder.text == with_line(unit, "version: 1}\n", "  paused: INC-1")
    ran = folder.run("resume", "prod/stripe", "--yes")
    assert "connectors/prod/stripe.yaml: the file has changes that are not committed" in ran.err


def test_edit_rejects_a_file_that_is_staged_or_not_in_git_yet(folder: Folder):
    folder.file.write_text(UNIT + "# more\n")
    folder.git("add", "-A")
    ran = folder.run("pause", "stripe", "INC-1", "--yes")
    assert "(`git restore --staged --worktree connectors/dev/stripe.yaml`)" in ran.err
    folder.git("rm", "-q", "--cached", str(folder.file))
    folder.git("commit", "-q", "-m", "Out of git")
    ran = folder.run("pause", "stripe", "INC-1", "--yes")
    assert "the file is not in git yet, so git could not undo this edit" in ran.err
    assert folder.text == UNIT + "# more\n"


@pytest.mark.parametrize("place", ["no git", "no repository", "detached head", "no commit"])
def test_edit_works_with_and_without_git(folder: Folder, monkeypatch: pytest.MonkeyPatch, place: str):
    if place == "no git":
        monkeypatch.setenv("PATH", "/nowhere")
    elif place == "detached head":
        folder.git("checkout", "-q", "--detach")
    else:
        shutil.rmtree(".git")
        if place == "no commit":
            folder.git("init", "-q")
    ran = folder.run("pause", "stripe", "INC-1", "--yes")
    if place == "no commit":
        assert (ran.code, "the file is not in git yet" in ran.err, folder.text) == (2, True, UNIT)
    else:
        assert (ran.code, folder.text != UNIT) == (0, True), ran.err


def test_edit_writes_nothing_when_git_does_not_answer(folder: Folder):
    (folder.file.parents[2] / ".git" / "config").write_text("[core\n")
    ran = folder.run("pause", "stripe", "INC-1", "--yes")
    assert (ran.code, "Run `git status` to see why." in ran.err, folder.text) == (2, True, UNIT)


@pytest.mark.parametrize(
    ("dataset", "rest"),
    [
        ("dataset:\n  access:\n    - {role: R, members: [M], ticket: T, until: D}\n", "dataset: {}\n"),
        (
            "dataset: # one\n    # two\n    access: # three\n    - role: R\n      members: [M]\n      ticket: T\n"
            "      until: D\n    # four\n",
            "dataset: {} # one\n    # two\n    # four\n",
        ),
        ("dataset: { access: [{role: R, members: [M], ticket: T, until: D}] } # one\n", "dataset: {} # one\n"),
        (
            "dataset:\n  friendly_name: x\n  access: [{role: R, members: [M], ticket: T, until: D}]\n",
            "dataset:\n  friendly_name: x\n",
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_revoke_of_the_only_grant_keeps_the_dataset(folder: Folder, dataset: str, rest: str, end: str):
    values = {"R": "roles/bigquery.dataViewer", "M": "'user:a@example.com'", "D": "2026-12-05"}
    written = re.sub(r"\b[RMD]\b", lambda name: values[name[0]], dataset)
    before, after = (UNIT.replace("dataset:\n  friendly_name: Stripe\n", each) for each in (written, rest))
    folder.commit(before.replace("\n", end))
    ran = folder.run("revoke", "stripe", "user:a@example.com", "--yes")
    assert ran.code == 0, ran.err
    assert folder.text == after.replace("\n", end)
