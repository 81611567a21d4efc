"""Rules about people: what an environment asks of access for persons and groups, and when that ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from reconciler.config.documents import Specs, strings
from reconciler.config.rules import grants as grant_lists
from reconciler.config.rules.grants import GrantList, Written
from reconciler.config.rules.lifecycle import duration
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.google.bigquery.access import is_person, lapses
from reconciler.google.bigquery.access.member import Place
from reconciler.google.iam import roles
from reconciler.model import Grant
from reconciler.model.errors import Problem
from reconciler.model.policy import PeoplePolicy

_POLICY = ("policy", "people")
_STANDING = (*_POLICY, "standing")
#: How far ahead the example in a hint is, where the policy does not say.
_USUAL = timedelta(days=14)


def people_get_in_as_the_environment_says(specs: Specs) -> Iterator[Problem]:
    """By a ticket, until a day, or because they are standing."""
    for grants in grant_lists.of_datasets(specs):
        document = specs.environments.get(grants.document.environment)
        if document is None:
            continue
        policy, standing = policy_of(specs, document.environment), _standing(specs, document)
        for grant in grants:
            people = _people(specs, grant, standing)
            if people:
                yield from _asked(specs, grant, people, policy, document)


def _asked(
    specs: Specs, grant: Written, people: list[str], policy: PeoplePolicy, document: Document
) -> Iterator[Problem]:
    where, longest = document.where(_POLICY), policy.longest
    missing = [key for key in ("ticket", "until") if key in policy.need and key not in grant.at()]
    if missing:
        said = {
            "ticket": "the ticket (`ticket: DATA-1234`)",
            "until": f"the last day (`until: {specs.today + min(longest or _USUAL, _USUAL)}`)",
        }
        keys = " and ".join(f"`{key}`" for key in missing)
        message = f"{_listed(people)}: {keys} {'are' if len(missing) > 1 else 'is'} missing"
        hint = f"add {' and '.join(said[key] for key in missing)}, or name the member in `standing`: {where}"
        yield grant.document.on_value(grant.path, message, hint)
    if longest is not None and grant.until is not None and grant.until - specs.today > longest:
        message = f"`until`: {grant.until} is more than {longest.days}d from today"
        yield grant.document.on_value((*grant.path, "until"), message, f"write an earlier date, as {where} requires")


def nobody_gets_in_with_every_dataset(specs: Specs) -> Iterator[Problem]:
    """Where people need a ticket or a last day, what holds for every dataset lets in none who are not standing."""
    for grants in grant_lists.of_environments(specs, "automation", "default_access", "project_access"):
        environment = grants.document
        need = policy_of(specs, environment.environment).need
        if not need:
            continue
        asked = " and ".join(f"`{key}`" for key in ("ticket", "until") if key in need)
        for member, path in _people_of(specs, grants, _standing(specs, environment)):
            message = f"{_listed([member])} would have access without {asked}, through {shown(grants.path[0])}"
            hint = f"grant it in the units' files, or name the member in `standing`: {environment.where(_POLICY)}"
            yield environment.on_value(path, message, hint)


def _people_of(specs: Specs, grants: GrantList, standing: frozenset[Place]) -> Iterator[tuple[str, Path]]:
    for grant in grants:
        if grants.path == ("project_access",) and grant.role in roles.BLIND:
            continue
        people = _people(specs, grant, standing)
        yield from ((member, path) for member, path in grant.members() if member in people)


def access_that_ends(specs: Specs) -> Iterator[Problem]:
    """A notice for each grant that ends soon or has ended."""
    for grants in grant_lists.of_datasets(specs):
        policy = policy_of(specs, grants.document.environment)
        for grant in grants:
            members = tuple(member for member, _ in grant.members())
            if members and (said := lapses(Grant(grant.role, members, until=grant.until), policy, specs.today)):
                yield grant.document.on_value((*grant.path, "until"), said)


def policy_of(specs: Specs, environment: str) -> PeoplePolicy:
    """What an environment asks of access for people, as far as it can be read."""
    said, default = specs.setting(environment, *_POLICY), PeoplePolicy()
    if not isinstance(said, Mapping):
        return default
    need = said.get("need")
    return PeoplePolicy(
        need=frozenset(key for key in ("ticket", "until") if isinstance(need, list) and key in need),
        longest=duration(said.get("longest"), None),
        warn=duration(said.get("warn"), default.warn),
    )


def _standing(specs: Specs, environment: Document) -> frozenset[Place]:
    found = (
        grant_lists.placed(specs, environment.environment, member) for member, _ in strings(environment, *_STANDING)
    )
    return frozenset(at for at in found if at is not None)


def _people(specs: Specs, grant: Written, standing: frozenset[Place]) -> list[str]:
    """The members of a grant that are people and not standing."""
    environment = grant.document.environment
    members = [(member, grant_lists.placed(specs, environment, member)) for member, _ in grant.members()]
    return [member for member, at in members if at is not None and is_person(at) and at not in standing]


def _listed(people: list[str]) -> str:
    more = f" and {len(people) - 1} more" if len(people) > 1 else ""
    # Whose address it is decides, whatever a file calls it.
    no_account = " (no service account has such an address)" if people[0].startswith("serviceAccount:") else ""
    return f"{shown(people[0])}{no_account}{more}"
