"""Names that a stranger chose, of files, folders, units, tables and settings, stay text wherever they arrive."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.hub import REPOSITORY, hub
from tests.unit.cli.test_hostile_files import HOSTILE, assert_inert
from tests.unit.cli.test_output import LINKED, Rendered
from tests.unit.review.previews import ENVIRONMENT, stack, step, unit
from tests.unit.review.stops import stops

from reconciler.cli.main import cli
from reconciler.cli.output import REPORTERS
from reconciler.cli.review_page import build_page
from reconciler.review.review_document import read_document

from .workspace import ENVIRONMENT as GROUP
from .workspace import Workspace

#: What a page of ours has, and nothing of others.
ELEMENTS = {"h2", "h3", "ul", "li", "p", "code", "details", "summary", "blockquote"}

TEXTS = st.text(min_size=1, max_size=40) | st.sampled_from(HOSTILE)


def names() -> st.SearchStrategy[str]:
    """Return names that a file system takes."""
    allowed = st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
    chosen = st.sampled_from([each.replace("/", "\\") for each in HOSTILE])
    texts = st.builds(lambda *parts: "".join(parts), st.text(allowed, max_size=8), chosen, st.text(allowed, max_size=8))
    return (st.text(allowed, min_size=1, max_size=40) | texts).filter(lambda each: each not in (".", ".."))


@contextmanager
def folder() -> Iterator[Path]:
    """Change to an empty folder."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as found:
        os.chdir(found)
        try:
            yield Path(found)
        finally:
            os.chdir(before)


def run(*arguments: str) -> tuple[str, str]:
    """Run a command; return stdout and stderr."""
    done = CliRunner().invoke(cli, [*arguments], standalone_mode=False)
    assert done.exception is None or "Traceback" not in done.output, done.exception
    return done.stdout, done.stderr


def assert_page(page: str) -> None:
    """Check that Markdown has our elements alone, and that GitHub links nothing in it."""
    assert_inert(page)
    rendered = Rendered()
    rendered.feed(MarkdownIt("gfm-like", {"linkify": False}).render(page))
    assert rendered.elements <= ELEMENTS
    assert not [each for each in rendered.outside_code if LINKED.search(each)]


def write_unit(place: str, name: str, content: str) -> None:
    """Write a file whose name, subfolder or environment is the hostile one."""
    file = {
        "file": Path("connectors", "dev", f"{name}.yaml"),
        "subfolder": Path("connectors", "dev", name, "shop.yaml"),
        "environment": Path("connectors", name, "shop.yaml"),
        "ending": Path("connectors", "dev", f"shop.{name}.YML"),
    }[place]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


@pytest.mark.parametrize("place", ["file", "subfolder", "environment", "ending"])
@settings(max_examples=15)
@given(names())
def test_names_of_files_and_folders_are_text_in_annotations_and_pages(place: str, name: str):
    with folder():
        write_unit("file", "environment", yaml.safe_dump(dict(ENVIRONMENT)))
        write_unit(place, name, "description: [\n")
        Path("preview.json").write_text(json.dumps({"steps": [stack()]}))
        for shape in ("text", "json", "github"):
            out, err = run("validate", "--format", shape)
            assert_inert(f"{out}\n{err}", annotations=shape == "github", below="connectors/")
            review = ("review", "-e", "dev", "--preview", "preview.json", "--today", "2026-12-01")
            out, err = run(*review, "--format", shape, "--summary", "summary.md")
            assert_inert(f"{out}\n{err}")
            assert_page(out if shape == "github" else Path("summary.md").read_text())


def previewed(text: str) -> list[dict[str, Any]]:
    """Return the steps of every change that needs approval, of a unit, dataset, table and variable of this name."""
    taken: set[str] = set()
    steps: list[Any] = []
    recorded: list[dict[str, Any]] = [{}, {}]
    for number, each in enumerate(stops(text)):
        if not each.slot or each.slot not in taken:
            steps += each.steps
        taken.add(each.slot)
        for side in (0, 1):
            recorded[side] |= {f"{text} {number}": each.recorded[side]} if each.recorded else {}
    preflight = step("update", "Preflight", "preflight", *({"units": units} for units in recorded))
    tables = {"schemas": {text: {"tables": {text: {"columns": {text: "hashed"}}}}}}
    old, new = ({"sync": {"new": text, **more}, "paused": why} for more, why in (({}, ""), (tables, text)))
    settings_ = [{"config": {text: each, "host": each}, "settings": {text: each}} for each in ("a", "b")]
    return [
        stack(airflow_variables={text: "an_id"}, units={"shop": {"owners": [text]}}),
        preflight,
        *steps,
        step("update", "Activation", f"{text} 2", old, new),
        step("update", "Connection", f"{text} 3", *settings_),
        step("update", text, text, {"a": text}, {"a": "b"}),
    ]


