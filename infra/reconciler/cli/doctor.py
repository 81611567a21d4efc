"""`reconciler doctor`: whether an environment has what it needs, and who reads sensitive data by inherited roles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.checks import Checkup, Line
from reconciler.cli.environments import choose
from reconciler.cli.options import environment_option, format_option, specs_option
from reconciler.cli.output import annotation, progress
from reconciler.model.errors import printable

_LEVELS = ("ok", "warning", "failed")


@click.command()
@specs_option
@environment_option
@format_option("How it is printed: for people, for programs, or as annotations in GitHub Actions.")
def doctor(specs: Path, environment: str | None, style: str) -> int:
    """Look at everything that an environment needs, and print a line for each: ok, warning or failed.

    Whether Fivetran's key works and sees the group; the destination is as the file says and connected; Google's
    credentials work; Fivetran's service account has its role on the project; the secrets' versions that files name are
    there; and who reads sensitive datasets whatever their own lists say: through a role on the project, its folders or
    the organisation that reads data. What nobody could look at with these credentials is said. Nothing is changed.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET, a read-only key is enough, and Google's application-default
    credentials; roles/iam.securityReviewer on the organisation shows all of it.

    Exit codes: 0 all is ok, 1 findings, 2 wrong usage, 3 Fivetran or Google failed.
    """
    chosen = choose(specs, environment)
    with progress("Looking"):
        found = list(Checkup(chosen).lines())
    report = _REPORTS[style](found, chosen.environment.file)
    if report:
        click.echo(report)
    counts = {level: sum(line.level == level for line in found) for level in _LEVELS}
    said = ", ".join(f"{number} {level}" for level, number in counts.items() if number)
    click.echo(f"{chosen.environment.name}: {said}", err=True)
    if any(line.unanswered for line in found):
        return Exit.OTHER_SIDE_FAILED
    return Exit.FINE if counts["ok"] == len(found) else Exit.FINDINGS


def _text(found: Sequence[Line], _file: str) -> str:
    lines = []
    for line in found:
        lines.append(f"{line.level:<8} {line.check}: {printable(line.text)}")
        lines += [f"         {printable(line.to_do)}"] if line.to_do else []
    return "\n".join(lines)


def _json(found: Sequence[Line], _file: str) -> str:
    said = ({key: value for key, value in asdict(line).items() if key != "unanswered"} for line in found)
    return json.dumps(list(said), indent=2, ensure_ascii=False)


def _github(found: Sequence[Line], file: str) -> str:
    return "\n".join(
        annotation(
            "error" if line.level == "failed" else "warning",
            f"{line.check}: {line.text}" + (f". {line.to_do}" if line.to_do else ""),
            file=file,
        )
        for line in found
        if line.level != "ok"
    )


_REPORTS = {"text": _text, "json": _json, "github": _github}
