"""`reconciler validate`: every fault in every file, at once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.options import specs_option
from reconciler.errors import Problem
from reconciler.specs import Loaded, load


@click.command()
@specs_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="How problems are printed: for people, for programs, or as annotations in GitHub Actions.",
)
@click.argument("environments", nargs=-1, metavar="[ENVIRONMENT]...")
def validate(specs: Path, style: str, environments: tuple[str, ...]) -> int:
    """Check every file of the specs and print all that is wrong.

    Needs no credentials, no network and no Pulumi. All environments are read, since some rules hold across them;
    naming some prints only theirs.
    """
    loaded = load(specs, Path.cwd())
    _refuse_unknown(environments, loaded.environments)
    problems = [problem for name in sorted(set(environments)) for problem in loaded.problems_of(name)]
    if not environments:
        problems = list(loaded.problems)
    report = _REPORTS[style](problems)
    if report:
        click.echo(report)
    click.echo(_summary(problems, loaded), err=True)
    return Exit.FINDINGS if problems else Exit.FINE


def _refuse_unknown(named: Sequence[str], known: Sequence[str]) -> None:
    for name in named:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            instead = f"Did you mean {near[0]!r}?" if near else f"There is: {', '.join(known) or 'none'}."
            raise click.BadParameter(f"no environment {name!r}. {instead}", param_hint="ENVIRONMENT")


def _summary(problems: Sequence[Problem], loaded: Loaded) -> str:
    read = f"{_count(loaded.files, 'file')} in {', '.join(loaded.environments)}"
    if not problems:
        return f"{read}: no problems"
    faulty = {problem.file for problem in problems}
    # One of a file's problems stands for all that are left out.
    more = sum(loaded.left_out[file] - 1 for file in faulty & loaded.left_out.keys())
    return f"{_count(len(problems) + more, 'problem')} in {_count(len(faulty), 'file')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _text(problems: Sequence[Problem]) -> str:
    return "\n".join(str(problem) for problem in problems)


def _json(problems: Sequence[Problem]) -> str:
    return json.dumps([dataclasses.asdict(problem) for problem in problems], indent=2, ensure_ascii=False)


def _github(problems: Sequence[Problem]) -> str:
    return "\n".join(_annotation(problem) for problem in problems)


def _annotation(problem: Problem) -> str:
    """A workflow command: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    text = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
    place = f"file={_escaped_property(problem.file)},line={problem.line},col={problem.column}"
    return f"::error {place}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


_REPORTS = {"text": _text, "json": _json, "github": _github}
