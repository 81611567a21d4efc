"""`reconciler validate`: report every problem in every file at once, and notices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import asdict
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import click

from reconciler.cli import Exit
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import Entry, Report, Reporter, print_note
from reconciler.config import Loaded, load
from reconciler.model.commands import count
from reconciler.model.errors import Problem

#: Seconds between two looks at the files with `--watch`. A look at 1,000 files takes a hundredth of a second.
_INTERVAL = 0.3


@click.command()
@specs_option
@today_option
@format_option("Print problems for people, for programs, or as annotations in GitHub Actions.")
@click.option("--watch", is_flag=True, help="Check again after each change of a file, until Ctrl-C.")
@environments_option
@click.argument("named", nargs=-1, metavar="[ENVIRONMENT|FILE]...")
def validate(
    specs: Path, day: date, reporter: Reporter, *, environments: tuple[str, ...], named: tuple[str, ...], watch: bool
) -> int:
    """Check every file and print all problems.

    Needs no credentials, no network and no Pulumi. Reads all environments, since some rules compare them. With
    environments named, by -e or as arguments, it prints only the problems in their files. With files named, such as
    connectors/dev/shop.yaml, it prints only theirs, and how many there are in other files.

    Exit codes: 0 no problems, or the end of --watch; 1 problems; 2 wrong usage.
    """

    def check() -> int:
        return _check(specs, day, reporter, environments, named)

    return _watch(specs, check) if watch else check()


def _watch(specs: Path, check: Callable[[], int]) -> int:
    """Check, and again after each change, until Ctrl-C."""
    before = None
    try:
        while True:
            now = _stamps(specs)
            if now != before:
                if before is not None:
                    print_note("")
                # Taken before the check, so that a change during the check is checked too.
                before = now
                check()
            time.sleep(_INTERVAL)
    except KeyboardInterrupt:
        return Exit.FINE


def _stamps(specs: Path) -> Mapping[Path, tuple[int, int]]:
    """Return the time and size of every file below a folder."""
    stamps: dict[Path, tuple[int, int]] = {}
    for file in specs.rglob("*"):
        try:
            found = file.stat()
        except OSError:
            continue  # deleted meanwhile, or a broken link
        stamps[file] = (found.st_mtime_ns, found.st_size)
    return stamps


def _check(specs: Path, day: date, reporter: Reporter, environments: tuple[str, ...], named: tuple[str, ...]) -> int:
    loaded = load(specs, Path.cwd(), day)
    files, others = _files_named(specs, named, loaded.environments)
    _reject_unknown(others, loaded.environments, "ENVIRONMENT")
    _reject_unknown(environments, loaded.environments, "--environment")
    names = sorted({*environments, *others})

    def chosen(found: Sequence[Problem], of: Callable[[str], Sequence[Problem]]) -> Sequence[Problem]:
        if not names and not files:
            return found
        named_too = {each for name in names for each in of(name)}
        return [each for each in found if each in named_too or (Path.cwd() / each.file).resolve() in files]

    problems = chosen(loaded.problems, loaded.problems_of)
    notices = chosen(loaded.notices, loaded.notices_of)
    summary = _summary(problems, notices, loaded, names, list(files.values()))
    reporter.report(_report(problems, notices, summary))
    return Exit.FINDINGS if problems else Exit.FINE


def _files_named(specs: Path, named: Sequence[str], environments: Sequence[str]) -> tuple[dict[Path, str], list[str]]:
    """Return the files among the arguments, with their names as typed, and the environments.

    An environment's folder stands for the environment.
    """
    folders = {(specs / environment).resolve(): environment for environment in environments}
    files: dict[Path, str] = {}
    others: list[str] = []
    for name in named:
        path = Path(name).resolve()
        if not name.endswith((".yaml", ".yml")):
            others.append(name if name in environments else folders.get(path, name))
            continue
        if not path.is_file():
            raise click.BadParameter(f"no file {name}", param_hint="FILE")
        if folders.keys().isdisjoint(path.parents):
            raise click.BadParameter(f"{name} is in no environment's folder of {specs}", param_hint="FILE")
        files[path] = name
    return files, others


def _report(problems: Iterable[Problem], notices: Iterable[Problem], summary: str) -> Report:
    found: list[tuple[Problem, Literal["notice", "problem"]]] = [
        *((problem, "problem") for problem in problems),
        *((notice, "notice") for notice in notices),
    ]
    found.sort()
    entries = [
        Entry(
            each.message,
            "failed" if severity == "problem" else "notice",
            (each.hint,) if each.hint else (),
            each.file,
            each.line,
            each.column,
        )
        for each, severity in found
    ]
    return Report(entries, [{**asdict(each), "severity": severity} for each, severity in found], [summary])


def _reject_unknown(named: Sequence[str], known: Sequence[str], hint: str) -> None:
    for name in named:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            instead = f"Did you mean {near[0]!r}?" if near else f"Known environments: {', '.join(known) or 'none'}."
            raise click.BadParameter(f"no environment {name!r}. {instead}", param_hint=hint)


def _summary(
    problems: Sequence[Problem],
    notices: Sequence[Problem],
    loaded: Loaded,
    environments: Sequence[str],
    files: Sequence[str],
) -> str:
    """Count the problems of what was looked at, and of the other files if some were named."""
    also = f", {count(len(notices), 'notice')}" if notices else ""
    faulty = {problem.file for problem in problems}
    elsewhere = {problem.file for problem in loaded.problems} - faulty
    if elsewhere and (environments or files):
        also += f"; {count(_problems_in(elsewhere, loaded), 'problem')} in other files"
    if problems:
        return f"{count(_problems_in(faulty, loaded), 'problem')} in {count(len(faulty), 'file')}{also}"
    everything = f"{count(loaded.files, 'file')} in {', '.join(loaded.environments)}"
    if not environments and not files:
        return f"{everything}: no problems{also}"
    looked_at = [f"{count(len(loaded.sources[name]), 'file')} in {name}" for name in environments]
    looked_at += files if len(files) == 1 else [f"the {len(files)} files named"] if files else []
    return f"{' and '.join(looked_at)}: no problems{also} (read with {everything})"


def _problems_in(files: Set[str], loaded: Loaded) -> int:
    """Return how many problems files have, with those that are only counted."""
    shown = sum(problem.file in files for problem in loaded.problems)
    # One of a file's problems counts all problems of the file that are left out.
    return shown + sum(loaded.left_out[file] - 1 for file in files & loaded.left_out.keys())
