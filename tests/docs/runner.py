"""Runs the blocks of pages in their order, and says where a page shows what is not so."""

from __future__ import annotations

import difflib
from pathlib import Path

from tests.docs import output
from tests.docs.pages import ROOT, Block, read_blocks, replace_blocks
from tests.docs.scenes import SCENES
from tests.docs.session import Session, session

#: The pages that are run, in the order in which a reader may come to them. A chain has one session: what a page
#: applies is there for the next one; what it only wrote is put back.
CHAINS: dict[str, tuple[str, ...]] = {
    "dev": (
        "docs/tutorial.md",
        "README.md",
        "docs/how-to/sensitive-data.md",
        "docs/how-to/temporary-access.md",
        "docs/how-to/see-the-whole-estate.md",
        "docs/how-to/rotate-a-secret.md",
        "docs/how-to/pause-a-connector.md",
        "docs/how-to/custom-connector.md",
        "docs/how-to/promote-to-production.md",
        "docs/how-to/connect-airflow.md",
        "docs/how-to/check-bigquery-etl.md",
        "docs/reference/status.md",
        "docs/reference/errors.md",
        "docs/how-to/correct-drift.md",
        "docs/how-to/break-glass.md",
        "docs/how-to/extend-or-end-a-dev-connector.md",
        "docs/how-to/roll-back-a-merge.md",
        "docs/how-to/retire-a-prod-connector.md",
        "docs/how-to/recover-a-killed-run.md",
        "docs/how-to/adopt-what-exists.md",
        "docs/how-to/trust-a-certificate.md",
        "docs/how-to/rebuild-lost-state.md",
    ),
    "stacks": ("docs/how-to/split-an-environment.md",),
    "access": ("docs/how-to/who-can-change-a-connector.md", "docs/how-to/share-the-quota.md"),
    "init": ("docs/how-to/set-up-an-environment.md",),
}

#: The chain whose stacks have a passphrase; the others do with less work.
WITH_PASSPHRASES = "init"


def run_chain(name: str, folder: Path, *, update: bool = False, only: str | None = None) -> list[str]:
    """Run the pages of a chain; return every difference, or write the outputs anew.

    Args:
        name: The chain.
        folder: An empty folder.
        update: Rewrite the outputs of pages instead of reporting them.
        only: Run the first page, which starts the services, and this one.
    """
    wrong: list[str] = []
    ids = output.Ids()
    with session(folder, with_passphrases=name == WITH_PASSPHRASES) as reader:
        for at, page in enumerate(CHAINS[name]):
            if only is None or at == 0 or page == only:
                wrong += run_page(ROOT / page, reader, ids, update=update)
                reader.restore()
    return wrong


def run_page(page: Path, reader: Session, ids: output.Ids, *, update: bool = False) -> list[str]:
    """Run the blocks of one page; return every difference, or write the outputs anew."""
    wrong: list[str] = []
    new: dict[int, list[str]] = {}
    for block in read_blocks(page):
        for scene in block.directive("scene"):
            words = scene.split()
            SCENES[words[0]](reader, *words[1:])
        if block.directive("same"):
            lines, differences = _compare_with_other_page(block, block.directive("same")[0])
            wrong += differences
            if lines != block.lines:
                new[block.line] = lines
        elif block.language == "console":
            lines, differences = _run_commands(block, reader, ids)
            wrong += differences
            if lines != block.lines:
                new[block.line] = lines
        elif block.language == "diff" and block.lines[0].startswith("--- connectors/"):
            reader.change(block.lines)
        elif (file := block.file()) is not None:
            reader.write(*file)
    if update:
        replace_blocks(page, new)
    return wrong


def _run_commands(block: Block, reader: Session, ids: output.Ids) -> tuple[list[str], list[str]]:
    lines: list[str] = []
    wrong: list[str] = []
    exits = [int(code) for codes in block.directive("exit") for code in codes.split()] or [0]
    for number, step in enumerate(block.steps()):
        text, code = reader.run(step.command)
        expected = exits[min(number, len(exits) - 1)]
        if code != expected:
            wrong.append(f"{block.place}: `{step.command}` ended with {code} instead of {expected}:\n{text}")
        drawn = output.tidy(text)
        ids.learn(step.shown, drawn)
        shown = output.align(output.rewritten(step.shown, [ids.translate(line) for line in drawn]))
        ids.learn(shown, drawn)
        if shown != step.shown:
            change = "\n".join(difflib.unified_diff(step.shown, shown, "the page", "printed", lineterm="", n=2))
            wrong.append(f"{block.place}: `{step.command}` prints something else:\n{change}")
        lines += [f"$ {step.command}".replace("\n", "\n> "), *shown]
    return "\n".join(lines).split("\n"), wrong


def _compare_with_other_page(block: Block, page: str) -> tuple[list[str], list[str]]:
    """A block that another page has too, where it is run."""
    others = [each for each in read_blocks(ROOT / page) if each.language == block.language]
    if any(each.lines == block.lines for each in others):
        return block.lines, []
    same = [each for each in others if _commands(each) and _commands(each) == _commands(block)]
    wrong = f"{block.place}: {page} has no such block: copy it from there, or run `make pages`"
    return same[0].lines if same else block.lines, [wrong]


def _commands(block: Block) -> list[str]:
    """Return the commands of a block, and how they are expected to end."""
    return [line for line in block.lines if line.startswith("$ ")] + block.directive("exit")
