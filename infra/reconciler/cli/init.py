"""`reconciler init`: write the files of a new environment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import cast

import click

from reconciler.cli import Exit
from reconciler.cli.edit_files import FileChange, Finish, apply_changes, finish_options, is_terminal
from reconciler.cli.environments import fivetran_client
from reconciler.cli.init_facts import FactReader
from reconciler.cli.options import new_specs_option, today_option
from reconciler.cli.output import REPORTERS, print_note
from reconciler.config import load
from reconciler.config.build.to_yaml import schema_line
from reconciler.config.folder import ENVIRONMENT_FILE, UNIT_NAME
from reconciler.edits.environment import (
    STACK_FILE,
    Facts,
    Purpose,
    add_code_owners,
    environment_text,
    missing_automation,
    people_left_out,
)
from reconciler.fivetran.api import Group
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError, printable

#: Where GitHub looks for the file, in this order.
_CODE_OWNERS = (Path(".github") / "CODEOWNERS", Path("CODEOWNERS"), Path("docs") / "CODEOWNERS")
_CODE_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9._-]+)?|[^\s@]+@[^\s@]+\.[^\s@]+")
#: Where Fivetran processes data, by the beginning of BigQuery's location: without a rule of its own, in the US.
_REGIONS = {
    "EU": "GCP_EUROPE_WEST3",
    "EUROPE": "GCP_EUROPE_WEST3",
    "EUROPE-WEST2": "GCP_EUROPE_WEST2",
    "ASIA": "GCP_ASIA_SOUTHEAST1",
    "ASIA-NORTHEAST1": "GCP_ASIA_NORTHEAST1",
    "ASIA-SOUTH1": "GCP_ASIA_SOUTH1",
    "AUSTRALIA": "GCP_AUSTRALIA_SOUTHEAST1",
    "NORTHAMERICA": "GCP_NORTHAMERICA_NORTHEAST1",
}
_REGION = "GCP_US_EAST4"


@click.command()
@new_specs_option
@today_option
@finish_options
@click.option(
    "--group",
    "group_name",
    metavar="NAME",
    help="The Fivetran group.  [default: the only one; with several, the command asks]",
)
@click.option("--project", metavar="ID", help="The GCP project.  [default: that of the group's destination]")
@click.option(
    "--location", metavar="LOCATION", help="BigQuery's location.  [default: that of the destination or the datasets]"
)
@click.option(
    "--purpose",
    type=click.Choice(("trial", "production")),
    help="The policy of the environment. In a trial each unit expires; in production none does.",
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

    Reads from Fivetran the group, its destination and the roles in it, and from Google the members with a role on the
    project or on every dataset. Asks for what neither of them has. At the end it runs `reconciler doctor`.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough. To read access it needs Google's
    application-default credentials, with `roles/browser` and `roles/bigquery.metadataViewer`. It leaves out what it may
    not read, and says so.

    Exit codes: 0 done, or shown only; 1 the files would have problems, or doctor has findings; 2 wrong usage;
    3 Fivetran or Google failed.
    """
    if not UNIT_NAME.fullmatch(environment):
        raise click.UsageError(
            f"{environment!r} cannot be an environment's name: use lower-case letters, digits, _ and -"
        )
    for each in code_owners:
        _require_code_owner(each)
    folder = specs / environment
    file = folder / ENVIRONMENT_FILE
    if file.exists() or file.is_symlink():
        raise ReconcilerError(
            f"{file.as_posix()}: the file exists already\n    Name another environment, or edit that file."
        )
    with fivetran_client() as client:
        reading = FactReader(client)
        groups = reading.groups()
        free = _free_names(groups, specs, day)
        answers = _ask_all(
            _Question("purpose", "Is the environment for trial or for production", purpose, ("trial", "production")),
            _Question("group", "Which Fivetran group", group_name or _only(free), free),
        )
        chosen = cast(Purpose, answers["purpose"])
        group = _find_group(groups, answers["group"])
        facts = _facts(reading, group, answers["group"], project, location)
    code_owners = code_owners or _ask_code_owners()
    own_schema = (specs.parent / "schemas" / "environment.schema.json").is_file()
    schema = schema_line(None if own_schema else folder).replace("unit.schema", "environment.schema")
    text = environment_text(facts, chosen, schema)
    changes = [FileChange(file, file.as_posix(), None, text.encode())]
    changes += [*_stack_file(environment), *_code_owners(specs, environment, code_owners)]
    notes = [] if group is not None else [_describe_new_group(facts.group, free)]
    notes += [*reading.notes, *facts.project_readers, *people_left_out(facts, chosen), *missing_automation(facts)]
    code = apply_changes(changes, specs, day, finish, meaning=f"Add the environment {environment}", notes=notes)
    if code != Exit.FINE or not file.exists():
        return code
    print_note(
        f"next: {commands.shell('pulumi', 'stack', 'init', environment)}, after you have corrected what doctor finds:"
    )
    from reconciler.cli.doctor import doctor  # noqa: PLC0415 (slow to import)

    options = {"ci": False, "as_preview": False, "apply_identity": None, "reporter": REPORTERS["text"]}
    return int(click.get_current_context().invoke(doctor, specs=specs, environment=environment, **options))


@dataclass(frozen=True)
class _Question:
    """What a user is asked, unless it is known already."""

    option: str
    text: str
    known: str | None
    choices: tuple[str, ...] = ()

    def as_option(self) -> str:
        """Format the question for a user who answers by an option."""
        known = f": {', '.join(self.choices)}" if self.choices else ""
        return f"{self.text.lower()}? Name it with --{self.option}{known}"


