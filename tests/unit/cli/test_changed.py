"""`reconciler changed`, in real git repositories."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click import UsageError
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.cli.main import cli
from reconciler.git.changes import find_changes
from reconciler.git.repository import Repository

ENVIRONMENTS = {"connectors/dev/environment.yaml": "a", "connectors/prod/environment.yaml": "a"}
ZEROS = "0" * 40


class Checkout:
    """A repository whose commits are made of whole trees, without a work tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        variables = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, check=True, env=variables)
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, str], *parents: str, branch: str = "main") -> str:
        """Make a commit that holds exactly these files."""
        lines = [f"commit refs/heads/{branch}", "committer A <a@example.com> 1760000000 +0000", f"data {len(branch)}"]
        lines += [branch]
        lines += [f"{'merge' if number else 'from'} {parent}" for number, parent in enumerate(parents)]
        stream = "\n".join([*lines, "deleteall", ""]).encode()
        for path, content in files.items():
            quoted = b'"%s"' % b"".join(b"\\%03o" % byte for byte in os.fsencode(path))
            stream += b"M 100644 inline %s\ndata %d\n%s\n" % (quoted, len(content), content.encode())
        self.git("fast-import", "--quiet", "--force", stdin=stream)
        return self.git("rev-parse", f"refs/heads/{branch}")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    folder = tmp_path / "repository"
    (folder / "connectors").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RECONCILER_SPECS", raising=False)
    return Checkout(folder)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["changed", *arguments], standalone_mode=False)


def changed(checkout: Checkout, before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, object]:
    """Return what the command prints about a commit that follows another one."""
    base = checkout.commit({**ENVIRONMENTS, **before})
    head = checkout.commit({**ENVIRONMENTS, **after}, base)
    result = run("--since", base, "--head", head, "--format", "json")
    assert result.exception is None
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("path", "environments", "code"),
    [
        ("connectors/dev/shop.yaml", ["dev"], False),
        ("connectors/dev/certificates/ca.pem", ["dev"], False),
        ("connectors/prod/README.md", ["prod"], False),
        ("Pulumi.prod.yaml", ["prod"], False),
        ("Pulumi.yaml", ["dev", "prod"], True),
        ("Makefile", ["dev", "prod"], True),
        ("requirements.txt", ["dev", "prod"], True),
        ("infra/__main__.py", ["dev", "prod"], True),
        ("schemas/unit.schema.json", ["dev", "prod"], True),
        ("tools/install.py", ["dev", "prod"], True),
        (".github/workflows/merge.yml", ["dev", "prod"], True),
        ("connectors/shop.yaml", ["dev", "prod"], True),
        ("a-folder-that-no-rule-knows/x", ["dev", "prod"], True),
        ("connectors/README.md", [], False),
        ("connectors/gone/shop.yaml", [], False),
        ("docs/tutorial.md", [], False),
        ("tests/conftest.py", [], False),
        ("README.md", [], False),
        ("Pulumi.gone.yaml", [], False),
    ],
)
def test_changed_maps_a_path_to_environments(checkout: Checkout, path, environments, code):
    found = changed(checkout, {}, {path: "a"})
    assert (found["environments"], bool(found["code"])) == (environments, code)


@pytest.mark.parametrize(("before", "after"), [("a", None), ("a", "b")])
def test_changed_counts_changed_and_removed_paths(checkout: Checkout, before, after):
    path = "connectors/dev/a.yaml"
    assert changed(checkout, {path: before}, {path: after} if after else {})["environments"] == ["dev"]


def test_changed_maps_environment_yaml_to_its_environment(checkout: Checkout):
    found = changed(checkout, {}, {"connectors/prod/environment.yaml": "b"})
    assert found["environments"] == ["prod"]


def test_changed_counts_both_sides_of_a_rename(checkout: Checkout):
    found = changed(checkout, {"connectors/dev/a.yaml": "same"}, {"connectors/prod/a.yaml": "same"})
    assert found["environments"] == ["dev", "prod"]
    assert found["specs"] == ["connectors/dev/a.yaml", "connectors/prod/a.yaml"]


def test_changed_names_added_and_removed_environments(checkout: Checkout):
    new = {"connectors/staging/environment.yaml": "a"}
    assert changed(checkout, {}, new)["environments"] == ["staging"]
    assert changed(checkout, new, {})["environments"] == ["staging"]


def test_changed_ignores_what_the_base_branch_changed_since(checkout: Checkout):
    base = checkout.commit(ENVIRONMENTS)
    head = checkout.commit({**ENVIRONMENTS, "connectors/dev/a.yaml": "a"}, base, branch="work")
    checkout.commit({**ENVIRONMENTS, "infra/x.py": "a", "connectors/prod/b.yaml": "b"}, base)
    assert run("--since", "main", "--head", head).stdout == "dev\n"


