"""The files of a commit that a stranger wrote: what is written, and what is rejected by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.cli.main import cli
from reconciler.git.head_files import CommitLimits, HeadFiles, read_head_files
from reconciler.git.repository import Repository
from reconciler.model.errors import ReconcilerError

from .commits import EXECUTABLE, FILE, FOLDER, LINK, SUBMODULE, Commits, git

UNIT = "description: Orders.\n"
#: A commit of another repository.
OTHER = "1" * 40


@pytest.fixture
def commits(tmp_path: Path) -> Commits:
    return Commits(tmp_path / "repository")


def read(commits: Commits, commit: str, specs: str = "connectors", **limits: int) -> HeadFiles:
    return read_head_files(Repository(commits.folder), commit, specs, CommitLimits(**limits))


def rejected(commits: Commits, commit: str, **limits: int) -> list[tuple[str, str]]:
    """Return file and message of each problem; there are no files beside problems."""
    found = read(commits, commit, "connectors", **limits)
    assert not found.files
    return [(each.file, each.message) for each in found.problems]


def run(commits: Commits, commit: str, into: Path, *more: str) -> Result:
    arguments = ["head-files", "--commit", commit, "--into", str(into), "--repository", str(commits.folder), *more]
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


def test_head_files_writes_the_yaml_files_of_a_commit(commits: Commits, tmp_path: Path):
    more = [(FILE, commits.blob("x"), name) for name in ("README.md", ".hidden.yaml", "notes (old).txt", "a.yaml~")]
    commit = commits.of({"shop.yaml": UNIT, "environment.yaml": "x: 1\n"}, *more)
    result = run(commits, commit, tmp_path / "head")
    assert result.return_value == 0
    written = {str(file.relative_to(tmp_path / "head")) for file in (tmp_path / "head").rglob("*") if file.is_file()}
    assert written == {"dev/shop.yaml", "dev/environment.yaml"}
    assert (tmp_path / "head" / "dev" / "shop.yaml").read_text() == UNIT
    assert "wrote 2 files" in result.stderr


def test_head_files_writes_what_a_unit_names(commits: Commits):
    unit = (
        "connector:\n  package: code/x.zip\n  trust: {certificates: [{file: ca.pem}], fingerprints: [{file: no.pub}]}\n"
    )
    code = commits.tree([(EXECUTABLE, commits.blob(b"PK"), "x.zip"), (FILE, commits.blob("x"), "unnamed.zip")])
    more = ((FOLDER, code, "code"), (FILE, commits.blob("PEM"), "ca.pem"), (FILE, commits.blob("x"), "other.pem"))
    found = read(commits, commits.of({"shop.yaml": unit}, *more))
    assert set(found.files) == {"dev/shop.yaml", "dev/code/x.zip", "dev/ca.pem"}


def test_head_files_reads_only_the_specs_folder(commits: Commits):
    blob = commits.blob(UNIT)
    inner = commits.tree([(FOLDER, commits.tree([(FILE, blob, "x.yaml")]), "dev")])
    outer = commits.tree([(FOLDER, inner, "connectors"), (FOLDER, inner, "infra"), (LINK, blob, "evil.yaml")])
    nested = commits.commit(commits.tree([(FOLDER, outer, "data")]))
    assert set(read(commits, commits.commit(outer)).files) == {"dev/x.yaml"}
    assert set(read(commits, nested, "data/connectors").files) == {"dev/x.yaml"}
    assert not read(commits, nested).files


NAMES = {
    "dot-dot": b"..",
    "git": b".git",
    "git in capitals": b".GIT",
    "control character": b"a\x1b[2Jb.yaml",
    "newline": b"a\n::error::x.yaml",
    "newline at the end": b"a.yaml\n",
    "command": b"::add-mask::x.yaml",
    "older command": b"x##[add-mask]x.yaml",
    "option": b"--upload-pack=x.yaml",
    "not UTF-8": b"a\xff.yaml",
    "bidirectional": "a\u202elmay.yaml".encode(),
    "one-dot leader": "\u2024\u2024".encode(),
    "full-width": "\uff0e\uff0e.yaml".encode(),
    "Cyrillic": "\u0430.yaml".encode(),
    "backslash": b"a\\..\\a.yaml",
    "drive": b"C:a.yaml",
    "percent": b"%0A::error::x.yaml",
    "long": b"a" * 200 + b".yaml",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_head_files_rejects_a_hostile_name(commits: Commits, name: bytes, kind: str, tmp_path: Path):
    inner = (FOLDER, commits.tree([(FILE, commits.blob(UNIT), "inner.yaml")]), name)
    commit = commits.of({"good.yaml": UNIT}, inner if kind == "folder" else (FILE, commits.blob(UNIT), name))
    result = run(commits, commit, tmp_path / "head")
    assert result.return_value == 1
    assert result.stdout.startswith("connectors/dev/")
    assert len(result.stdout.splitlines()) == 2
    assert not (tmp_path / "head").exists()
    for shape in ("text", "json", "github"):
        assert_inert(run(commits, commit, tmp_path / "head", "--format", shape), shape)


def assert_inert(result: Result, shape: str) -> None:
    """Check that a log of GitHub Actions reads no command in this output but ours, and a terminal no escape."""
    for line in re.split(r"[\r\n]+", f"{result.stdout}\n{result.stderr}"):
        assert not line.lstrip().startswith("::") or (shape == "github" and re.match(r"::error file=connectors", line))
        assert "##[" not in line
        assert line.isprintable()


@pytest.mark.parametrize(("mode", "message"), [(LINK, "a symbolic link"), (SUBMODULE, "a submodule")])
@pytest.mark.parametrize("name", ["evil.yaml", "folder"])
def test_head_files_rejects_links_and_submodules(commits: Commits, mode: str, message: str, name: str):
    commit = commits.of({"good.yaml": UNIT}, (mode, OTHER if mode == SUBMODULE else commits.blob("/etc/passwd"), name))
    assert rejected(commits, commit) == [(f"connectors/dev/{name}", message)]


def test_head_files_rejects_an_executable(commits: Commits):
    commit = commits.of({}, (EXECUTABLE, commits.blob(UNIT), "x.yaml"), (EXECUTABLE, commits.blob("x"), "x.sh"))
    assert rejected(commits, commit) == [("connectors/dev/x.yaml", "an executable file")]


@pytest.mark.parametrize("mode", [LINK, FILE, SUBMODULE])
def test_head_files_rejects_a_specs_path_that_is_not_a_folder(commits: Commits, mode: str):
    commit = commits.commit(commits.tree([(mode, OTHER if mode == SUBMODULE else commits.blob("/etc"), "connectors")]))
    assert ("connectors", "a file in the place of the specs folder") in rejected(commits, commit)


def test_head_files_rejects_names_that_differ_in_case_only(commits: Commits):
    commit = commits.of({"Shop.yaml": UNIT, "shop.yaml": UNIT, "other.yaml": UNIT})
    assert [file for file, _ in rejected(commits, commit)] == ["connectors/dev/Shop.yaml", "connectors/dev/shop.yaml"]


def test_head_files_rejects_folders_that_differ_in_case_only(commits: Commits):
    inner = commits.tree([(FILE, commits.blob(UNIT), "x.yaml")])
    outer = commits.tree([(FOLDER, inner, "Dev"), (FOLDER, inner, "dev")])
    commit = commits.commit(commits.tree([(FOLDER, outer, "connectors")]))
    assert len(rejected(commits, commit)) == 2


def test_head_files_rejects_a_tree_with_one_name_twice(commits: Commits):
    raw = b"100644 x.yaml\0" + bytes.fromhex(commits.blob(UNIT))
    twice = git(commits.folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw * 2)
    outer = commits.tree([(FOLDER, twice, "dev")])
    commit = commits.commit(commits.tree([(FOLDER, outer, "connectors")]))
    assert rejected(commits, commit) == [("connectors/dev/x.yaml", "twice in one folder")] * 2


def test_head_files_rejects_a_file_and_a_folder_of_one_name(commits: Commits):
    inner = commits.tree([(FILE, commits.blob(UNIT), "y.yaml")])
    raw = b"100644 x.yaml\0" + bytes.fromhex(commits.blob(UNIT)) + b"40000 x.yaml\0" + bytes.fromhex(inner)
    both = git(commits.folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    outer = commits.tree([(FOLDER, both, "dev")])
    commit = commits.commit(commits.tree([(FOLDER, outer, "connectors")]))
    assert ("connectors/dev/x.yaml", "a file and a folder of one name") in rejected(commits, commit)


def test_head_files_ends_with_a_tree_that_never_ends(commits: Commits):
    tree = commits.tree([(FILE, commits.blob(UNIT), "x.yaml")])
    for _ in range(40):
        tree = commits.tree([(FOLDER, tree, "a"), (FOLDER, tree, "b")])
    commit = commits.commit(commits.tree([(FOLDER, tree, "connectors")]))
    assert rejected(commits, commit) == [("connectors", "more than 20,000 files below connectors")]


def test_head_files_limits_number_and_bytes(commits: Commits):
    commit = commits.of({f"u{number}.yaml": UNIT for number in range(5)})
    assert rejected(commits, commit, files=4) == [("connectors", "more than 4 YAML files")]
    assert rejected(commits, commit, bytes=1) == [("connectors", "files of more than 0 KiB together")]
    large = commits.of({"large.yaml": b"#" * (4 * 1024 * 1024 + 1)})
    assert rejected(commits, large) == [("connectors/dev/large.yaml", "larger than 4 MiB")]


def test_head_files_names_everything_that_it_rejects(commits: Commits, tmp_path: Path):
    links = [(LINK, commits.blob("x"), f"{number:03}.yaml") for number in range(150)]
    result = run(commits, commits.of({}, *links, (FILE, commits.blob("x"), "..")), tmp_path / "head")
    assert len(result.stdout.splitlines()) == 200
    assert "rejected 151 files" in result.stderr
    assert "the first 100 are shown" in result.stderr


@pytest.mark.parametrize("commit", ["main", "--help", "HEAD", "a" * 39, "A" * 40, "a" * 40 + "\n", "a" * 40 + "^"])
def test_head_files_takes_no_commit_but_a_full_hash(commits: Commits, commit: str):
    with pytest.raises(ReconcilerError, match="40 hexadecimal digits"):
        read(commits, commit)


def test_head_files_says_how_to_fetch_a_commit_that_is_missing(commits: Commits):
    with pytest.raises(ReconcilerError, match=r"does not have the commit a{40}\n    Fetch it: `git fetch"):
        read(commits, "a" * 40)
    with pytest.raises(ReconcilerError, match="is a blob, not a commit"):
        read(commits, commits.blob("x"))


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_head_files_says_what_is_missing_in_a_partial_clone(commits: Commits, tmp_path: Path, kind: str):
    git(commits.folder, "update-ref", "refs/heads/main", commit := commits.of({"shop.yaml": UNIT}))
    git(commits.folder, "config", "uploadpack.allowFilter", "true")
    url, clone = commits.folder.as_uri(), tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--bare", "--branch", "main", f"--filter={kind}", url, str(clone))
    with pytest.raises(ReconcilerError, match=r"\A(git .*\n|)    Fetch the commit with all its files"):
        read_head_files(Repository(clone), commit, "connectors")


def test_head_files_names_a_file_whose_content_is_missing(commits: Commits):
    commit = commits.of({}, (FILE, OTHER, "shop.yaml"))
    assert rejected(commits, commit) == [("connectors/dev/shop.yaml", "its content is missing here")]


@pytest.mark.parametrize("specs", ["..", "/etc", "a/../b", "", "-x", "a\n", ".git", ":(glob)*"])
def test_head_files_takes_only_a_folder_of_the_repository(commits: Commits, specs: str):
    with pytest.raises(ReconcilerError, match="is not a folder of the repository"):
        read(commits, commits.of({"shop.yaml": UNIT}), specs)


def test_head_files_writes_only_into_an_empty_folder(commits: Commits, tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    result = run(commits, commits.of({"shop.yaml": UNIT}), tmp_path / "full")
    assert "the folder is not empty" in result.output


def test_head_files_does_not_run_code_of_the_repository(commits: Commits, tmp_path: Path):
    commit = commits.of({"shop.yaml": UNIT, ".gitattributes": "*.yaml filter=evil\n"})
    git(commits.folder, "config", "filter.evil.smudge", f"touch {tmp_path}/ran")
    assert set(read(commits, commit).files) == {"dev/shop.yaml"}
    assert not (tmp_path / "ran").exists()


#: Parts from which hostile names are made, as bytes: a tree takes all but NUL and `/`.
PARTS = [
    b".",
    b"..",
    b".git",
    b"-",
    b"\n",
    b"\x1b[",
    b"::",
    b"##[",
    b"%0A",
    b"\xe2\x80\xae",
    b"\xff",
    b"a",
    b"B",
    b".yaml",
]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.lists(st.sampled_from(PARTS) | st.binary(min_size=1, max_size=3), min_size=1, max_size=4).map(b"".join),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    is_folder=st.booleans(),
)
def test_head_files_writes_plain_paths_below_the_folder_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes], is_folder: bool
):
    folder = tmp_path_factory.mktemp("any")
    commits = Commits(folder / "repository")
    names = [name.replace(b"\0", b"0").replace(b"/", b"_") for name in names]
    blob, inner = commits.blob(UNIT), commits.tree([(FILE, commits.blob(UNIT), "x.yaml")])
    entry = (FOLDER, inner) if is_folder else (FILE, blob)
    commit = commits.of({}, *((*entry, name) for name in dict.fromkeys(names)))
    result = run(commits, commit, folder / "head")
    assert_inert(result, "text")
    written = [file for file in (folder / "head").rglob("*") if file.is_file()] if (folder / "head").exists() else []
    assert all(
        re.fullmatch(r"dev/[A-Za-z0-9_][\w.+@=,() /-]*", str(each.relative_to(folder / "head"))) for each in written
    )
    assert bool(result.return_value) == (not (folder / "head").exists())
    assert {each.name for each in folder.iterdir()} <= {"repository", "head"}
