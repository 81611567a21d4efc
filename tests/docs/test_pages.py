"""The pages: what they show is what happens, and what they name exists."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from tests.docs import commands
from tests.docs.pages import ROOT, Block, anchors, find_pages, inline_code, links, prose, read_blocks
from tests.docs.runner import CHAINS, run_chain
from tests.sources import sources

from reconciler.cli.main import COMMANDS

PAGES = find_pages()
BASH = shutil.which("bash") or "/bin/bash"
LONGEST_SENTENCE = 30


@pytest.mark.engine
@pytest.mark.parametrize("chain", CHAINS)
def test_pages_show_what_their_commands_print(chain: str, tmp_path: Path):
    wrong = run_chain(chain, tmp_path)
    assert wrong == [], "\n\n".join([*wrong, "`make pages` writes the outputs anew: read what it changes."])


def test_every_page_with_commands_is_in_a_chain():
    run = {ROOT / page for chain in CHAINS.values() for page in chain}
    for page in set(PAGES) - run:
        shown = [block.place for block in read_blocks(page) if block.language == "console"]
        assert shown == [], "add the page to CHAINS"


def blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in read_blocks(page) if block.language in languages]


@pytest.mark.parametrize("block", blocks("sh", "console"), ids=lambda block: block.place)
def test_commands_on_pages_are_shell_and_name_what_exists(block: Block):
    lines = block.lines if block.language == "sh" else [step.command for step in block.steps()]
    done = subprocess.run([BASH, "-n"], input="\n".join(lines), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [problem for line in lines for problem in commands.problems(line)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_prose_name_what_exists(page: Path):
    assert [
        f"{line}: {problem}" for line, code in inline_code(page) for problem in commands.problems_in_prose(code)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings_that_exist(page: Path):
    broken = []
    for line, target in links(page):
        if re.match(r"https?:|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        to = (page.parent / file).resolve() if file else page
        if not to.exists() or (anchor and anchor not in anchors(to)):
            broken.append(f"{line}: {target}")
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_reached_from_the_readme(page: Path):
    assert page in reached_pages()


@cache
def reached_pages() -> set[Path]:
    """Return the pages to which links lead from the README."""
    reached, new = set(), {ROOT / "README.md"}
    while new:
        reached |= new
        found = {(each.parent / target.partition("#")[0]).resolve() for each in new for _, target in links(each)}
        new = {each for each in found if each.suffix == ".md" and each.exists()} - reached
    return reached


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if "reference" not in page.parts],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_sentences_on_pages_are_short(page: Path):
    lines = [
        "" if line.startswith(("#", "|", "<!--")) else re.sub(r"^ *([-*]|\d+\.) ", "\n\n", line)
        for _, line in prose(page)
    ]
    text = re.sub(r"`[^`]*`", "code", re.sub(r"\]\([^)]*\)", "]", "\n".join(lines)))
    sentences = re.split(r"(?<=[.:?!;])\s+|\n\s*\n", text)
    assert [" ".join(each.split()) for each in sentences if len(each.split()) > LONGEST_SENTENCE] == []


def test_steps_of_the_walks_name_functions_that_exist():
    steps = re.findall(r"`([a-z_/]+\.py):(\w+)`", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    sources = {file: (ROOT / "infra" / "reconciler" / file).read_text(encoding="utf-8") for file, _ in steps}
    assert len(steps) > 20
    assert [f"{file}:{name}" for file, name in steps if not re.search(rf"def {name}\(", sources[file])] == []


def test_architecture_lists_every_resource_of_a_stack():
    ours = r'class \w+\(Resource, module="(\w+)", name="(\w+)"\)'
    code = [source.text for source in sources("infra/reconciler")]
    dynamic = {":".join(found) for text in code for found in re.findall(ours, text)}
    plugin = {":".join(("gcp", *found)) for text in code for found in re.findall(r'"gcp:(\w+)/\w+:(\w+)"', text)}
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## The resources of a stack")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`(\w+(?::\w+)+)`", table))
    assert listed == dynamic | plugin


def test_page_of_outputs_lists_every_outcome():
    page = (ROOT / "docs" / "reference" / "outputs.md").read_text(encoding="utf-8").partition("| `outcome` |")[2]
    code = (ROOT / "infra" / "reconciler" / "resources" / "activation" / "steps.py").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(
        set(re.findall(r'"outcome": "(\w+)"', code))
    )


def test_readme_names_every_command():
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if not re.search(rf"^\| .*`(reconciler )?{name}[ `]", table, re.MULTILINE)] == []


def test_readme_fits_on_a_few_screens():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_no_page_names_a_path_of_this_machine():
    here = [f"{folder}/" for folder in (ROOT, Path.home(), Path(tempfile.gettempdir())) if folder != Path("/")]
    found = [f"{page}: {path}" for page in PAGES for path in here if path in page.read_text(encoding="utf-8")]
    assert found == []