def test_changed_names_every_environment_after_a_first_push(checkout: Checkout):
    checkout.commit(ENVIRONMENTS)
    assert run("--since", ZEROS).stdout == "dev\nprod\n"


def test_changed_writes_outputs_that_no_file_name_can_forge(checkout: Checkout):
    hostile = {
        "connectors/dev/a\nenvironments=[].yaml": "a",
        "connectors/dev/\udcff.yaml": "a",
        "connectors/dev/::error::.yaml": "a",
        'connectors/x"]\ncode=false/a.yaml': "a",
        "connectors/-e/environment.yaml": "a",
        "$(touch pwned)": "a",
    }
    base = checkout.commit(ENVIRONMENTS)
    head = checkout.commit({**ENVIRONMENTS, **hostile}, base)
    result = run("--since", base, "--head", head, "--format", "github")
    stacks = [{"stack": name, "environment": name, "number": n} for n, name in enumerate(("dev", "prod"))]
    assert result.stdout.splitlines() == [
        'environments=["dev", "prod"]',
        f"stacks={json.dumps(stacks)}",
        'own=["dev", "prod"]',
        'subfolders={"dev": [], "prod": []}',
        "code=true",
        "specs=true",
        "mixed=true",
    ]
    assert json.loads(run("--since", base, "--head", head, "--format", "json").stdout)["environments"] == [
        "dev",
        "prod",
    ]


def test_changed_prints_a_summary_on_stderr(checkout: Checkout):
    base = checkout.commit(ENVIRONMENTS)
    checkout.commit({**ENVIRONMENTS, "connectors/dev/a.yaml": "a", "infra/x.py": "a"}, base)
    result = run("--since", base)
    assert result.stdout == "dev\nprod\n"
    assert result.stderr == f"1 file of environments and 1 file of code changed since {base[:12]}\n"


def test_changed_reads_another_specs_folder_from_a_subfolder(checkout: Checkout, monkeypatch: pytest.MonkeyPatch):
    base = checkout.commit({"teams/data/dev/environment.yaml": "a"})
    checkout.commit({"teams/data/dev/environment.yaml": "b"}, base)
    folder = checkout.folder / "teams" / "data"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    assert run("--since", base, "--specs", "data").stdout == "dev\n"


def test_changed_rejects_a_specs_folder_outside_the_repository(checkout: Checkout, tmp_path: Path):
    checkout.commit(ENVIRONMENTS)
    result = run("--since", "main", "--specs", str(tmp_path))
    assert "is not a folder of the repository" in result.output


@pytest.mark.parametrize("name", ["missing", "--output=x", "-x", "main:connectors", "main..main", "", "a\nb", "f" * 40])
def test_changed_rejects_an_unknown_reference(checkout: Checkout, name):
    checkout.commit(ENVIRONMENTS)
    result = run("--since", name)
    assert "\n    Fetch it: `git fetch origin`." in result.stderr
    assert not (checkout.folder / "x").exists()


