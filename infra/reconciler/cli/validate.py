"""`reconciler validate`: every fault in every file, at once, and what else is good to know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import click

from reconciler.cli import Exit
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import annotation
from reconciler.config import Loaded, load
from reconciler.model.errors import Problem


@click.command()
@specs_option
@today_option
@format_option("How problems are printed: for people, for programs, or as annotations in GitHub Actions.")
@environments_option
@click.argument("named", nargs=-1, metavar="[ENVIRONMENT]...")
def validate(specs: Path, day: date, style: str, environments: tuple[str, ...], named: tuple[str, ...]) -> int:
    """Check every file of the specs and print all that is wrong.

    Needs no credentials, no network and no Pulumi. All environments are read, since some rules hold across them;
    naming some, by -e or as arguments, prints only the problems in their files.
    """
    loaded = load(specs, Path.cwd(), day)
    _refuse_unknown(named, loaded.environments, "ENVIRONMENT")
    _refuse_unknown(environments, loaded.environments, "--environment")
    names = sorted({*environments, *named})
    problems = [problem for name in names for problem in loaded.problems_of(name)] if names else loaded.problems
    notices = [notice for name in names for notice in loaded.notices_of(name)] if names else loaded.notices
    report = _REPORTS[style](sorted([*(_Told(p, "problem") for p in problems), *(_Told(n, "notice") for n in notices)]))
    if report:
        click.echo(report)
    click.echo(_summary(problems, notices, loaded), err=True)
    return Exit.FINDINGS if problems else Exit.FINE


@dataclass(frozen=True, order=True)
class _Told:
    """A line of the report; sorted by place."""

    at: Problem
    severity: Literal["problem", "notice"]

    def __str__(self) -> str:
        marked = self.at if self.severity == "problem" else replace(self.at, message=f"notice: {self.at.message}")
        return str(marked)


def _refuse_unknown(named: Sequence[str], known: Sequence[str], hint: str) -> None:
    for name in named:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            instead = f"Did you mean {near[0]!r}?" if near else f"There is: {', '.join(known) or 'none'}."
            raise click.BadParameter(f"no environment {name!r}. {instead}", param_hint=hint)


def _summary(problems: Sequence[Problem], notices: Sequence[Problem], loaded: Loaded) -> str:
    also = f", {_count(len(notices), 'notice')}" if notices else ""
    if not problems:
        return f"{_count(loaded.files, 'file')} in {', '.join(loaded.environments)}: no problems{also}"
    faulty = {problem.file for problem in problems}
    # One of a file's problems stands for all that are left out.
    more = sum(loaded.left_out[file] - 1 for file in faulty & loaded.left_out.keys())
    return f"{_count(len(problems) + more, 'problem')} in {_count(len(faulty), 'file')}{also}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _text(report: Sequence[_Told]) -> str:
    return "\n".join(str(told) for told in report)


def _json(report: Sequence[_Told]) -> str:
    told = [{**asdict(told.at), "severity": told.severity} for told in report]
    return json.dumps(told, indent=2, ensure_ascii=False)


def _github(report: Sequence[_Told]) -> str:
    return "\n".join(_annotation(told) for told in report)


def _annotation(told: _Told) -> str:
    at = told.at
    text = f"{at.message}\n{at.hint}" if at.hint else at.message
    level: Literal["error", "notice"] = "error" if told.severity == "problem" else "notice"
    return annotation(level, text, file=at.file, line=at.line, column=at.column)


_REPORTS = {"text": _text, "json": _json, "github": _github}
