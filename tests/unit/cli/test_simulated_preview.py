"""The preview against local services: what its processes get, and what it compares. `tests/engine` runs it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.review.previews import ENVIRONMENT, unit

from reconciler.cli import local_stacks, simulated_preview
from reconciler.cli.main import main
from reconciler.cli.placeholder_values import PlaceholderValues
from reconciler.config import Loaded, load

DAY = date(2026, 12, 1)


def write(folder: Path, name: str, content: object, environment: str = "dev") -> Path:
    file = folder / environment / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return file


@pytest.mark.parametrize("name", ["PATH", "HOME", "PULUMI_BACKEND_URL", "FIVETRAN_API_URL", "RECONCILER_TODAY"])
def test_reference_of_a_stranger_replaces_no_variable_of_the_engine(name: str, tmp_path: Path):
    (tmp_path / "work").mkdir()
    variables = simulated_preview._variables(
        tmp_path / "work", DAY, placeholders(tmp_path, name), {"FIVETRAN_API_URL": "http://127.0.0.1:1/v1"}
    )
    assert not variables[name].startswith("simulated-")


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "PULUMI_DEBUG_COMMANDS", "PIP_TARGET"])
def test_reference_of_a_stranger_sets_no_variable_that_programs_read(name: str, tmp_path: Path):
    (tmp_path / "work").mkdir()
    assert name not in simulated_preview._variables(tmp_path / "work", DAY, placeholders(tmp_path, name), {})


def placeholders(folder: Path, variable: str) -> PlaceholderValues:
    """Return the values for a unit with a reference to this variable."""
    write(folder / "connectors", "environment", ENVIRONMENT)
    changed = unit()
    changed["connector"]["config"] = {"api_key": {"env": variable, "version": 1}}
    write(folder / "connectors", "shop", changed)
    found = load(folder / "connectors", folder, DAY)
    assert not found.problems
    values = PlaceholderValues.of(found.fleets.values(), {})
    assert variable in values.variables
    return values


def test_engine_gets_no_other_variable_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("FIVETRAN_APIKEY", "GOOGLE_APPLICATION_CREDENTIALS", "PULUMI_ACCESS_TOKEN", "GITHUB_TOKEN", "AWS_KEY"):
        monkeypatch.setenv(name, "canary")
    variables = simulated_preview._variables(tmp_path, DAY, PlaceholderValues.of([], {}), {})
    assert "canary" not in variables.values()
    assert variables["HOME"].startswith(str(tmp_path))


def test_staged_files_have_no_adopt_and_are_otherwise_unchanged(tmp_path: Path):
    adopting, other = unit(), unit()
    adopting["connector"] |= {"adopt": {"connection": "x_y"}, "config": {"api_key": {"held_by": "fivetran"}}}
    write(tmp_path / "head", "adopting", adopting)
    text = "# kept\n" + yaml.safe_dump(other)
    write(tmp_path / "head", "other", text)
    staged = simulated_preview._stage(tmp_path / "head", tmp_path / "work", {"env": "KEPT"})
    assert (staged / "dev" / "other.yaml").read_text() == text
    found = yaml.safe_load((staged / "dev" / "adopting.yaml").read_text())["connector"]
    assert "adopt" not in found
    assert found["config"] == {"api_key": {"env": "KEPT"}}
    assert (
        simulated_preview._with_kept_values('{"a": [{"env": "KEPT"}]}', {"env": "KEPT"})
        == '{"a": [{"held_by": "fivetran"}]}'
    )


def test_review_rejects_a_base_with_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for folder in ("base", "head"):
        write(tmp_path / folder, "environment", ENVIRONMENT)
    write(tmp_path / "base", "shop", {"description": "x"})
    (tmp_path / "Pulumi.yaml").write_text("name: x\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["review", "-e", "dev", "--specs", "head", "--base", "base"])
    assert ended.value.code == 2
    assert (
        "the files of --base have problems, so there is nothing to compare with\n    connectors/dev/shop.yaml:1:1"
        in (capsys.readouterr().err)
    )


def test_review_takes_one_way_to_preview(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["review", "-e", "dev", "--specs", ".", "--base", ".", "--refresh"])
    assert ended.value.code == 2
    assert "choose one of --preview, --refresh, --base and --changed" in capsys.readouterr().err


def test_local_stacks_keep_no_encrypted_setting():
    settings = {
        "secretsprovider": "gcpkms://projects/x",
        "encryptedkey": "k",
        "encryptionsalt": "v1:x",
        "config": {"gcp:region": "us", "p:key": {"secure": "v1:x"}, "p:nested": [{"a": {"secure": "v1:x"}}]},
    }
    assert local_stacks._without_secrets(settings) == {"config": {"gcp:region": "us"}}


def environment(folder: Path, stacks: tuple[str, ...], **units: dict[str, Any]) -> Loaded:
    """Return an environment with such stacks of subfolders, and units without a connector by their places."""
    write(folder / "connectors", "environment", {**ENVIRONMENT, "stacks": list(stacks)} if stacks else ENVIRONMENT)
    for place, more in units.items():
        content = {"description": "Payments.", "owners": ["a@example.com"], "dataset": {}, **more}
        write(folder / "connectors", place.replace("__", "/"), content)
    found = load(folder / "connectors", folder, DAY)
    assert not found.problems
    return found


def test_simulated_stack_is_compared_with_others_whose_units_it_gets_or_ends(tmp_path: Path):
    base = environment(tmp_path / "base", ("crm", "ads"), tour={}, crm__shop={}, ads__old={})
    heads: dict[str, tuple[tuple[str, ...], dict[str, Any], dict[str, set[str]]]] = {
        "nothing moves": (("crm", "ads"), {"tour": {}, "crm__shop": {}, "ads__old": {}}, {}),
        "a file moves": (("crm", "ads"), {"crm__tour": {}, "crm__shop": {}, "ads__old": {}}, {"dev.crm": {"dev"}}),
        "a unit moves": (("crm", "ads"), {"crm__tour": {"dataset": {"id": "new"}}}, {"dev.crm": {"dev"}}),
        "a dataset moves": (("crm", "ads"), {"crm__new": {"dataset": {"id": "old"}}}, {"dev.crm": {"dev.ads"}}),
        "a stack ends": (("crm",), {"tour": {}, "crm__shop": {}, "ads__old": {}}, {"dev": {"dev.ads"}}),
        "a stack ends, without its files": (("crm",), {"tour": {}, "crm__shop": {}}, {"dev": {"dev.ads"}}),
        "a stack begins": (("crm", "ads", "new"), {"new__tour": {}}, {"dev.new": {"dev"}}),
    }
    for number, (what, (stacks, units, expected)) in enumerate(heads.items()):
        head = environment(tmp_path / str(number), stacks, **units)
        found = {stack: simulated_preview._other_stacks(base, head, stack) for stack in head.stacks}
        assert {stack: set(others) for stack, others in found.items() if others} == expected, what
