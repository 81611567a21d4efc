"""`reconciler import`: write files for live connections and datasets that no file declares."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.environments import SelectedEnvironment, live_group, select_environment
from reconciler.cli.import_drafts import Drafts, draft_files
from reconciler.cli.import_selection import select_connections
from reconciler.cli.options import environment_option, specs_option
from reconciler.cli.output import print_lines, print_note, print_text
from reconciler.cli.write_files import write_file
from reconciler.config import load
from reconciler.config.build.to_yaml import unit_text
from reconciler.lifecycle.airflow import variable_name
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError

_VARIABLE_SUFFIX = variable_name("")


@click.command("import")
@specs_option
@environment_option
@click.option("--all", "everything", is_flag=True, help="Import every connection of the group that no file declares.")
@click.option(
    "--datasets",
    "dataset_patterns",
    multiple=True,
    metavar="PATTERN",
    help="Import datasets without a connector, by name, or by a pattern with * for any text; repeatable.",
)
@click.option(
    "--airflow-variables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The output of `airflow variables export`, to find the Airflow tasks of connections.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write to.  [default: the environment's]",
)
@click.option("--stdout", "print_only", is_flag=True, help="Print the files instead of writing them.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
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
    """Write files for connections of the environment's group, and for datasets of its project.

    Select connections by Fivetran's name (`stripe`, `google_sheets.budget`), by id, or by a pattern with * for any
    text. Each file declares the connection and its dataset with their live settings, so that `pulumi up` then changes
    nothing in Fivetran. A dataset that several connections write gets a file of its own.

    Where only a person knows a value, the file has a valid one that changes nothing, under a comment that begins with
    `fill in:`. That applies to descriptions, and to credentials, which Fivetran keeps until the file names a secret.
    No file is overwritten without --force.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough. Datasets need Google's
    application-default credentials; without them, their settings and access are left out, with a notice.

    Exit codes: 0 done; 1 the files have problems, before or after the import; 2 wrong usage; 3 Fivetran or Google
    failed.
    """
    if everything == bool(patterns) and not (dataset_patterns and not everything):
        raise click.UsageError("name what to import: connections, --all or --datasets PATTERN")
    if print_only and output is not None:
        raise click.UsageError("choose either --stdout or --output")
    selected = select_environment(specs, environment)
    task_ids = _read_task_ids(airflow_variables) if airflow_variables is not None else {}
    with live_group(selected.environment) as live:
        connections = select_connections(
            selected, live.connections, patterns, everything=everything, again=force or print_only
        )
        drafts = draft_files(selected, live, connections, dataset_patterns, task_ids)
    for notice in drafts.notices:
        print_note(f"notice: {notice}")
    if not drafts.drafts:
        print_note(f"{selected.environment.name}: nothing to import: files declare or ignore everything")
        return Exit.FINE
    folder = output or specs / selected.environment.name
    texts = {
        folder / f"{each.unit.name}.yaml": unit_text(
            each.unit, selected.environment, folder=folder, comments=each.comments
        )
        for each in drafts.drafts
    }
    if print_only:
        _print_files(texts)
        return Exit.FINE
    _write_files(texts, force=force)
    _print_summary(selected, drafts, list(texts))
    in_specs = folder.resolve() == (specs / selected.environment.name).resolve()
    return _validate(specs, texts) if in_specs else Exit.FINE


def _read_task_ids(file: Path) -> dict[str, str]:
    """Return Airflow tasks by the connection id that their variable holds."""
    try:
        variables = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReconcilerError(f"{file}: cannot be read as JSON: {error}") from None
    if not isinstance(variables, dict):
        raise ReconcilerError(f"{file}: expected an object of variables, as `airflow variables export` writes it")
    return {
        value: name.removesuffix(_VARIABLE_SUFFIX)
        for name, value in variables.items()
        if isinstance(value, str)
        and name.endswith(_VARIABLE_SUFFIX)
        and name.removesuffix(_VARIABLE_SUFFIX).isidentifier()
    }


def _print_files(texts: dict[Path, str]) -> None:
    """Print one file as it is, several as the documents of one stream, each under its name."""
    if len(texts) == 1:
        print_text(next(iter(texts.values())), newline=False)
        return
    for file, text in texts.items():
        print_text(f"---\n# {file.name}\n{text}", newline=False)


def _write_files(texts: dict[Path, str], *, force: bool) -> None:
    """Write all files, or none if one exists already."""
    existing = sorted(_relative(file) for file in texts if file.exists() or file.is_symlink())
    if existing and not force:
        raise ReconcilerError(f"these files exist already: {', '.join(existing)}. Overwrite them with --force")
    for file, text in texts.items():
        write_file(file, text)


def _relative(file: Path) -> str:
    """Return a path as messages show it: relative to the working directory if it is below that."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else file)


def _print_summary(selected: SelectedEnvironment, drafts: Drafts, files: Sequence[Path]) -> None:
    """Print each written file with the number of values to fill in."""
    print_lines(
        f"{_relative(file)}: {each.to_fill_in} to fill in" if each.to_fill_in else _relative(file)
        for file, each in zip(files, drafts.drafts, strict=True)
    )
    name = selected.environment.name
    check = commands.reconciler("validate", environment=name)
    print_note(f"{name}: {len(files)} written. Look for `fill in:`, then run {check}")


def _validate(specs: Path, texts: dict[Path, str]) -> int:
    """Print the problems that `reconciler validate` finds in the written files."""
    written = {file.resolve() for file in texts}
    loaded = load(specs, Path.cwd())
    problems = [each for each in loaded.problems if (loaded.places.root / each.file).resolve() in written]
    for problem in problems:
        print_note(str(problem))
    return Exit.FINDINGS if problems else Exit.FINE
