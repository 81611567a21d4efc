"""What `doctor` looks at: lines that say how each thing stands and what to do. A check that fails ends no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reconciler.cli import foreign_text
from reconciler.cli.environments import Chosen, fivetran
from reconciler.config.places import Places
from reconciler.fivetran import api as fivetran_api
from reconciler.fivetran.api import Destination, FivetranClient
from reconciler.google.bigquery.access import in_policy
from reconciler.google.bigquery.api import Datasets
from reconciler.google.iam import roles
from reconciler.google.iam.policies import Holder, Iam
from reconciler.health.inherited_access import AccessList, Reading, named, readings
from reconciler.model import Environment, Reference, commands, references
from reconciler.model.errors import OtherSideFailed, ReconcilerError
from reconciler.secrets import ADVICE, OddValue, check_versions, known_value, known_values_of_run, odd_value, show_label

#: `failed`: something does not work. `warning`: somebody has to look at it, or nobody could.
Level = Literal["ok", "warning", "failed"]

#: Values read at once.
_AT_ONCE = 8

#: Roles on a project of which each is enough for Fivetran.
_ENOUGH = frozenset({roles.FIVETRANS, "roles/bigquery.admin", "roles/editor", "roles/owner"})

_MAY_LOOK = "roles/iam.securityReviewer there shows it, or ask somebody who has that"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at. `unanswered`: it could not be, since Fivetran or Google failed."""

    check: str
    level: Level
    text: str
    to_do: str | None = None
    reading: Reading | None = None
    unanswered: bool = False