# Without shrinking: an example is short, and takes a second.
@settings(max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(TEXTS)
def test_names_in_a_preview_are_text_in_a_page_a_summary_and_a_comment(text: str):
    with folder():
        write_unit("file", "environment", yaml.safe_dump(dict(ENVIRONMENT)))
        write_unit("file", "shop", yaml.safe_dump(unit()))
        Path("preview.json").write_text(json.dumps({"steps": previewed(text)}))
        for shape in ("text", "json", "github"):
            arguments = ("--preview", "preview.json", "--format", shape, "--summary", f"{shape}.md")
            out, err = run("review", "--today", "2026-12-01", *arguments)
            assert_inert(f"{out}\n{err}")
            assert_page(Path(f"{shape}.md").read_text())
            if shape == "github":
                assert_page(out)
            if shape == "json":
                # What `reconciler comment` and `reconciler issue` write of it.
                document = read_document(out.encode())
                assert len(document.items) > 40
                assert_page(REPORTERS["github"].format_page(build_page(document)))


@pytest.fixture
def made_by_hand(workspace: Workspace) -> Workspace:
    """Name connections, a team, its role and a unit's task after each hostile text."""
    members = {"role": "View Destination", "members": ["user:ann@example.com"]}
    workspace.write("environment", {**GROUP, "fivetran": {**GROUP["fivetran"], "access": [members]}})
    workspace.unit("declared")
    tasks = [{"code": text, "message": text} for text in HOSTILE]
    workspace.connection("stripe", {"schema": "declared"}, setup_state="broken", tasks=tasks)
    for text in HOSTILE:
        workspace.connection("jira", {"schema": text}, setup_state="broken")
        workspace.admin("POST", "/teams", {"name": text})
        workspace.admin("PUT", f"/roles/{quote(text, safe='')}", {"scope": "DESTINATION"})
    workspace.admin("PATCH", "/groups/Dev/access", {f"team:{text}": text for text in HOSTILE})
    return workspace


@pytest.mark.parametrize("shape", ["text", "json", "github"])
@pytest.mark.parametrize("command", ["report", "unmanaged"])
def test_names_of_what_was_made_by_hand_are_text_in_reports(made_by_hand: Workspace, command: str, shape: str):
    ran = made_by_hand.run(command, "--format", shape)
    assert ran.out.count("jira") >= len(HOSTILE)
    assert ran.out.count("team:") >= len(HOSTILE)
    assert_inert(f"{ran.out}\n{ran.err}", annotations=shape == "github", below="connectors/")
    if (command, shape) == ("report", "github"):
        assert_page(ran.out)


def test_names_of_what_was_made_by_hand_are_text_in_the_issue(
    made_by_hand: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with hub(tmp_path / "github") as found:
        for name, value in (("TOKEN", found.bot), ("REPOSITORY", REPOSITORY), ("API_URL", found.url)):
            monkeypatch.setenv(f"GITHUB_{name}", value)
        Path("CODEOWNERS").write_text("".join(f"* {text}\n" for text in HOSTILE) + "* @eve @example/data\n")
        ran = made_by_hand.run("issue", "-e", "dev", "--summary", "summary.md")
        assert_inert(f"{ran.out}\n{ran.err}")
        (issue,) = found.repository.issues.values()
        marker, owners, *page = (issue.body or "").splitlines()
        assert (marker, owners) == ("<!-- reconciler: dev -->", "Owners: @eve @example/data")
        for text in ("\n".join(page), Path("summary.md").read_text()):
            assert text.count("jira") >= len(HOSTILE)
            assert text.count("team:") >= len(HOSTILE)
            assert_page(text)
