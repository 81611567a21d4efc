"""`reconciler airflow-variables`: print the variables with connection ids, or write them to Airflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

import click
from click.core import ParameterSource

from reconciler.airflow.credentials import AirflowCredentials
from reconciler.airflow.push import Push, Wanted
from reconciler.airflow.rest import AirflowVariables
from reconciler.cli import Exit
from reconciler.cli.airflow_push import AIRFLOW, Variables, push_variables, secret_manager
from reconciler.cli.environments import live_group, select_fleets
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import Reporter, print_json, print_note
from reconciler.cli.progress import progress
from reconciler.health.last_run import all_outputs, mapping_of
from reconciler.lifecycle.airflow import ObsoleteVariable, find_obsolete_variables, format_deletion, variables
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model import Fleet, commands
from reconciler.model.errors import ReconcilerError

#: The stack outputs that hold the variables, and the names of those to delete.
_OUTPUT, _DELETIONS = "airflow_variables", "airflow_deletions"


#: Options that only go with a target.
_OF_TARGETS = ("prune", "dry_run", "adopt", "audience", "google_access", "reporter")


@click.command("airflow-variables")
@specs_option
@today_option
@environments_option
@click.option(
    "--deletions",
    is_flag=True,
    help="Print the variables to delete instead: a JSON list of names, for `airflow variables delete`.",
)
@click.option(
    "--from-outputs",
    "outputs",
    type=click.File("r", encoding="utf-8", errors="replace"),
    multiple=True,
    metavar="FILE",
    help="The output of `pulumi stack output --json`, to read instead of Fivetran; - for stdin; repeatable.",
)
@click.option("--push", "url", metavar="URL", help="Write the variables to the Airflow at this address.")
@click.option(
    "--secret-manager",
    "project",
    metavar="PROJECT",
    help="Write them as secrets of this project, for Airflow's Secret Manager backend.",
)
@click.option("--prune", is_flag=True, help="Delete variables that are ours and that no file declares any more.")
@click.option("--adopt", is_flag=True, help="Own variables that have the right value and no marker.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@click.option(
    "--google-audience",
    "audience",
    metavar="AUDIENCE",
    help="Send an identity token of Google's for this audience, such as the client of Identity-Aware Proxy.",
)
@click.option(
    "--google-access-token",
    "google_access",
    is_flag=True,
    help="Send an access token of Google's, which Cloud Composer accepts.",
)
@format_option("With --push or --secret-manager: print for people, for programs, or as annotations in GitHub Actions.")
@click.pass_context
def airflow_variables(
    ctx: click.Context,
    *,
    specs: Path,
    day: date,
    environments: tuple[str, ...],
    deletions: bool,
    outputs: tuple[IO[str], ...],
    url: str | None,
    project: str | None,
    prune: bool,
    adopt: bool,
    dry_run: bool,
    audience: str | None,
    google_access: bool,
    reporter: Reporter,
) -> int:
    """Print the Airflow variables that hold connection ids, or write them to Airflow.

    Prints one JSON object for `airflow variables import`. Reads the connections of the files from Fivetran, which needs
    FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough. With --from-outputs it reads the outputs of a
    Pulumi run, and needs no key.

    A connection that its file pauses, or that is expired or retired, has no variable: Airflow would start it again.
    `airflow variables import` never deletes a variable, so the command also prints which to delete, and with
    --deletions only their names. It reads them from the files; --from-outputs also has those of deleted files.

    With --push it writes the variables to Airflow 2 or 3 and prints what differed. It changes only variables that are
    ours: a marker in the description names the environment. Other variables are reported. --prune also deletes ours
    that no file declares any more. Needs AIRFLOW_TOKEN, or AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or Google's
    application-default credentials with --google-audience or --google-access-token.

    With --secret-manager it writes them as secrets `airflow-variables-<key>`, marked by labels.

    Exit codes: 0 done; 1 the files have problems, a connection does not exist yet and its variable is left out, or a
    variable needs attention; 2 wrong usage; 3 Fivetran, Airflow or Google failed.
    """
    if outputs and environments:
        raise click.UsageError("choose either --environment or --from-outputs")
    _check_target_options(ctx, url, project)
    if url is not None:
        store = AirflowVariables(url, AirflowCredentials.from_environment(audience, google_access=google_access))
        push = _read_files(specs, environments, day, connections=True).push(adopt=adopt, prune=prune)
        with store:
            return push_variables(push, store, AIRFLOW, reporter, dry_run=dry_run)
    if project is not None:
        from reconciler.airflow.secret_store import SecretVariables  # noqa: PLC0415 (Google's library is slow)

        push = _read_files(specs, environments, day, connections=True).push(adopt=adopt, prune=prune)
        return push_variables(push, SecretVariables(project), secret_manager(project), reporter, dry_run=dry_run)
    if outputs:
        found = _Found()
        for file in outputs:
            found.add_outputs(_StackOutputs.read(file))
    else:
        found = _read_files(specs, environments, day, connections=not deletions)
    return _print_deletions(found) if deletions else _print_variables(found)


def _print_deletions(found: _Found) -> int:
    print_json(list(_deletion_messages(found)))
    return Exit.FINE


def _print_variables(found: _Found) -> int:
    """Print the variables for Airflow, and what the user has to do beyond them."""
    print_json(dict(sorted(found.ids.items())))
    for message in _deletion_messages(found).values():
        print_note(message)
    for name, environment in sorted(found.missing.items()):
        up = commands.up(environment)
        print_note(f"{name} is left out: Fivetran has no such connection yet, {up} creates it")
    return Exit.FINDINGS if found.missing else Exit.FINE


def _deletion_messages(found: _Found) -> dict[str, str]:
    return {name: message for name, message in sorted(found.deletions.items()) if name not in found.ids}


def _check_target_options(ctx: click.Context, url: str | None, project: str | None) -> None:
    """Reject options that contradict each other, or that go with another one."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    names = {each.name: each.opts[0] for each in ctx.command.params if each.name is not None}
    if url is not None and project is not None:
        raise click.UsageError("choose either --push or --secret-manager")
    if url is None and project is None:
        for name in _OF_TARGETS:
            if name in given:
                raise click.UsageError(f"{names[name]} needs --push or --secret-manager")
        return
    target = "--push" if url is not None else "--secret-manager"
    for name in ("deletions", "outputs"):
        if name in given:
            raise click.UsageError(f"choose either {target} or {names[name]}")
    for name in ("audience", "google_access"):
        if name in given and url is None:
            raise click.UsageError(f"{names[name]} needs --push")
    if {"audience", "google_access"} <= given:
        raise click.UsageError("choose either --google-audience or --google-access-token")