class Checkup:
    """One environment's checks, in an order in which later ones use what earlier ones found."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._environment: Environment = chosen.environment
        self._account: str | None = None
        #: The access lists of sensitive datasets, as far as one could look; empty for one that is not there yet.
        self._lists: dict[str, AccessList] = {}

    def lines(self) -> Iterator[Line]:
        """Every check."""
        checks: dict[str, Callable[[], Iterator[Line]]] = {
            "Fivetran": self._fivetran,
            "BigQuery": self._bigquery,
            "IAM": self._iam,
            "secrets": self._secrets,
        }
        for check, look in checks.items():
            try:
                yield from look()
            except ReconcilerError as error:
                yield Line(check, "failed", foreign_text.explain(error), unanswered=isinstance(error, OtherSideFailed))

    def _fivetran(self) -> Iterator[Line]:
        """The key, the group, and its destination."""
        name, file = self._environment.group, self._environment.file
        with fivetran() as api:
            groups = sorted(group.id for group in api.list_groups() if group.name == name)
            if not groups:
                up = commands.up(self._environment.name)
                to_do = f"{up} makes it, unless {file} has its name wrong or the key may not see it"
                yield Line("Fivetran", "failed", f"the API key works and sees no group {name}", to_do)
            elif len(groups) > 1:
                text = f"the API key works and sees several groups {name}: {', '.join(groups)}"
                yield Line("Fivetran", "failed", text, "rename all but one in Fivetran")
            else:
                yield Line("Fivetran", "ok", f"the API key works and sees the group {name} ({groups[0]})")
                self._account = api.group_service_account(groups[0])
                yield from self._destination(api, groups[0])

    def _destination(self, api: FivetranClient, group: str) -> Iterator[Line]:
        try:
            live = api.get_destination(group)
        except fivetran_api.NotFound:
            to_do = f"{commands.up(self._environment.name)} makes it"
            yield Line("destination", "failed", f"the group {group} has no destination", to_do)
            return
        lines = [
            Line("destination", "failed", text, f"make {self._environment.file} match: Fivetran fixes it for good")
            for text in _differences(self._environment, live)
        ]
        if live.setup_status != "connected":
            known = known_values_of_run(ask=False)
            failed = ", ".join(show_label(test.title, known) for test in live.setup_tests if test.failed)
            text = f"its set-up is {live.setup_status or 'unknown'}" + (f"; what failed: {failed}" if failed else "")
            to_do = f"{commands.up(self._environment.name, refresh=True)} tests it again and says why"
            lines.append(Line("destination", "failed", text, to_do))
        text = f"it is connected, in {live.config.get('data_set_location')} and {live.region} as the file says"
        yield from lines or [Line("destination", "ok", text)]

    def _bigquery(self) -> Iterator[Line]:
        """Google's credentials, and the access lists of sensitive datasets."""
        project = self._environment.gcp_project
        with Datasets(project) as datasets:
            seen = {each.id for each in datasets.all()}
            yield Line(
                "BigQuery", "ok", f"Google's credentials work and see {_count(len(seen), 'dataset')} in {project}"
            )
            denied: dict[str, list[tuple[str, str]]] = {}
            for id_ in self._sensitive():
                try:
                    found = datasets.get(id_)
                except OtherSideFailed as error:
                    why = foreign_text.explain(error)
                    denied.setdefault(re.sub(rf"\b{re.escape(id_)}\b", "…", why), []).append((id_, why))
                else:
                    self._lists[id_] = () if found is None else found.access
            for reason, about in denied.items():
                names = ", ".join(id_ for id_, _ in about)
                why = about[0][1] if len(about) == 1 else reason
                yield Line("BigQuery", "warning", f"could not look at who is let in by {names} itself: {why}")

    def _iam(self) -> Iterator[Line]:
        """What Fivetran's service account has, and who reads sensitive datasets through inherited roles."""
        with Iam(self._environment.gcp_project) as iam:
            holders = iam.holders()
            yield from self._fivetrans_role(holders)
            for holder in holders:
                if holder.bindings is None:
                    said = foreign_text.google_said(holder.unmasked_denial)
                    text = f"could not look at who has roles on the {holder}: {holder.denied}" + (
                        f": {said.rstrip('.')}" if said else ""
                    )
                    yield Line("inherited access", "warning", text, _MAY_LOOK)
            if not self._sensitive():
                yield Line("inherited access", "ok", "no file declares a sensitive dataset in this project")
                return
            lists = {id_: self._lists.get(id_) for id_ in self._sensitive()}
            found = list(readings(holders, iam.permissions, lists, self._known()))
        for each in found:
            yield Line("inherited access", "warning", str(each), _to_do(each, self._environment.name), reading=each)
        if not found:
            looked = named([str(holder) for holder in holders if holder.bindings is not None])
            if looked:
                text = f"nobody but whom files name reads {named(self._sensitive())} by a role on the {looked}"
                yield Line("inherited access", "ok", text)

    def _fivetrans_role(self, holders: Sequence[Holder]) -> Iterator[Line]:
        project = self._environment.gcp_project
        if self._account is None:
            return
        member = f"serviceAccount:{self._account}"
        has = [
            (binding.role, holder)
            for holder in holders
            for binding in holder.bindings or ()
            if member in binding.members and binding.role in _ENOUGH and binding.condition is None
        ]
        if has:
            role, holder = has[0]
            yield Line("Fivetran's role", "ok", f"{self._account} has {role} on the {holder}")
        elif holders[0].bindings is None:
            text = f"could not look at whether {self._account} has {roles.FIVETRANS} on {project}"
            yield Line("Fivetran's role", "warning", text, _MAY_LOOK)
        else:
            by_hand = commands.shell(
                *("gcloud", "projects", "add-iam-policy-binding", project),
                *(f"--member={member}", f"--role={roles.FIVETRANS}", "--condition=None"),
            )
            to_do = f"{commands.up(self._environment.name, refresh=True)} grants it; by hand: {by_hand}"
            yield Line("Fivetran's role", "failed", f"{self._account} lacks {roles.FIVETRANS} on {project}", to_do)

    def _secrets(self) -> Iterator[Line]:
        """The versions in Secret Manager that files name, from metadata; and values, as far as they can be read."""
        named_by = dict(self._references())
        asked = [reference for reference in named_by if reference.kind == "secret"]
        found = check_versions(asked)
        for reference, finding in found.items():
            level: Level = "failed" if finding.certain else "warning"
            file, path = named_by[reference]
            yield Line("secrets", level, f"{file}: {path}: {finding.message}")
        projects = sorted({str(reference.project) for reference in asked})
        if asked and not found:
            text = f"there and enabled: {_count(len(asked), 'version')} in {named(projects)}"
            yield Line("secrets", "ok", text)
        yield from self._values({each: at for each, at in named_by.items() if each not in found})

    def _values(self, named_by: Mapping[Reference, tuple[str, str]]) -> Iterator[Line]:
        """Values with line ends or marks that are an accident mostly. They are looked at, and shown nowhere."""
        wanted = [reference for reference in named_by if not reference.held and not reference.exact]
        if not wanted:
            return
        with ThreadPoolExecutor(min(_AT_ONCE, len(wanted))) as pool:
            values = list(pool.map(lambda each: known_value(each, ask=True), wanted))
        read = {reference: value for reference, value in zip(wanted, values, strict=True) if value is not None}
        odd: list[OddValue] = []
        for reference, value in read.items():
            file, path = named_by[reference]
            if (each := odd_value(path, reference, value)) is not None:
                odd.append(each)
                place = Places(Path.cwd()).find(file, "connector", path)
                yield Line("secret values", "warning", f"{place}: {each}", ADVICE)
        if read and not odd:
            yield Line("secret values", "ok", f"no stray line ends or marks in {_count(len(read), 'value')}")
        if unread := [str(reference) for reference in wanted if reference not in read]:
            text = f"could not look at the values of {named(unread)} for stray line ends: they cannot be read here"
            yield Line("secret values", "ok", text)

    def _references(self) -> Iterator[tuple[Reference, tuple[str, str]]]:
        """Every reference, each with a file that names it and its path there."""
        for unit in self._chosen.fleet.units:
            if unit.connector is not None:
                tree = {"config": unit.connector.config, "auth": unit.connector.auth}
                for path, reference in references(tree):
                    yield reference, (unit.file, path)

    def _sensitive(self) -> list[str]:
        """The sensitive datasets of the project, also those of environments that share it."""
        units = (unit for fleet in self._chosen.of_the_project for unit in fleet.units)
        return sorted({dataset.id for unit in units for dataset in unit.all_datasets if dataset.sensitive})

    def _known(self) -> set[str]:
        """Whom the environment's file lets into every dataset anyway."""
        environments = [fleet.environment for fleet in self._chosen.of_the_project]
        return {
            in_policy(member, environment.workgroups)
            for environment in environments
            for grant in environment.automation
            for member in grant.members
        }


def _differences(environment: Environment, live: Destination) -> Iterable[str]:
    """What the destination has and the file does not say."""
    compared = {
        "gcp_project": (environment.gcp_project, live.config.get("project_id")),
        "location": (environment.destination.location, live.config.get("data_set_location")),
        "region": (environment.destination.region, live.region),
    }
    for key, (said, found) in compared.items():
        if found is not None and str(found).casefold() != said.casefold():
            yield f"{key} is {said} in the file and {found} in Fivetran"


def _to_do(reading: Reading, environment: str) -> str:
    group = roles.BASIC.get(reading.role)
    if group is not None and not reading.certain:
        return f"where a dataset's own list lets {group} in, which could not be looked at"
    if group is not None:
        up = commands.up(environment, refresh=True)
        return f"these datasets' own lists let {group} in: {up} takes out what no file says"
    if not reading.certain:
        return f"what {reading.role} permits could not be looked at: with bigquery.tables.getData it reads"
    return f"take the role away on the {reading.where}, and grant on datasets what is needed"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
