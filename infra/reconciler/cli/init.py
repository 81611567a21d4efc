"""`reconciler init`: write the files of a new environment."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import cast

import click

from reconciler.cli import Exit
from reconciler.cli.edit_files import FileChange, Finish, apply_changes, finish_options, is_terminal
from reconciler.cli.environments import fivetran_client
from reconciler.cli.options import specs_option, today_option
from reconciler.cli.output import REPORTERS, print_note
from reconciler.config.build.to_yaml import schema_line
from reconciler.config.folder import ENVIRONMENT_FILE, UNIT_NAME
from reconciler.edits.environment import (
    STACK_FILE,
    Facts,
    Purpose,
    add_code_owners,
    environment_text,
    shared_access,
)
from reconciler.fivetran.api import FivetranClient, Group, NotFound
from reconciler.google.bigquery.api import Datasets
from reconciler.model.errors import ReconcilerError, RemoteError

_CODE_OWNERS = Path(".github") / "CODEOWNERS"
_REGION = "GCP_US_EAST4"


@click.command()
@specs_option
@today_option
@finish_options
@click.option("--group", "group_name", metavar="NAME", help="The Fivetran group.  [default: the only one, or it asks]")
@click.option("--project", metavar="ID", help="The GCP project.  [default: that of the group's destination]")
@click.option("--location", metavar="LOCATION", help="BigQuery's location.  [default: that of the group's destination]")
@click.option(
    "--purpose",
    type=click.Choice(("trial", "production")),
    help="The policy of the environment: in a trial each unit expires, in production none does.",
)
@click.option(
    "--code-owner", "code_owners", multiple=True, metavar="@ORG/TEAM", help="Who reviews its units; repeatable."
)
@click.argument("environment")
def init(
    specs: Path,
    day: date,
    finish: Finish,
    *,
    group_name: str | None,
    project: str | None,
    location: str | None,
    purpose: str | None,
    code_owners: tuple[str, ...],
    environment: str,
) -> int:
    """Write the files of a new environment: environment.yaml, Pulumi's stack file and lines of CODEOWNERS.

    Reads Fivetran's groups and the destination, and who has access to every dataset today. Asks for what is missing
    there. At the end it runs `reconciler doctor`.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough. To read access it needs Google's
    application-default credentials; without them it leaves access out, and says so.

    Exit codes: 0 done, or shown only; 1 the files would have problems, or doctor has findings; 2 wrong usage;
    3 Fivetran or Google failed.
    """
    if not UNIT_NAME.fullmatch(environment):
        raise click.UsageError(
            f"{environment!r} cannot be an environment's name: use lower-case letters, digits, _ and -"
        )
    folder = specs / environment
    file = folder / ENVIRONMENT_FILE
    if file.exists() or file.is_symlink():
        raise ReconcilerError(
            f"{file.as_posix()}: the file exists already\n    Name another environment, or edit that file."
        )
    chosen = purpose or _ask("Is it for trial or production", "--purpose", ("trial", "production"))
    with fivetran_client() as client:
        facts = _facts(client, group_name, project, location)
    schema = schema_line(folder).replace("unit.schema", "environment.schema")
    text = environment_text(facts, cast(Purpose, chosen), schema)
    changes = [FileChange(file, file.as_posix(), None, text.encode())]
    stack = Path(f"Pulumi.{environment}.yaml")
    if Path("Pulumi.yaml").is_file() and not stack.exists():
        changes.append(FileChange(stack, str(stack), None, STACK_FILE.encode()))
    if code_owners and _CODE_OWNERS.is_file():
        before = _CODE_OWNERS.read_bytes()
        after = add_code_owners(before.decode("utf-8"), environment, code_owners).encode()
        changes.append(FileChange(_CODE_OWNERS, _CODE_OWNERS.as_posix(), before, after))
    code = apply_changes(changes, specs, day, finish, meaning=f"Add the environment {environment}")
    if code != Exit.FINE or not file.exists():
        return code
    from reconciler.cli.doctor import doctor  # noqa: PLC0415 (slow to import)

    options = {"ci": False, "as_preview": False, "apply_identity": None, "reporter": REPORTERS["text"]}
    return int(click.get_current_context().invoke(doctor, specs=specs, environment=environment, **options))


def _facts(client: FivetranClient, group_name: str | None, project: str | None, location: str | None) -> Facts:
    groups = list(client.list_groups())
    if group_name is None and len(groups) == 1:
        group_name = groups[0].name
    group_name = group_name or _ask("Which Fivetran group", "--group", tuple(each.name for each in groups))
    group = next((each for each in groups if each.name == group_name), None)
    try:
        live = client.get_destination(group.id) if group is not None else None
    except NotFound:
        live = None
    if live is not None and live.service != "big_query":
        raise click.UsageError(f"{group_name} has a destination of {live.service}: name another --group")
    config = live.config if live is not None else {}
    project = project or str(config.get("project_id") or "") or _ask("Which GCP project", "--project")
    location = location or str(config.get("data_set_location") or "") or _ask("Which BigQuery location", "--location")
    access = _shared_access(client, group, project)
    return Facts(
        group_name,
        project,
        location,
        (live.region if live is not None else None) or _REGION,
        (live.time_zone_offset if live is not None else None) or "0",
        live.settings if live is not None else {},
        access,
    )


def _shared_access(client: FivetranClient, group: Group | None, project: str) -> dict[str, tuple[str, ...]]:
    """Return who has a role on every dataset of the project; none if Google gives no answer."""
    own = [client.group_service_account(group.id)] if group is not None else []
    try:
        with Datasets(project) as datasets:
            listed = [each.id for each in datasets.all()]
            found = [each for each in datasets.get_all(listed, lambda: None).values() if each is not None]
    except RemoteError as error:
        print_note(f"notice: cannot read who has access to datasets, and leaves it out: {error}")
        return {}
    return dict(shared_access([each.access for each in found], own)) if found else {}


def _ask(question: str, option: str, choices: tuple[str, ...] = ()) -> str:
    """Ask on a terminal. Raises click.UsageError without one."""
    if not is_terminal():
        known = f": {', '.join(choices)}" if choices else ""
        raise click.UsageError(f"{question.lower()}? Name it with {option}{known}")
    kind = click.Choice(choices) if choices else str
    return str(click.prompt(f"{question}?", type=kind, err=True))
