"""`reconciler grant`: grant a member access to a dataset for a time."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import click

from reconciler.cli.edit_files import Finish, edit_options, edit_unit, read_unit
from reconciler.cli.options import until_option
from reconciler.config.schema.schemas import accepts
from reconciler.edits import access
from reconciler.google.bigquery.access import is_person, to_place
from reconciler.model import Environment, Grant
from reconciler.model.errors import ReconcilerError

VIEWER = "roles/bigquery.dataViewer"


@click.command()
@edit_options
@click.option("--ticket", metavar="TICKET", help="The ticket that requests this access.")
@until_option("How long, in days from today: 14d.", "The last day, in UTC, in place of --for.")
@click.option("--role", default=VIEWER, show_default=True, metavar="ROLE", help="The role on the dataset.")
@click.option("--dataset", "key", metavar="KEY", help="The dataset, if the file has several: its key in `datasets`.")
@click.argument("name")
@click.argument("member")
def grant(
    specs: Path,
    day: date,
    environment: str | None,
    finish: Finish,
    *,
    ticket: str | None,
    days: timedelta | None,
    until: date | None,
    role: str,
    key: str | None,
    name: str,
    member: str,
) -> int:
    """Grant MEMBER a role on the dataset of the unit NAME, for a time.

    A member is written as in files: user:, group: or serviceAccount: with an e-mail address, or workgroup:. If a
    grant gives it the role for a shorter time, that grant gets the later day.

    Exit codes: 0 done, or shown only; 1 the files would have problems; 2 wrong usage or not possible.
    """
    if days is not None and until is not None:
        raise click.UsageError("choose either --for or --until")
    if not accepts("unit", ("$defs", "member"), member):
        raise click.UsageError(
            f"{member!r} is not a member: write user:, group: or serviceAccount: with an e-mail address, "
            "or workgroup:NAME"
        )
    unit = read_unit(specs, environment, name, day)
    last = until if until is not None or days is None else day + days
    _require_policy(unit.environment, member, ticket, last, day)
    path = access.find_dataset(unit.source, unit.name, key)
    wanted = Grant(role, (member,), ticket=ticket, until=last)
    edited = access.grant(unit.source, unit.environment, unit.name, path, wanted)
    return edit_unit(unit, specs, day, edited, finish)


def _require_policy(environment: Environment, member: str, ticket: str | None, until: date | None, today: date) -> None:
    """Check what the policy requires of a grant for a person or a group, and name missing options."""
    policy = environment.policy.people
    at = to_place(member, environment.workgroups)
    standing = {to_place(each, environment.workgroups) for each in policy.standing}
    if until is not None and until < today:
        raise click.UsageError(f"{until} has passed")
    if at is None or not is_person(at) or at in standing:
        return
    missing = []
    if "ticket" in policy.need and ticket is None:
        missing.append("--ticket TICKET")
    if "until" in policy.need and until is None:
        longest = f"{policy.longest.days}d" if policy.longest is not None else "14d"
        missing.append(f"--for {longest}")
    if missing:
        raise click.UsageError(f"{environment.name} requires more for a grant to {member}: add {' and '.join(missing)}")
    if policy.longest is not None and until is not None and until - today > policy.longest:
        raise ReconcilerError(
            f"{until} is more than {policy.longest.days}d from today, the longest in {environment.file}\n"
            f"    Grant it with `--for {policy.longest.days}d`, until {today + policy.longest}."
        )
