import os
from pathlib import Path

import pytest

from reconciler.config import Loaded, load
from reconciler.config.yaml.read import MAX_BYTES

ENVIRONMENT = """
gcp_project: example-dev
fivetran: {group: Dev, destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}}
"""
UNIT = "description: Backups.\nowners: [data@example.com]\ndataset: {}\n"


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "connectors"
    (folder / "dev").mkdir(parents=True)
    (folder / "dev" / "environment.yaml").write_text(ENVIRONMENT)
    (folder / "dev" / "backups.yaml").write_text(UNIT)
    return folder


def report(specs: Path) -> list[str]:
    return [str(problem) for problem in load(specs, specs).problems]


def names(loaded: Loaded) -> list[str]:
    return [unit.name for unit in loaded.fleet("dev").units]


def test_link_to_another_spec_is_read_like_the_file_itself(specs: Path):
    (specs / "dev" / "copies.yaml").symlink_to("backups.yaml")
    assert names(load(specs, specs)) == ["backups", "copies"]


def test_link_out_of_the_folder_is_rejected_without_showing_what_is_there(specs: Path):
    secret = specs.parent / "secret.yaml"
    secret.write_text("canary: 1\n")
    (specs / "dev" / "a.yaml").symlink_to(secret)
    (specs / "test").symlink_to(specs.parent, target_is_directory=True)
    assert report(specs) == [
        "dev/a.yaml:1:1: a symbolic link out of the specs folder\n    replace the link with the file itself",
        "test:1:1: a symbolic link out of the specs folder\n    replace the link with the file itself",
    ]


def test_loop_of_links_and_a_link_to_nothing_are_rejected(specs: Path):
    (specs / "dev" / "a.yaml").symlink_to("b.yaml")
    (specs / "dev" / "b.yaml").symlink_to("a.yaml")
    (specs / "dev" / "c.yaml").symlink_to("nothing.yaml")
    hint = "a broken symbolic link\n    replace the link with the file itself"
    assert report(specs) == [f"dev/{name}.yaml:1:1: {hint}" for name in "abc"]


def test_folder_that_links_to_itself_ends(specs: Path):
    (specs / "dev" / "again").symlink_to(".", target_is_directory=True)
    assert report(specs) == [
        "dev/again:1:1: a subfolder that is a symbolic link\n    replace the link with the folder itself"
    ]


def test_pipe_is_not_waited_for(specs: Path):
    os.mkfifo(specs / "dev" / "pipe.yaml")
    assert report(specs) == ["dev/pipe.yaml:1:1: not a regular file"]


def test_file_that_cannot_be_opened_is_one_problem_and_the_others_are_read(specs: Path):
    closed = specs / "dev" / "closed.yaml"
    closed.write_text("x")
    closed.chmod(0)
    if os.access(closed, os.R_OK):  # as root
        pytest.skip("this user may read every file")
    (specs / "dev" / "zoom.yaml").write_text("x: 1\n")
    assert report(specs)[0] == "dev/closed.yaml:1:1: cannot be read: Permission denied"
    assert len(report(specs)) > 1


def test_huge_file_is_not_read_to_its_end(specs: Path):
    with (specs / "dev" / "huge.yaml").open("wb") as huge:
        huge.truncate(MAX_BYTES * 1_000_000)
    assert report(specs) == ["dev/huge.yaml:1:1: larger than 4 MiB\n    split it: a file describes one unit"]


def test_missing_folder_is_a_problem_and_no_exception(tmp_path: Path):
    loaded = load(tmp_path / "nowhere", tmp_path)
    assert [str(problem) for problem in loaded.problems] == ["nowhere:1:1: cannot be read: No such file or directory"]


def test_hidden_files_and_what_editors_leave_are_passed_over(specs: Path):
    for name in (
        ".hidden.yaml",
        ".#backups.yaml",
        "#backups.yaml#",
        "backups.yaml~",
        "~backups.yaml",
        ".backups.yaml.swp",
    ):
        (specs / "dev" / name).write_text("x")
    (specs / ".git").mkdir()
    (specs / ".git" / "config.yaml").write_text("x")
    (specs / "docs").mkdir()
    (specs / "docs" / "notes.md").write_text("x")
    loaded = load(specs, specs)
    assert loaded.problems == ()
    assert loaded.environments == ("dev",)


def test_file_s_name_cannot_forge_output(specs: Path):
    (specs / "dev" / "a\n::error::\x1b[31m.yaml").write_text("x")
    assert report(specs)[0].split(": ")[0] == r"dev/a\n::error::\x1b[31m.yaml:1:1"


@pytest.mark.parametrize(
    ("given", "display", "shown"),
    [
        ("repo/connectors", "repo", "connectors/dev/x.yaml"),
        ("repo/connectors", "repo/connectors", "dev/x.yaml"),
        ("repo/connectors", "other", "{tmp}/repo/connectors/dev/x.yaml"),
    ],
)
def test_files_are_named_relative_to_the_display_root_when_they_are_below_it(
    tmp_path: Path, given: str, display: str, shown: str
):
    (tmp_path / given / "dev").mkdir(parents=True)
    (tmp_path / given / "dev" / "environment.yaml").write_text(ENVIRONMENT)
    (tmp_path / given / "dev" / "x.yaml").write_text("")
    loaded = load(tmp_path / given, tmp_path / display)
    assert [problem.file for problem in loaded.problems] == [shown.format(tmp=tmp_path)]
    assert loaded.problems_of("dev") == loaded.problems


def test_relative_folder_outside_the_display_root_is_named_as_it_was_given(
    specs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (specs / "dev" / "x.yaml").write_text("")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    loaded = load(Path("../connectors"), tmp_path / "display")
    assert [problem.file for problem in loaded.problems] == ["../connectors/dev/x.yaml"]


def test_working_directory_does_not_matter_for_the_schemas(specs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(specs)
    assert names(load(Path(), Path.cwd())) == ["backups"]