def _ask_all(*questions: _Question) -> dict[str, str]:
    """Ask on a terminal. Raises click.UsageError without one, with the options of all questions."""
    missing = [each for each in questions if not each.known]
    if missing and not is_terminal():
        raise click.UsageError("\n    ".join(each.as_option() for each in missing))
    return {each.option: each.known or _ask(each) for each in questions}


def _ask(question: _Question) -> str:
    kind = click.Choice(question.choices) if question.choices else str
    end = ": " if question.choices else " "
    return str(click.prompt(f"{question.text}?", type=kind, err=True, prompt_suffix=end)).strip()


def _ask_code_owners() -> tuple[str, ...]:
    """Ask who reviews the units, which no API has; on a terminal only."""
    if not is_terminal():
        print_note("notice: no line was added to CODEOWNERS: name the reviewers of the units with --code-owner")
        return ()
    text = "Who reviews its units, as @org/team? Separate several by spaces; Enter leaves it out"

    def parse(answer: str) -> tuple[str, ...]:
        for each in answer.split():
            _require_code_owner(each)
        return tuple(answer.split())

    # Asks again for what is not a code owner.
    owners: tuple[str, ...] = click.prompt(text, default="", show_default=False, err=True, value_proc=parse)
    return owners


def _require_code_owner(text: str) -> None:
    if not _CODE_OWNER.fullmatch(text):
        raise click.UsageError(f"{printable(text)} is not a code owner: write @org/team, @user, or an e-mail address")


def _free_names(groups: Sequence[Group], specs: Path, day: date) -> tuple[str, ...]:
    """Return the names of the groups that no other environment has."""
    taken = {fleet.environment.group for fleet in load(specs, Path.cwd(), day).fleets.values()}
    names = dict.fromkeys(each.name for each in groups)
    return tuple(name for name in names if name not in taken and printable(name) == name)


def _describe_new_group(name: str, free: Sequence[str]) -> str:
    near = get_close_matches(name, free, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"Fivetran has no group {printable(name)}: the first run creates it{meant}"


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _find_group(groups: Sequence[Group], name: str) -> Group | None:
    """Return the group of a name; None for one that a run creates. Raises ReconcilerError for several."""
    found = [each for each in groups if each.name == name]
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise ReconcilerError(
            f"Fivetran has several groups named {printable(name)}: {ids}\n"
            "    Rename all but one in Fivetran: files name a group by its name."
        )
    return found[0] if found else None


def _facts(reading: FactReader, group: Group | None, name: str, project: str | None, location: str | None) -> Facts:
    live = reading.destination(group) if group is not None else None
    if live is not None and live.service != "big_query":
        raise ReconcilerError(
            f"the destination of {printable(name)} is {printable(live.service)}, and not BigQuery\n"
            "    Name another group with --group."
        )
    config = live.config if live is not None else {}
    known = project or _text(config, "project_id")
    place = location or _text(config, "data_set_location")
    asked = [_Question("project", "Which GCP project", known)]
    if known is None:
        # The datasets of a project have the location, if there are any.
        asked += [] if is_terminal() else [_Question("location", "Which BigQuery location", place)]
    project = _ask_all(*asked)["project"]
    account = reading.service_account(group) if group is not None else None
    found = reading.project(project, [account] if account is not None else [])
    place = place or found.location
    place = _ask_all(_Question("location", "Which BigQuery location", place))["location"]
    members = reading.members(group) if group is not None else None
    return Facts(
        group=name,
        gcp_project=project,
        location=place,
        region=(live.region if live is not None else None) or _region_near(place),
        time_zone_offset=(live.time_zone_offset if live is not None else None) or "0",
        settings=live.settings if live is not None else {},
        has_destination=live is not None,
        shared_access=found.dataset_access,
        project_access=found.project_access,
        project_readers=found.readers,
        members=members.by_role if members is not None else {},
        own_user=members.own if members is not None else None,
    )


def _region_near(location: str) -> str:
    """Return the region of Fivetran's that is on the same continent as a location."""
    place = location.upper()
    return _REGIONS.get(place) or _REGIONS.get(place.partition("-")[0]) or _REGION


def _text(config: object, key: str) -> str | None:
    value = config.get(key) if isinstance(config, dict) else None
    return value if isinstance(value, str) and value else None


def _stack_file(environment: str) -> list[FileChange]:
    """Return Pulumi's file of the stack, where the folder is a Pulumi project that has none yet."""
    stack = Path(f"Pulumi.{environment}.yaml")
    if not Path("Pulumi.yaml").is_file():
        return []
    if stack.exists():
        print_note(f"notice: {stack} exists already, and stays as it is")
        return []
    return [FileChange(stack, str(stack), None, STACK_FILE.encode())]


def _code_owners(specs: Path, environment: str, owners: Sequence[str]) -> list[FileChange]:
    """Return the change of CODEOWNERS, which is created if there is none."""
    if not owners:
        return []
    file = next((each for each in _CODE_OWNERS if each.is_file()), _CODE_OWNERS[0])
    folder = specs.resolve()
    root = Path.cwd().resolve()
    if not folder.is_relative_to(root):
        print_note(f"notice: {specs} is outside this folder: add its code owners by hand")
        return []
    before = file.read_bytes() if file.is_file() else None
    text = add_code_owners(
        (before or b"").decode("utf-8", "surrogateescape"), environment, owners, folder.relative_to(root).as_posix()
    )
    after = text.encode("utf-8", "surrogateescape")
    if after == before:
        line = f"/{folder.relative_to(root).as_posix()}/{environment}/"
        print_note(f"notice: {file} has a line for {line} already, and stays as it is: check who is named there")
    return [FileChange(file, file.as_posix(), before, after)]
