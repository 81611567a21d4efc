"""`reconciler import`: files for what lives in Fivetran and BigQuery and is in none yet."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.drafting import Drafted, draft
from reconciler.cli.environments import Chosen, choose, live_group
from reconciler.cli.options import environment_option, specs_option
from reconciler.cli.selecting import select
from reconciler.config import load
from reconciler.config.build.to_yaml import unit_text
from reconciler.lifecycle.airflow import variable_name
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError

_VARIABLE = variable_name("")


@click.command("import")
@specs_option
@environment_option
@click.option("--all", "everything", is_flag=True, help="Every connection of the group that is in no file.")
@click.option(
    "--datasets",
    "dataset_patterns",
    multiple=True,
    metavar="PATTERN",
    help="Datasets of the project that no connector of the files writes, by name or with * for any text; repeatable.",
)
@click.option(
    "--airflow-variables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What `airflow variables export` wrote: the tasks whose variables hold connection ids.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write to.  [default: the environment's]",
)
@click.option("--stdout", "print_only", is_flag=True, help="Print the files instead of writing them.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.argument("patterns", nargs=-1, metavar="[NAME|ID|PATTERN]...")
def import_(
    *,
    specs: Path,
    environment: str | None,
    everything: bool,
    dataset_patterns: tuple[str, ...],
    airflow_variables: Path | None,
    output: Path | None,
    print_only: bool,
    force: bool,
    patterns: tuple[str, ...],
) -> int:
    """Write a file for each connection that lives in the environment's group, as a colleague would.

    Connections are named as Fivetran names them (`stripe`, `google_sheets.budget`), by their ids, or by a pattern in
    which * stands for any text. Each file declares the connection with its dataset, taken over as they are:
    `pulumi up` then changes nothing in Fivetran. Datasets that several connections write get a file of their own.

    What only a person knows has a valid value that changes nothing, under a comment that begins with `fill in:`:
    descriptions, and where a credential is kept, which Fivetran holds until then. Nothing is written over without
    --force.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET, a read-only key is enough; and Google's application-default
    credentials for the datasets, without which their settings and access are left out, with a notice. Exit codes:
    0 done, 1 what was written does not pass `reconciler validate`, 2 wrong usage, 3 Fivetran or Google failed.
    """
    if everything == bool(patterns) and not (dataset_patterns and not everything):
        raise click.UsageError("name what to import: connections, --all or --datasets PATTERN")
    if print_only and output is not None:
        raise click.UsageError("either --stdout or --output")
    chosen = choose(specs, environment)
    task_ids = _task_ids(airflow_variables) if airflow_variables is not None else {}
    with live_group(chosen.environment) as live:
        selected = select(chosen, live.connections, patterns, everything=everything, again=force or print_only)
        drafted = draft(chosen, live, selected, dataset_patterns, task_ids)
    for notice in drafted.notices:
        click.echo(f"notice: {notice}", err=True)
    if not drafted.drafts:
        click.echo(
            f"{chosen.environment.name}: nothing to import: everything is in a file already, or ignored", err=True
        )
        return Exit.FINE
    folder = output or specs / chosen.environment.name
    texts = {
        folder / f"{each.unit.name}.yaml": unit_text(
            each.unit, chosen.environment, folder=folder, comments=each.comments
        )
        for each in drafted.drafts
    }
    if print_only:
        _print(texts)
        return Exit.FINE
    _write(texts, force=force)
    return _report(chosen, specs, drafted, list(texts))


def _task_ids(file: Path) -> dict[str, str]:
    """The Airflow task by the connection id that its variable holds."""
    try:
        variables = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReconcilerError(f"{file}: cannot be read as JSON: {error}") from None
    if not isinstance(variables, dict):
        raise ReconcilerError(f"{file}: expected an object of variables, as `airflow variables export` writes it")
    return {
        value: name.removesuffix(_VARIABLE)
        for name, value in variables.items()
        if isinstance(value, str) and name.endswith(_VARIABLE) and name.removesuffix(_VARIABLE).isidentifier()
    }


def _print(texts: dict[Path, str]) -> None:
    """One file as it is; several as the documents of one stream, each under its name."""
    if len(texts) == 1:
        click.echo(next(iter(texts.values())), nl=False)
        return
    for file, text in texts.items():
        click.echo(f"---\n# {file.name}\n{text}", nl=False)


def _write(texts: dict[Path, str], *, force: bool) -> None:
    """All files or none, each at once: nobody ever reads half of one."""
    there = sorted(_shown(file) for file in texts if file.exists() or file.is_symlink())
    if there and not force:
        raise ReconcilerError(
            f"not written, since there is a file already: {', '.join(there)}. Write over with --force"
        )
    for file, text in texts.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(f".{file.name}.{os.getpid()}")
            partial.write_text(text, encoding="utf-8")
            partial.replace(file)
        except OSError as error:
            raise ReconcilerError(f"{_shown(file)}: cannot be written: {error.strerror}") from None


def _shown(file: Path) -> str:
    """A path as messages show it: from here where it is below."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else file)


def _report(chosen: Chosen, specs: Path, drafted: Drafted, files: Sequence[Path]) -> int:
    """Say what was written and what is to fill in; then what `reconciler validate` has to say of it."""
    for file, each in zip(files, drafted.drafts, strict=True):
        click.echo(f"{_shown(file)}: {each.to_fill_in} to fill in" if each.to_fill_in else _shown(file))
    name = chosen.environment.name
    check = commands.reconciler("validate", environment=name)
    click.echo(f"{name}: {len(files)} written. Look for `fill in:`, then run {check}", err=True)
    if not files or files[0].parent.resolve() != (specs / name).resolve():
        return Exit.FINE
    written = {file.resolve() for file in files}
    problems = [each for each in load(specs, Path.cwd()).problems if Path(each.file).resolve() in written]
    for problem in problems:
        click.echo(str(problem), err=True)
    return Exit.FINDINGS if problems else Exit.FINE
