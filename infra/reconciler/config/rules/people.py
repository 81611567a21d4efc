"""Check access for people and groups against the environment's policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.config.rules import grant_lists
from reconciler.config.rules.grant_lists import FileGrant, GrantList
from reconciler.config.specs import Specs, string_items
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.google.bigquery.access import describe_lapse, is_person
from reconciler.google.bigquery.access.member import Place
from reconciler.google.iam import roles
from reconciler.model import Grant
from reconciler.model.errors import Problem
from reconciler.model.policy import PeoplePolicy

_POLICY = ("policy", "people")
_STANDING = (*_POLICY, "standing")
#: How far ahead the example in a hint is, where the policy does not say.
_USUAL = timedelta(days=14)


def check_people_grants(specs: Specs) -> Iterator[Problem]:
    """Check that grants to people have the ticket and last day that the policy requires."""
    for grants in grant_lists.dataset_grants(specs):
        document = specs.environments.get(grants.document.environment)
        if document is None:
            continue
        policy, standing = specs.policy(document.environment).people, _standing(specs, document)
        for grant in grants:
            people = _people(specs, grant, standing)
            if people:
                yield from check_grant(specs, grant, people, policy, document)


def check_grant(
    specs: Specs, grant: FileGrant, people: list[str], policy: PeoplePolicy, document: Document
) -> Iterator[Problem]:
    """Check that a grant to these people has what the policy of the environment requires."""
    where, longest = document.where(_POLICY), policy.longest
    missing = [key for key in ("ticket", "until") if key in policy.need and key not in grant.at()]
    if missing:
        examples = {
            "ticket": "the ticket (`ticket: DATA-1234`)",
            "until": f"the last day (`until: {specs.today + min(longest or _USUAL, _USUAL)}`)",
        }
        keys = " and ".join(f"`{key}`" for key in missing)
        message = f"{_format_members(people)}: {keys} {'are' if len(missing) > 1 else 'is'} missing"
        hint = f"add {' and '.join(examples[key] for key in missing)}, or name the member in `standing`: {where}"
        yield grant.document.on_value(grant.path, message, hint)
    if longest is not None and grant.until is not None and grant.until - specs.today > longest:
        message = f"`until`: {grant.until} is more than {longest.days}d from today"
        yield grant.document.on_value((*grant.path, "until"), message, f"write an earlier date, as {where} requires")


def check_people_in_environment_grants(specs: Specs) -> Iterator[Problem]:
    """Reject people in grants for every dataset where the policy requires a ticket or a last day."""
    for grants in grant_lists.environment_grants(specs, "automation", "default_access", "project_access"):
        environment = grants.document
        need = specs.policy(environment.environment).people.need
        if not need:
            continue
        asked = " and ".join(f"`{key}`" for key in ("ticket", "until") if key in need)
        for member, path in _people_of(specs, grants, _standing(specs, environment)):
            message = f"{_format_members([member])} would have access without {asked}, through {shown(grants.path[0])}"
            hint = f"grant it in the units' files, or name the member in `standing`: {environment.where(_POLICY)}"
            yield environment.on_value(path, message, hint)


def _people_of(specs: Specs, grants: GrantList, standing: frozenset[Place]) -> Iterator[tuple[str, Path]]:
    for grant in grants:
        if grants.path == ("project_access",) and grant.role in roles.BLIND:
            continue
        people = _people(specs, grant, standing)
        yield from ((member, path) for member, path in grant.members() if member in people)


def warn_access_expiry(specs: Specs) -> Iterator[Problem]:
    """Warn for each grant that ends soon or has ended."""
    for grants in (*grant_lists.dataset_grants(specs), *grant_lists.fivetran_grants(specs)):
        policy = specs.policy(grants.document.environment).people
        for grant in grants:
            members = tuple(member for member, _ in grant.members())
            if members and (text := describe_lapse(Grant(grant.role, members, until=grant.until), policy, specs.today)):
                yield grant.document.on_value((*grant.path, "until"), text)


def _standing(specs: Specs, environment: Document) -> frozenset[Place]:
    found = (
        grant_lists.find_place(specs, environment.environment, member)
        for member, _ in string_items(environment, *_STANDING)
    )
    return frozenset(at for at in found if at is not None)


def _people(specs: Specs, grant: FileGrant, standing: frozenset[Place]) -> list[str]:
    """Return the members of a grant that are people without permanent access."""
    environment = grant.document.environment
    members = [(member, grant_lists.find_place(specs, environment, member)) for member, _ in grant.members()]
    return [member for member, at in members if at is not None and is_person(at) and at not in standing]


def _format_members(people: list[str]) -> str:
    more = f" and {len(people) - 1} more" if len(people) > 1 else ""
    # The address decides, not the kind that the file names.
    no_account = " (no service account has such an address)" if people[0].startswith("serviceAccount:") else ""
    return f"{shown(people[0])}{no_account}{more}"
