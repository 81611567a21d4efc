"""`reconciler review` on a preview in a file: its page, its limits, and text of others in it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.review.previews import ENVIRONMENT, stack, step, unit

from reconciler.cli.main import main
from reconciler.cli.record import read_comparable, stops_of
from reconciler.cli.review_page import rejection

ACCESS = {"path": "dataset", "project": "dev-project"}


def review(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command in a folder; return its exit code and its stdout."""
    with pytest.raises(SystemExit) as ended:
        main(["review", "--preview", "preview.json", "--today", "2026-12-01", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "connectors" / "dev").mkdir(parents=True)
    write(tmp_path, "environment", ENVIRONMENT)
    write(tmp_path, "shop", unit())
    return tmp_path


def write(folder: Path, name: str, content: Any) -> None:
    (folder / "connectors" / "dev" / f"{name}.yaml").write_text(yaml.safe_dump(dict(content), sort_keys=False))


def preview(folder: Path, *steps: Any, diagnostics: Any = ()) -> None:
    document = {"steps": [stack(), *steps], "diagnostics": list(diagnostics)}
    (folder / "preview.json").write_text(json.dumps(document))


def granted(member: str, dataset: str = "shop") -> dict[str, Any]:
    entries = {"a": {"role": "READER", "userByEmail": member}}
    inputs = {**ACCESS, "dataset": dataset}
    return step("update", "DatasetAccess", dataset, {**inputs, "entries": {}}, {**inputs, "entries": entries})


def test_review_reports_no_changes_when_the_preview_has_none(folder: Path, capsys: pytest.CaptureFixture[str]):
    preview(folder)
    assert review(capsys, folder) == (0, "What a run of dev would do: nothing\n")
    assert review(capsys, folder, "--format", "github") == (0, "## What a run of dev would do\n\nNothing.\n")


@pytest.mark.parametrize(("chosen", "got"), [(None, "true"), ("false", "false")])
def test_review_previews_with_parallel_differences_unless_the_user_chose(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, chosen: str | None, got: str
):
    preview(folder)
    engine = folder / "bin" / "pulumi"
    engine.parent.mkdir()
    engine.write_text('#!/bin/sh\necho "$1 $PULUMI_PARALLEL_DIFF" >> asked\nexec cat preview.json\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(engine.parent), prepend=os.pathsep)
    if chosen is not None:
        monkeypatch.setenv("PULUMI_PARALLEL_DIFF", chosen)
    with pytest.raises(SystemExit):
        main(["review", "--today", "2026-12-01"])
    assert f"preview {got}" in (folder / "asked").read_text().splitlines()


def test_markup_mentions_and_commands_in_a_preview_are_shown_as_text(folder: Path, capsys: pytest.CaptureFixture[str]):
    preview(folder, granted("<img src=x>@everyone\n::error::x"))
    code, page = review(capsys, folder, "--format", "github")
    assert code == 0
    assert "\\<img src=x\\>" in page
    assert "\n::error" not in page
    assert "@<!-- -->everyone" in page


def test_errors_of_another_provider_are_masked(folder: Path, capsys: pytest.CaptureFixture[str]):
    urns = ("gcp:bigquery/dataset:Dataset::shop", "pulumi:providers:gcp::default")
    faults = [
        {"severity": "error", "message": "error: canary-1", "urn": f"urn:pulumi:dev::project::{urn}"} for urn in urns
    ]
    preview(folder, diagnostics=faults)
    code, page = review(capsys, folder)
    assert code == 1
    assert "canary-1" not in page


def test_reasons_of_a_rejection_are_one_line_each_with_what_to_do_below(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    reasons = (
        "connectors/dev/environment.yaml: datasets cannot be moved, so this run changes nothing:\n"
        "    connectors/dev/a.yaml:3:1: the dataset a is in US\n        Write US.\n"
        "    connectors/dev/b.yaml:4:1: the dataset b is in US\n        Write US."
    )
    preview(folder, diagnostics=[{"severity": "error", "message": f"error: {reasons}"}])
    code, page = review(capsys, folder, "--format", "github")
    assert code == 1
    assert page.splitlines()[4:] == [
        "- `connectors/dev/environment.yaml`: datasets cannot be moved, so this run changes nothing:",
        "- `connectors/dev/a.yaml:3:1`: the dataset a is in US",
        "  - Write US.",
        "- `connectors/dev/b.yaml:4:1`: the dataset b is in US",
        "  - Write US.",
    ]
    _, text = review(capsys, folder)
    assert text.splitlines()[4:6] == ["  connectors/dev/a.yaml:3:1: the dataset a is in US", "      Write US."]


def test_page_for_a_comment_is_cut_and_the_summary_has_all(folder: Path, capsys: pytest.CaptureFixture[str]):
    preview(folder, *(granted(f"{number:04}@example.com", f"d{number}") for number in range(2_000)))
    _, page = review(capsys, folder, "--format", "github", "--summary", "summary.md")
    assert len(page) < 60_000
    shown = page.count("grants ")
    assert f"{2_000 - shown:,} more lines: the job's summary has all of them" in page
    assert (folder / "summary.md").read_text().count("grants ") == 2_000


@pytest.mark.parametrize("character", ["x", "@"])
def test_long_lines_of_a_comment_leave_out_no_other_line(
    folder: Path, capsys: pytest.CaptureFixture[str], character: str
):
    long = [granted(f"{number}{character * 9_000}@example.com", f"a{number}") for number in range(8)]
    preview(folder, *long, granted("eve@example.com", "z"))
    _, page = review(capsys, folder, "--format", "github", "--summary", "summary.md")
    assert len(page) < 60_000
    assert page.count("The job's summary has the whole line") == 8
    assert "on dataset z to user:eve@" in page
    assert (folder / "summary.md").read_text().count(character) >= 8 * 9_000


def test_same_grant_on_many_datasets_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]):
    several = {name: {**unit(name), "dataset": {"sensitive": name == "s30"}} for name in ("s30", "tour")}
    for name, content in several.items():
        write(folder, name, content)
    names = [f"s{number:02}" for number in range(40)]
    preview(folder, *(granted("b@example.com", name) for name in names), granted("c@example.com", "tour"))
    code, text = review(capsys, folder)
    assert code == 0
    lines = [line.strip() for line in text.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    to = "to user:b@example.com"
    shown = ", ".join(names[:12])
    assert [re.sub(r" \[[0-9a-f]{16}\]$|^connectors.*?: ", "", line) for line in lines] == [
        f"grants roles/bigquery.dataViewer on 39 datasets ({shown} and 27 more) {to}",
        f"grants roles/bigquery.dataViewer on dataset s30 (sensitive) {to} (people named in the list: 0 → 1)",
        "grants roles/bigquery.dataViewer on dataset tour to user:c@example.com (people named in the list: 0 → 1)",
    ]
    _, page = review(capsys, folder, "--format", "github")
    _, document = review(capsys, folder, "--format", "json")
    prints = [each["fingerprint"] for each in json.loads(document)["consequences"]]
    assert len(set(prints)) == 41
    assert all(page.count(f"`{each}`") == 1 for each in prints)


def test_line_for_more_objects_than_a_comment_holds_stays(folder: Path, capsys: pytest.CaptureFixture[str]):
    preview(folder, *(granted("b@example.com", f"d{number}") for number in range(2_000)))
    _, page = review(capsys, folder, "--format", "github", "--summary", "summary.md")
    assert len(page) < 60_000
    assert "grants roles/bigquery.dataViewer on 2,000 datasets (d0, d1" in page
    assert "The job's summary has the line of each" in page.replace("\\", "")
    assert (folder / "summary.md").read_text().count("on dataset d") == 2_000


def test_summary_is_appended_to_what_other_steps_wrote(folder: Path, capsys: pytest.CaptureFixture[str]):
    preview(folder)
    (folder / "summary.md").write_text("before\n")
    review(capsys, folder, "--summary", "summary.md")
    assert (folder / "summary.md").read_text().startswith("before\n## What a run of dev would do\n")


def test_files_with_problems_are_a_rejection(folder: Path, capsys: pytest.CaptureFixture[str]):
    write(folder, "shop", {"description": "x"})
    preview(folder)
    code, page = review(capsys, folder)
    assert code == 1
    assert "connectors/dev/shop.yaml:1:1: " in page


def test_record_and_agrees_read_the_json_of_a_review(folder: Path, capsys: pytest.CaptureFixture[str]):
    preview(folder, granted("b@example.com"))
    _, text = review(capsys, folder, "--format", "json")
    document = read_comparable(io.BytesIO(text.encode()), "dev")
    assert list(stops_of(document)) == [each["fingerprint"] for each in json.loads(text)["consequences"]]
    assert document.scheduled == set()


@pytest.mark.parametrize("command", ["comment", "record", "agrees", "issue"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_commands_that_read_a_review_report_that_it_failed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, *, is_empty: bool
):
    _, text = review(capsys, folder, "--format", "json", "--preview", "missing.json")
    (folder / "review.json").write_text("" if is_empty else text)
    for name, value in {"GITHUB_TOKEN": "ghs_x", "GITHUB_REPOSITORY": "example/data", "FIVETRAN_APIKEY": "x"}.items():
        monkeypatch.setenv(name, value)
    options = {
        "comment": ("--pull-request", "1", "--commit", "a" * 40, "review.json"),
        "record": ("--commit", "a" * 40, "--review", "review.json"),
        "agrees": ("--scheduled", "--review", "review.json"),
        "issue": ("--review", "review.json"),
    }
    with pytest.raises(SystemExit) as ended:
        main([command, "-e", "dev", *options[command]])
    assert ended.value.code == 2
    assert (
        "review.json has no review, because `reconciler review -e dev --format json` failed" in capsys.readouterr().err
    )


def test_review_is_the_same_on_another_machine(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    members = [f"{name}@example.com" for name in ("ann", "bob", "cy", "d")]
    deleted = step("delete", "Dataset", "gone", {"datasetId": "gone", "deleteContentsOnDestroy": True})
    entries = {member: {"role": "READER", "userByEmail": member} for member in members}
    lists = [{**ACCESS, "dataset": "shop", "entries": each} for each in ({}, entries)]
    preview(folder, step("update", "DatasetAccess", "shop", *lists), deleted)
    other = tmp_path_factory.mktemp("another folder") / "ü"
    shutil.copytree(folder, other)
    machines = [
        (folder, {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
        (other, {"TZ": "Pacific/Pago_Pago", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2", "COLUMNS": "20"}),
    ]
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "review", "--preview"]
    command += ["preview.json", "--today", "2026-12-01", "--format", "json"]
    printed = [
        subprocess.run(command, cwd=where, env={**os.environ, **variables}, capture_output=True, check=True).stdout
        for where, variables in machines
    ]
    assert printed[0] == printed[1]
    found = json.loads(printed[0])["consequences"]
    assert sum(each["fingerprint"] is not None for each in found) == len(members) + 1


def test_line_for_several_objects_of_one_file_names_their_lines(folder: Path, capsys: pytest.CaptureFixture[str]):
    names = ("shop_a", "shop_b", "shop_c")
    config = {"host": "db.example.com", "database": "x", "user": "x", "password": {"env": "KEY", "version": 1}}
    connector = {"service": "postgres", "destination": {"schema_prefix": "shop"}, "config": config}
    datasets: dict[str, Any] = {name.removeprefix("shop_"): {} for name in names}
    content = {**unit(), "connector": connector, "datasets": datasets}
    del content["dataset"]
    write(folder, "shop", content)
    preview(folder, *(granted("b@example.com", name) for name in names))
    _, page = review(capsys, folder, "--format", "github")
    lines = [int(each) for each in re.findall(r"\(line (\d+)\)", page)]
    text = (folder / "connectors" / "dev" / "shop.yaml").read_text().splitlines()
    assert [text[line - 1].strip() for line in lines] == ["a: {}", "b: {}", "c: {}"]


def test_each_problem_of_a_rejection_is_an_entry_of_its_own():
    problems = (
        "a.yaml is missing: deletes x\n    Restore it.",
        "b.yaml:2:1: wrong\n    Write y.",
        "b.yaml has z\n    Run.",
    )
    text = "\n".join(problems)
    assert [(each.text, each.below) for each in rejection(text)] == [
        ("a.yaml is missing: deletes x", ("Restore it.",)),
        ("wrong", ("Write y.",)),
        ("b.yaml has z", ("Run.",)),
    ]