def _read_files(specs: Path, environments: tuple[str, ...], day: date, *, connections: bool) -> _Found:
    """Read the files, and the connections of their units where those are needed."""
    found = _Found()
    for declared in select_fleets(specs, environments, day):
        staged = apply_expiry(declared, day).fleet
        found.add_deletions(declared, staged)
        if connections:
            found.read_connections(staged)
    return found


@dataclass
class _Found:
    """The variables of all environments. One Airflow serves them all, so each variable holds one id."""

    environments: set[str] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """The environments of variables whose connection does not exist."""
    deletions: dict[str, str] = field(default_factory=dict)
    """What to do about the variables to delete."""
    wanted: dict[str, Wanted] = field(default_factory=dict)
    obsolete: dict[str, tuple[str, ObsoleteVariable]] = field(default_factory=dict)
    """The environments of the variables to delete, and their files and reasons."""
    files: dict[str, str] = field(default_factory=dict)

    def push(self, *, adopt: bool, prune: bool) -> Variables:
        """Return what to push."""
        obsolete = {name: each for name, each in self.obsolete.items() if name not in self.wanted}
        files = {name: each.file for name, (_, each) in obsolete.items()} | self.files
        environments = {name: environment for name, (environment, _) in obsolete.items()}
        push = Push(frozenset(self.environments), self.wanted, environments, adopt=adopt, prune=prune)
        return Variables(push, files, {name: each.reason for name, (_, each) in obsolete.items()})

    def add_outputs(self, outputs: _StackOutputs) -> None:
        """Add the variables of a stack."""
        self._add_ids(outputs.variables, outputs.name)
        reason = f"{outputs.name} lists it under `{_DELETIONS}`"
        self.deletions |= {variable: format_deletion(variable, reason) for variable in outputs.deletions}

    def add_deletions(self, declared: Fleet, staged: Fleet) -> None:
        """Add the variables to delete because of what the files declare."""
        for each in find_obsolete_variables(declared, staged):
            self.deletions[each.variable] = f"{each.file}: {each}"
            self.obsolete[each.variable] = (declared.environment.name, each)

    def read_connections(self, fleet: Fleet) -> None:
        """Add the variables of an environment, with the ids that Fivetran has."""
        environment = fleet.environment
        self.environments.add(environment.name)
        with progress(f"Reading connections of {environment.name}"), live_group(environment) as live:
            found = variables(fleet, {unit.name: (unit, live.find_connection(unit)) for unit in fleet.units})
        ids = {name: each.id for name, (_, each) in found.items() if each is not None}
        self._add_ids(ids, environment.file)
        for name, (unit, _) in found.items():
            self.files[name] = unit.file
            self.wanted[name] = Wanted(name, environment.name, ids.get(name))
        self.missing |= {name: environment.name for name in found if name not in ids}

    def _add_ids(self, ids: Mapping[str, str], source: str) -> None:
        for name, connection in ids.items():
            if self.ids.setdefault(name, connection) != connection:
                raise ReconcilerError(f"{source}: {name} is {connection} here but {self.ids[name]} elsewhere")


@dataclass(frozen=True)
class _StackOutputs:
    """What the outputs of a stack hold for Airflow. `name` is the file they were read from."""

    name: str
    variables: Mapping[str, str]
    deletions: Sequence[str]

    @classmethod
    def read(cls, file: IO[str]) -> _StackOutputs:
        name = getattr(file, "name", "<stdin>")
        outputs = all_outputs(file)
        variables = mapping_of(outputs, _OUTPUT, name)
        if not all(isinstance(value, str) for value in variables.values()):
            raise ReconcilerError(f"{name}: the output {_OUTPUT!r} has values that are not ids")
        deletions = outputs.get(_DELETIONS, [])
        if not isinstance(deletions, list) or not all(isinstance(value, str) for value in deletions):
            raise ReconcilerError(f"{name}: the output {_DELETIONS!r} is not a list of names")
        return cls(name, dict(variables), deletions)
