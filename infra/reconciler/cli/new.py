"""`reconciler new`: write the file of a new connector."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.edit_files import Finish, apply_changes, choose_environment, finish_options, new_file, print_steps
from reconciler.cli.options import environment_option, specs_option, today_option
from reconciler.config import load
from reconciler.edits import new as drafts
from reconciler.edits.scheduling import scheduling_snippet
from reconciler.edits.secret_names import secret_prefix
from reconciler.fivetran import catalog
from reconciler.model import commands


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
    service: str,
) -> int:
    """Write the file of a new connector of Fivetran's SERVICE, such as postgres.

    The file has what the service usually needs, references to secrets by the environment's names, and what the
    environment's policy requires. Replace each `fill-in`; `reconciler validate` lists those that are left.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    found = catalog.find(service)
    if found is None:
        near = get_close_matches(service, catalog.known(), n=3)
        instead = f" Did you mean {' or '.join(near)}?" if near else ""
        listed = commands.reconciler("services")
        raise click.UsageError(f"no service {service!r} in the catalogue.{instead} {listed} lists them")
    loaded = load(specs, Path.cwd(), day)
    fleet = loaded.fleet(choose_environment(loaded, environment))
    fleets = [fleet, *(each for each in loaded.fleets.values() if each is not fleet)]
    wanted = drafts.Wanted(name or service, owners, description, task_id, sensitive)
    unit = drafts.draft(found, wanted, fleet.environment, secret_prefix(fleets), day)
    change = new_file(specs, fleet.environment, wanted.name, unit.text.encode())
    code = apply_changes([change], specs, day, finish, meaning=f"Add {wanted.name} ({service})")
    if code == Exit.FINE:
        steps = [*drafts.secret_commands(unit.secrets, fleet.environment)]
        steps += [commands.reconciler("validate", environment=fleet.environment.name)]
        if unit.needs_consent:
            steps += [commands.reconciler("authorise", wanted.name, environment=fleet.environment.name)]
        print_steps(steps, scheduling_snippet(task_id) if task_id is not None else None)
    return code
