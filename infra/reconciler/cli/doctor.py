"""`reconciler doctor`: check what an environment needs, and who reads sensitive data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from reconciler.cli import Exit, masked_output
from reconciler.cli.doctor_ci import CiChecks
from reconciler.cli.environments import SelectedEnvironment, fivetran_client, select_environment
from reconciler.cli.group_members import list_keys, mask_name, read_masked_access
from reconciler.cli.options import environment_option, format_option, specs_option
from reconciler.cli.output import Entry, Report, Reporter
from reconciler.cli.progress import progress
from reconciler.fivetran import api as fivetran_api
from reconciler.fivetran.api import FivetranClient
from reconciler.google.bigquery.access import policy_member
from reconciler.google.bigquery.api import Datasets
from reconciler.google.iam.policies import Iam
from reconciler.health.checks import Check, Level
from reconciler.health.environment_checks import check_destination, check_fivetran_role, check_group
from reconciler.health.fivetran_access import (
    check_access,
    check_account_administrators,
    check_keys,
    unreadable_access,
)
from reconciler.health.inherited_access import (
    AccessList,
    check_inherited_access,
    inherited_access,
    unreadable_policy,
)
from reconciler.model import Environment, Reference, references
from reconciler.model.commands import count, format_names
from reconciler.model.errors import ReconcilerError, RemoteError, printable
from reconciler.model.today import today
from reconciler.secrets import (
    ADVICE,
    OddValue,
    inspect_value,
    known_value,
    known_values_of_run,
    show_label,
)
from reconciler.secrets.versions import VersionFault

_LEVELS = ("ok", "warning", "failed")

#: How many secret values are read at a time.
_AT_A_TIME = 8


@click.command()
@specs_option
@environment_option
@click.option("--ci", is_flag=True, help="Check instead what continuous integration needs.")
@click.option(
    "--as-preview",
    is_flag=True,
    help="With --ci: the credentials in use are the preview identity's; check that they can only read.",
)
@click.option(
    "--apply-identity",
    metavar="ACCOUNT",
    help="With --ci: the service account that may write the state.  [default: reconciler@ in the gcp_project]",
)
@format_option("Print for people, for programs, or as annotations in GitHub Actions.")
def doctor(
    *, specs: Path, environment: str | None, ci: bool, as_preview: bool, apply_identity: str | None, reporter: Reporter
) -> int:
    """Check what an environment needs, and print a line for each check: ok, warning or failed.

    In Fivetran it checks that the API key works and sees the group, that the destination matches the file and is
    connected, and which system keys expire within 30 days. If `fivetran.access` declares roles, it compares them with
    the group.

    In Google Cloud it checks that the credentials work, that Fivetran's service account has its role on the project,
    and that the secret versions in the files exist. It lists undeclared members who read sensitive datasets through a
    role on the project, its folders or the organisation.

    It reports what these credentials cannot check; only unread secret values do not change the exit code. It changes
    nothing.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET (a read-only key is enough) and Google's application-default
    credentials. Some checks need roles/iam.securityReviewer on the organisation.

    With --ci it checks GitHub and the state. GitHub's environments must be protected, the default branch must change by
    reviewed pull requests only, and CODEOWNERS must cover the files that decide. The bucket of the state must be
    versioned and not public. The command lists who can change the state. Needs GITHUB_TOKEN, GITHUB_REPOSITORY and
    PULUMI_BACKEND_URL, and no Fivetran key.

    Exit codes: 0 every check is ok; 1 the files have problems or there are findings; 2 wrong usage; 3 Fivetran,
    Google or GitHub failed.
    """
    if not ci and (as_preview or apply_identity):
        raise click.UsageError("--as-preview and --apply-identity need --ci")
    selected = select_environment(specs, environment)
    checks: _Checks | CiChecks = _Checks(selected)
    if ci:
        account = apply_identity or f"reconciler@{selected.environment.gcp_project}.iam.gserviceaccount.com"
        checks = CiChecks(selected.environment, account, as_preview)
    with progress("Checking"):
        results = list(checks.results())
    reporter.report(_report(results, selected.environment))
    if any(result.unanswered for result in results):
        return Exit.REMOTE_FAILED
    return Exit.FINE if all(result.level == "ok" for result in results) else Exit.FINDINGS


def _report(results: list[Check], environment: Environment) -> Report:
    counts = {level: sum(result.level == level for result in results) for level in _LEVELS}
    summary = ", ".join(f"{number} {level}" for level, number in counts.items() if number)
    entries = [
        Entry(
            f"{result.check}: {printable(result.text)}",
            result.level,
            (printable(result.to_do),) if result.to_do else (),
        )
        for result in results
    ]
    records = [result.record for result in results]
    return Report(entries, records, [f"{environment.name}: {summary}"], show_levels=True, file=environment.file)


class _Checks:
    """Read what each check needs. Later checks use what earlier ones found."""

    def __init__(self, selected: SelectedEnvironment) -> None:
        self._selected = selected
        self._environment: Environment = selected.environment
        self._account: str | None = None
        #: The access lists of sensitive datasets that can be read; empty for a dataset that does not exist yet.
        self._access_lists: dict[str, AccessList] = {}

    def results(self) -> Iterator[Check]:
        """Run every check. A check that fails stops no other."""
        checks: dict[str, Callable[[], Iterator[Check]]] = {
            "Fivetran": self._check_fivetran,
            "BigQuery": self._check_bigquery,
            "IAM": self._check_iam,
            "secrets": self._check_secrets,
        }
        for name, check in checks.items():
            try:
                yield from check()
            except ReconcilerError as error:
                text = masked_output.format_error(error)
                yield Check(name, "failed", text, unanswered=isinstance(error, RemoteError))

    def _check_fivetran(self) -> Iterator[Check]:
        """Check the API key, the group and its destination."""
        with fivetran_client(self._environment) as client:
            groups = sorted(group.id for group in client.list_groups() if group.name == self._environment.group)
            yield check_group(self._environment, groups)
            if len(groups) == 1:
                self._account = client.group_service_account(groups[0])
                yield from self._check_destination(client, groups[0])
                yield from self._check_access(client, groups[0])
            known = known_values_of_run(ask=False)
            keys = list_keys(client)
            yield from check_keys(keys, {key.id: mask_name(key.name, known) for key in keys}, today())

    def _check_access(self, client: FivetranClient, group_id: str) -> Iterator[Check]:
        """Check who has a role in the group, where the file declares that."""
        if self._environment.fivetran_access is None:
            return
        known = known_values_of_run(ask=False)
        try:
            live = read_masked_access(client, group_id)
        except fivetran_api.Forbidden as error:
            yield unreadable_access(self._environment, error.answer)
            return
        users: list[fivetran_api.User] = []
        with contextlib.suppress(fivetran_api.Forbidden):
            users = list(client.list_users())
            shown = {user.id: mask_name(user.email or user.id, known) for user in users}
            yield check_account_administrators(users, shown)
        roles: list[fivetran_api.Role] = []
        with contextlib.suppress(fivetran_api.Forbidden):
            roles = list(client.list_roles())
        yield from check_access(live, self._environment, today(), client.account_info().user_id, roles, users=users)

    def _check_destination(self, client: FivetranClient, group_id: str) -> Iterator[Check]:
        try:
            live = client.get_destination(group_id)
        except fivetran_api.NotFound:
            live = None
        known = known_values_of_run(ask=False)
        tests = live.setup_tests if live is not None else ()
        failed = [show_label(test.title, known) for test in tests if test.failed]
        yield from check_destination(self._environment, group_id, live, failed)

    def _check_bigquery(self) -> Iterator[Check]:
        """Check Google's credentials, and read the access lists of sensitive datasets."""
        project = self._environment.gcp_project
        with Datasets(project) as datasets:
            number = count(len({each.id for each in datasets.all()}), "dataset")
            yield Check("BigQuery", "ok", f"Google's credentials work and see {number} in {project}")
            # The datasets by the reason why they cannot be read, in which each one's own name is left out.
            denied: dict[str, list[tuple[str, str]]] = {}
            for id_ in self._sensitive_datasets():
                try:
                    found = datasets.get(id_)
                except RemoteError as error:
                    reason = masked_output.format_error(error)
                    denied.setdefault(re.sub(rf"\b{re.escape(id_)}\b", "…", reason), []).append((id_, reason))
                else:
                    self._access_lists[id_] = () if found is None else found.access
            for shared_reason, about in denied.items():
                names = ", ".join(id_ for id_, _ in about)
                reason = about[0][1] if len(about) == 1 else shared_reason
                yield Check("BigQuery", "warning", f"cannot read the access list of {names}: {reason}")

    def _check_iam(self) -> Iterator[Check]:
        """Check the role of Fivetran's service account, and inherited access to sensitive datasets."""
        project, environment = self._environment.gcp_project, self._environment.name
        with Iam(project) as iam:
            holders = iam.holders()
            if self._account is not None:
                yield check_fivetran_role(project, self._account, holders, environment)
            for holder in holders:
                if holder.bindings is None:
                    yield unreadable_policy(holder, masked_output.mask_google_message(holder.unmasked_denial))
            sensitive = self._sensitive_datasets()
            if not sensitive:
                yield Check("inherited access", "ok", "no file declares a sensitive dataset in this project")
                return
            access_lists = {id_: self._access_lists.get(id_) for id_ in sensitive}
            found = list(inherited_access(holders, iam.permissions, access_lists, self._automation_members()))
        yield from check_inherited_access(found, sensitive, holders, environment)

    def _check_secrets(self) -> Iterator[Check]:
        """Check that the declared versions exist in Secret Manager, from metadata, and that values look right."""
        named_by = dict(self._references())
        in_secret_manager = [reference for reference in named_by if reference.kind == "secret"]
        found: Mapping[Reference, VersionFault] = {}
        if in_secret_manager:
            from reconciler.secrets.secret_manager import check_versions  # noqa: PLC0415 (slow to import)

            found = check_versions(in_secret_manager)
        for reference, finding in found.items():
            level: Level = "failed" if finding.certain else "warning"
            file, path = named_by[reference]
            yield Check("secrets", level, f"{file}: {path}: {finding.problem}", finding.step or None)
        if in_secret_manager and not found:
            projects = sorted({str(reference.project) for reference in in_secret_manager})
            text = f"found and enabled: {count(len(in_secret_manager), 'version')} in {format_names(projects)}"
            yield Check("secrets", "ok", text)
        yield from self._check_values({each: at for each, at in named_by.items() if each not in found})

    def _check_values(self, named_by: Mapping[Reference, tuple[str, str]]) -> Iterator[Check]:
        """Check values for line ends or quotation marks that are probably a mistake. No value is printed."""
        wanted = [reference for reference in named_by if not reference.held and not reference.exact]
        if not wanted:
            return
        with ThreadPoolExecutor(min(_AT_A_TIME, len(wanted))) as pool:
            values = list(pool.map(known_value, wanted))
        read = {reference: value for reference, value in zip(wanted, values, strict=True) if value is not None}
        odd: list[OddValue] = []
        for reference, value in read.items():
            file, path = named_by[reference]
            if (each := inspect_value(path, reference, value)) is not None:
                odd.append(each)
                place = self._selected.places.find(file, "connector", path)
                yield Check("secret values", "warning", f"{place}: {each}", ADVICE)
        if read and not odd:
            text = f"no stray line breaks or quotation marks in {count(len(read), 'value')}"
            yield Check("secret values", "ok", text)
        if unread := [str(reference) for reference in wanted if reference not in read]:
            text = f"cannot read {format_names(unread)}, so their values are not checked"
            yield Check("secret values", "ok", text)

    def _references(self) -> Iterator[tuple[Reference, tuple[str, str]]]:
        """Return every reference with its file and its path there."""
        for unit in self._selected.fleet.units:
            if unit.connector is not None:
                tree = {"config": unit.connector.config, "auth": unit.connector.auth}
                for path, reference in references(tree):
                    yield reference, (unit.file, path)

    def _sensitive_datasets(self) -> list[str]:
        """Return the sensitive datasets of the project, also those of other environments in it."""
        units = (unit for fleet in self._selected.fleets_of_project for unit in fleet.units)
        return sorted({dataset.id for unit in units for dataset in unit.all_datasets if dataset.sensitive})

    def _automation_members(self) -> set[str]:
        """Return the members to whom `automation` grants access to every dataset of the project."""
        environments = [fleet.environment for fleet in self._selected.fleets_of_project]
        return {
            policy_member(member, environment.workgroups)
            for environment in environments
            for grant in environment.automation
            for member in grant.members
        }