def test_changed_reports_a_shallow_clone(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    base = checkout.commit(ENVIRONMENTS)
    middle = checkout.commit({**ENVIRONMENTS, "infra/x.py": "a"}, base)
    checkout.commit({**ENVIRONMENTS, "connectors/dev/a.yaml": "a"}, middle)
    checkout.commit({**ENVIRONMENTS, "connectors/prod/a.yaml": "a"}, base, branch="other")
    source = checkout.folder.as_uri()
    checkout.git(
        "clone", "--quiet", "--depth=1", "--no-single-branch", "--no-checkout", source, str(tmp_path / "shallow")
    )
    (tmp_path / "shallow" / "connectors").mkdir()
    monkeypatch.chdir(tmp_path / "shallow")
    assert "This clone is shallow. Fetch its history" in run("--since", base).output
    assert "this clone is shallow\n    Fetch the history" in run("--since", "origin/other").output


def test_changed_rejects_unrelated_histories(checkout: Checkout):
    checkout.commit(ENVIRONMENTS)
    other = checkout.commit({"x": "a"}, branch="other")
    assert "their histories are unrelated" in run("--since", other, "--head", "main").output


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    name = st.text(
        st.characters(exclude_characters="/\0", categories=None, exclude_categories=["Cs"]), min_size=1, max_size=5
    )
    plain = name.filter(lambda part: part not in (".", "..") and part.lower() != ".git")
    top = st.sampled_from(["connectors/dev", "connectors/prod", "connectors", "docs", "infra", "tests", "."])
    found: dict[str, str] = {}
    for folder, file, content in draw(st.lists(st.tuples(top, plain, st.sampled_from("ab")), max_size=6)):
        path = file if folder == "." else f"{folder}/{file}"
        if not any(path.startswith(f"{each}/") or each.startswith(f"{path}/") for each in {*found, *ENVIRONMENTS}):
            found[path] = content
    return found


def expected(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield the environments by the rule as the page has it, from the files themselves."""
    differing = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    for environment in ("dev", "prod"):
        for path in differing:
            own = path.startswith(f"connectors/{environment}/") or path == f"Pulumi.{environment}.yaml"
            of_any = path.startswith(("connectors/dev/", "connectors/prod/", "docs/", "tests/"))
            if own or not (
                of_any or path.endswith(".md") or path in ("LICENSE", "Pulumi.dev.yaml", "Pulumi.prod.yaml")
            ):
                yield environment
                break


@settings(max_examples=20)
@given(before=trees(), after=trees(), since=trees())
def test_changed_touches_what_differs_whatever_the_names(before, after, since):
    with TemporaryDirectory() as folder:
        checkout = Checkout(Path(folder))
        base = checkout.commit({**before, **ENVIRONMENTS})
        checkout.commit({**since, **ENVIRONMENTS}, base)
        head = checkout.commit({**after, **ENVIRONMENTS}, base, branch="work")
        found = find_changes(Repository(Path(folder)), "main", head, "connectors")
    assert list(found.environments) == list(expected(before, after))


SPLIT = {"connectors/prod/environment.yaml": "stacks: [ads, pay]\n"}


@pytest.mark.parametrize(
    ("path", "stacks"),
    [
        ("connectors/prod/shop.yaml", ["prod"]),
        ("connectors/prod/team/shop.yaml", ["prod"]),
        ("connectors/prod/ads/shop.yaml", ["prod.ads"]),
        ("connectors/prod/code/shop.zip", ["prod", "prod.ads", "prod.pay"]),
        ("connectors/dev/ads/shop.yaml", ["dev"]),
        ("Pulumi.prod.ads.yaml", ["prod.ads"]),
        ("Pulumi.prod.yaml", ["prod"]),
        ("infra/__main__.py", ["dev", "prod", "prod.ads", "prod.pay"]),
    ],
)
def test_changed_names_the_stacks_that_a_file_touches(checkout: Checkout, path: str, stacks: list[str]):
    assert changed(checkout, SPLIT, {**SPLIT, path: "a"})["stacks"] == stacks


def test_changed_names_both_stacks_of_a_moved_file_and_those_that_end(checkout: Checkout):
    before, after = {**SPLIT, "connectors/prod/a.yaml": "a"}, {**SPLIT, "connectors/prod/ads/a.yaml": "a"}
    assert changed(checkout, before, after)["stacks"] == ["prod", "prod.ads"]
    assert changed(checkout, SPLIT, {})["stacks"] == ["prod", "prod.ads", "prod.pay"]


@pytest.mark.parametrize("stacks", ["stacks: [", "stacks: {ads: 1}", "stacks: [../dev, 1, '$(id)']", "x" * 4_000_000])
def test_changed_reads_no_stacks_from_what_cannot_be_read(checkout: Checkout, stacks: str):
    after = {"connectors/prod/environment.yaml": stacks, "connectors/prod/ads/a.yaml": "a"}
    assert changed(checkout, {}, after)["stacks"] == ["prod"]


def outputs(*arguments: str) -> dict[str, Any]:
    lines = run(*arguments, "--format", "github").stdout.splitlines()
    return {name: json.loads(value) for name, _, value in (line.partition("=") for line in lines)}


def test_changed_gives_jobs_the_environment_of_each_stack(checkout: Checkout):
    base = checkout.commit({**ENVIRONMENTS, **SPLIT})
    head = checkout.commit({**ENVIRONMENTS, **SPLIT, "connectors/prod/ads/shop.yaml": "a"}, base)
    found = outputs("--since", base, "--head", head)
    assert found["stacks"] == [{"stack": "prod.ads", "environment": "prod", "number": 0}]
    assert (found["environments"], found["own"], found["subfolders"]) == (["prod"], [], {"prod": ["prod.ads"]})


def test_changed_gives_jobs_no_stack_that_has_ended(checkout: Checkout):
    base = checkout.commit({**ENVIRONMENTS, **SPLIT})
    head = checkout.commit({**ENVIRONMENTS, "connectors/prod/environment.yaml": "stacks: [pay]\n"}, base)
    found = outputs("--since", base, "--head", head)
    assert [each["stack"] for each in found["stacks"]] == ["prod", "prod.pay"]
    assert (found["own"], found["subfolders"]) == (["prod"], {"prod": ["prod.pay"]})


def test_changed_counts_every_stack_as_touched_when_all_are_asked_for(checkout: Checkout):
    checkout.commit({**ENVIRONMENTS, **SPLIT})
    found = outputs("--all")
    assert found["own"] == ["dev", "prod"]
    assert found["subfolders"] == {"dev": [], "prod": ["prod.ads", "prod.pay"]}
    for wrong in ((), ("--all", "--since", "main")):
        assert isinstance(run(*wrong).exception, UsageError)
