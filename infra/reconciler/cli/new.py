"""`reconciler new`: write the file of a new connector."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.edit_files import (
    FileChange,
    Finish,
    apply_changes,
    choose_environment,
    finish_options,
    new_file,
    print_steps,
)
from reconciler.cli.options import environment_option, specs_option, today_option
from reconciler.config import load
from reconciler.config.build.to_yaml import fit_schema_comment
from reconciler.edits import new as drafts
from reconciler.edits.new import secret_prefix
from reconciler.etl.metadata import scheduling_snippet
from reconciler.fivetran import catalog
from reconciler.git.repository import Repository
from reconciler.model import Environment, commands
from reconciler.model.errors import ReconcilerError


@click.command()
@specs_option
@today_option
@environment_option
@finish_options
@click.option("--name", metavar="NAME", help="The unit, its file and its dataset.  [default: the service]")
@click.option("--owner", "owners", multiple=True, metavar="EMAIL", help="An owner of the unit; repeatable.")
@click.option("--description", metavar="TEXT", help="What the data is and who uses it.")
@click.option("--task-id", metavar="TASK", help="The Airflow task that starts the syncs.  [default: Fivetran does]")
@click.option("--sensitive", is_flag=True, help="Give no access by default.")
@click.option(
    "--package",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="ZIP",
    help="The code of a connector_sdk, as `fivetran package` wrote it.  [default: NAME/code.zip beside the file]",
)
@click.argument("service")
def new(
    specs: Path,
    day: date,
    environment: str | None,
    finish: Finish,
    *,
    name: str | None,
    owners: tuple[str, ...],
    description: str | None,
    task_id: str | None,
    sensitive: bool,
    package: Path | None,
    service: str,
) -> int:
    """Write the file of a new connector of Fivetran's SERVICE, such as postgres.

    The file has what the service usually needs, references to secrets by the environment's names, and what the
    environment's policy requires. Replace each `fill-in`; `reconciler validate` lists those that are left. With
    -e ENVIRONMENT.FOLDER, the file is in the subfolder of that stack.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    found = catalog.find(service)
    if found is None:
        near = get_close_matches(service, catalog.known(), n=3)
        instead = f" Did you mean {' or '.join(near)}?" if near else ""
        listed, pull = commands.reconciler("services list"), commands.reconciler("services pull", service)
        raise click.UsageError(
            f"no service {service!r} in the catalogue.{instead} {listed} lists them\n"
            f"    If Fivetran has it, add it with {pull}, and run this command again."
        )
    loaded = load(specs, Path.cwd(), day)
    name_of_environment, _, subfolder = (environment or "").partition(".")
    fleet = loaded.fleet(choose_environment(loaded, name_of_environment or None))
    if subfolder:
        loaded.stack(f"{fleet.environment.name}.{subfolder}")  # raises if the environment has no such stack
    fleets = [fleet, *(each for each in loaded.fleets.values() if each is not fleet)]
    wanted = drafts.NewUnitRequest(name or service, owners, description, task_id, sensitive)
    if package is not None and service != drafts.PACKAGE:
        raise click.BadParameter(f"only {drafts.PACKAGE} runs code of a ZIP file", param_hint="--package")
    code_file = None
    if service == drafts.PACKAGE:
        code_file = _code(specs, fleet.environment, wanted.name, package, in_pull_request=finish.as_pull_request)
        wanted = replace(wanted, package=code_file[0])
    unit = drafts.draft(found, wanted, fleet.environment, secret_prefix(fleets), day)
    root = specs / fleet.environment.name
    raw = fit_schema_comment(unit.text.encode(), root, root / subfolder)
    changes = [new_file(specs, fleet.environment, wanted.name, raw, subfolder)]
    changes += [code_file[1]] if code_file and code_file[1] else []
    code = apply_changes(changes, specs, day, finish, meaning=f"Add {wanted.name} ({service})")
    if code == Exit.FINE:
        steps = [*drafts.secret_commands(unit.secrets, fleet.environment)]
        if not finish.as_pull_request:  # otherwise the work tree does not have the file
            steps += [commands.reconciler("validate", environment=fleet.environment.name)]
        if unit.needs_consent:
            steps += [commands.reconciler("authorise", wanted.name, environment=fleet.environment.name)]
        print_steps(steps, scheduling_snippet(task_id) if task_id is not None else None)
    return code


def _code(
    specs: Path, environment: Environment, name: str, package: Path | None, *, in_pull_request: bool
) -> tuple[str, FileChange | None]:
    """Return where a connector's code is below the environment's folder, and the change that copies it.

    Raises ReconcilerError if there is no such file yet.
    """
    folder = specs / environment.name
    beside = f"{name}/code.zip"
    file = package or folder / beside
    shown = (Path(environment.file).parent / beside).as_posix() if package is None else str(package)
    if not file.is_file():
        raise ReconcilerError(
            f"{shown}: no such file, and {drafts.PACKAGE} runs the code that is in it\n"
            "    Run `fivetran package` in the folder of the code, and name the ZIP file that it writes with --package."
        )
    if file.resolve().is_relative_to(folder.resolve()):
        if in_pull_request and Repository(file.parent).state_of(file.name) in ("untracked", "changed"):
            raise ReconcilerError(
                f"{shown}: not committed, so that the pull request would lack it\n"
                f"    Leave out --pull-request. Then run {commands.reconciler('propose')}, which commits both files."
            )
        return file.resolve().relative_to(folder.resolve()).as_posix(), None
    target = folder / beside
    if target.exists() and target.read_bytes() != file.read_bytes():
        there = (Path(environment.file).parent / beside).as_posix()
        raise ReconcilerError(f"{there}: another file is there\n    Move it away, or name it with --package.")
    shown = (Path(environment.file).parent / beside).as_posix()
    return beside, None if target.exists() else FileChange(target, shown, None, file.read_bytes())
