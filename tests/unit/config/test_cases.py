"""Each folder in `tests/config/good` is a specs folder without a problem; one in `bad` has its report beside it.

A report has the notices as well.

To add a case, add a folder. `reconciler validate --today 2026-06-15 --specs . > expected.txt` inside it writes the
report.
"""

from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.config import load

CASES = Path(__file__).parents[2] / "config"
TODAY = "2026-06-15"


def folders(kind: str) -> list[Path]:
    return sorted(folder for folder in (CASES / kind).iterdir() if folder.is_dir())


@pytest.mark.parametrize("folder", folders("bad"), ids=lambda folder: folder.name)
def test_validate_reports_each_bad_case_exactly(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RECONCILER_TODAY", TODAY)
    result = CliRunner().invoke(cli, ["validate", "--specs", "."], standalone_mode=False)
    assert result.stdout == (folder / "expected.txt").read_text(encoding="utf-8")
    assert load(folder, folder).problems


@pytest.mark.parametrize("folder", folders("bad"), ids=lambda folder: folder.name)
def test_environment_has_a_fleet_exactly_when_its_folder_has_no_problem(folder: Path):
    loaded = load(folder, folder)
    assert set(loaded.fleets) == {name for name in loaded.environments if not loaded.problems_of(name)}


@pytest.mark.parametrize("folder", folders("good"), ids=lambda folder: folder.name)
def test_good_case_has_no_problem_and_a_fleet_for_each_environment(folder: Path):
    loaded = load(folder, folder)
    assert loaded.problems == ()
    assert list(loaded.fleets) == list(loaded.environments) == sorted(path.name for path in folder.iterdir())


def test_no_report_shows_a_value_of_config_or_auth():
    reports = [(folder / "expected.txt").read_text(encoding="utf-8") for folder in folders("bad")]
    assert any("credential" in report for report in reports)
    assert not any("canary" in report for report in reports)
