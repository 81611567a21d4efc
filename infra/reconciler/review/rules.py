"""What `environment.yaml` lets later pull requests and runs do, or no longer.

A rule is the check that needs no reviewer. A loosened rule allows for every later file what it prevented, so it
needs approval. A tightened one is a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.model.commands import count, reconciler
from reconciler.plan.environment_rules import RULES, named_grants, read_rules
from reconciler.review.consequence import Consequence, Severity
from reconciler.review.context import Context

_Words = tuple[Severity, str]

#: What a setting with one of a few values means, by path and new value.
_CHOICES: Mapping[str, Mapping[object, _Words]] = {
    "policy.expiry": {
        "allowed": (
            "stop",
            "lets files set `expires`{limit}, which no file could before: after that day a run pauses the connection, "
            "and {grace} later it deletes the connection and the data",
        ),
        "forbidden": ("note", "no longer lets any file set `expires`"),
    },
    "policy.expiry.required": {
        False: ("stop", "no longer requires that every unit has a last day: a unit may stay for good"),
        True: ("note", "requires that every unit has a last day, or a reason for none"),
    },
    "policy.removal": {
        "file": ("stop", "lets a pull request remove a unit by deleting its file, without `retire` first"),
        "retire": ("note", "requires `retire` before a unit's file may be deleted"),
    },
    "policy.public_access": {
        "allowed": ("stop", "lets files give access to the public: allUsers and allAuthenticatedUsers"),
        "forbidden": ("note", "no longer lets files give access to the public"),
    },
    "policy.undeclared_datasets": {
        "allowed": (
            "stop",
            "lets connections create datasets that no file declares, without an access list, and runs no longer fail "
            "because of such datasets",
        ),
        "forbidden": (
            "note",
            "starts no connection that can create undeclared datasets, and fails runs while such datasets exist",
        ),
    },
    "policy.undeclared_fivetran_access": {
        "reported": (
            "stop",
            "no longer revokes roles in the Fivetran group that no file declares, and only reports them",
        ),
        "revoked": ("stop", "lets runs revoke roles in the Fivetran group that `fivetran.access` does not list"),
    },
    "policy.secret_versions": {
        "latest": ("stop", "lets files refer to the latest version of a secret: a new value then needs no review"),
        "pinned": ("note", "requires a version in each reference to a secret"),
    },
    "policy.pulumi_config": {
        "allowed": ("stop", "lets files refer to values in the stack's config, which previews can decrypt"),
        "forbidden": ("note", "no longer lets files refer to values in the stack's config"),
    },
    "policy.trust": {
        "any": ("stop", "lets files trust any certificate or host key that a source presents"),
        "declared": ("note", "requires that files declare the certificates and host keys that they trust"),
    },
}

_NO_LIMIT = "any time"


def _days(days: int | None) -> str:
    return _NO_LIMIT if days is None else count(days, "day")


def _up_to(days: int | None) -> str:
    return _NO_LIMIT if days is None else f"up to {_days(days)}"


def _share(percent: int | None) -> str:
    return "the usual share" if percent is None else f"{percent} %"


#: What a number means, by its path: its words, and the classes of a larger and of a smaller one. None means no limit.
_NUMBERS: Mapping[str, tuple[Callable[[Any], str], Severity, Severity]] = {
    "policy.expiry.longest": (lambda each: f"lets `expires` be {_up_to(each)} ahead", "stop", "note"),
    "policy.expiry.grace": (
        lambda each: f"removes an expired unit with its data {_days(each)} after its last day",
        "note",
        "stop",
    ),
    "policy.expiry.warn": (lambda each: f"warns {_days(each)} before a unit expires", "note", "note"),
    "policy.people.longest": (
        lambda each: f"lets the access of people and groups last {_up_to(each)}",
        "stop",
        "note",
    ),
    "policy.people.warn": (lambda each: f"warns {_days(each)} before the access of a person ends", "note", "note"),
    "fivetran.quota_left": (lambda each: f"leaves {_share(each)} of Fivetran's requests to others", "note", "note"),
    "policy.delete_guard.share": (
        lambda each: (
            f"lets one run remove {each} % of the connections, and of the datasets, without `expires` or `retire`"
        ),
        "stop",
        "note",
    ),
    "policy.delete_guard.at_least": (
        lambda each: (
            f"lets one run remove {count(each, 'connection')} and {count(each, 'dataset')}, without `expires` or "
            "`retire`"
        ),
        "stop",
        "note",
    ),
}

#: What an item of a list means when it comes and when it goes, by the list's path.
_LISTS: Mapping[str, tuple[_Words, _Words]] = {
    "automation": (
        ("stop", "grants {} on every dataset of the environment, present and future"),
        ("note", "no longer grants {} on every dataset of the environment"),
    ),
    "default_access": (
        (
            "stop",
            "grants {} on every dataset, present and future, that is not sensitive and has no `default_access: false`",
        ),
        ("note", "no longer grants {} on the datasets that are not sensitive and have no `default_access: false`"),
    ),
    "policy.people.need": (
        ("note", "requires `{}` for the access of people and groups"),
        ("stop", "no longer requires `{}` for the access of people and groups"),
    ),
    "policy.people.standing": (
        ("stop", "lets files give {} permanent access, without a ticket or a last day"),
        ("note", "no longer lets files give {} permanent access without a ticket or a last day"),
    ),
    "labels.default": (
        ("detail", "labels every dataset, present and future, with {}"),
        ("detail", "no longer labels every dataset with {}"),
    ),
    "labels.required": (
        ("note", "requires the label `{}` on every dataset"),
        ("note", "no longer requires the label `{}` on every dataset"),
    ),
    "ignore.services": (
        ("note", "no longer reports undeclared connections of the service {}"),
        ("note", "reports undeclared connections of the service {}"),
    ),
    "ignore.schemas": (
        ("note", "no longer reports undeclared datasets and connections named {}"),
        ("note", "reports undeclared datasets and connections named {}"),
    ),
}

_CHECK_ETL = f"changes `{{}}`, which only {reconciler('check-etl')} reads"


def rules(context: Context) -> Iterator[Consequence]:
    """Return the settings of the environment that no resource has, as far as they change."""
    for step in context.preview.of_type("Preflight"):
        if RULES not in step.old or RULES not in step.new:
            continue  # An environment's first run, or a subfolder's stack.
        old, new = read_rules(step.old[RULES]), read_rules(step.new[RULES])
        for path in sorted({*old, *new}):
            # What an expiry is limited to means nothing where none is allowed, and is new where none was.
            is_moot = path.startswith("policy.expiry.") and "forbidden" in (new["policy.expiry"], old["policy.expiry"])
            if old.get(path) != new.get(path) and not is_moot:
                yield from _changed(context, path, old.get(path), new.get(path))


def _changed(context: Context, path: str, old: Any, new: Any) -> Iterator[Consequence]:
    if path == "stacks":
        yield from _stacks(context, old, new)
    elif path in _LISTS:
        yield from _items(context, path, old, new)
    elif path in _CHOICES:
        if path == "policy.undeclared_fivetran_access" and new == "revoked" and context.environment.fivetran_access:
            return  # The review of the roles in the group shows that.
        severity, text = _CHOICES[path].get(new, ("stop", f"changes `{path}` to {new}"))
        if path == "policy.expiry" and new == "allowed":
            expiry = context.environment.policy.expiry
            limit = "" if expiry.longest is None else f", up to {count(expiry.longest.days, 'day')} ahead"
            text, new = text.format(limit=limit, grace=count(expiry.grace.days, "day")), [limit, expiry.grace.days]
        yield _consequence(context, severity, text, path, new)
    elif path in _NUMBERS:
        words, larger, smaller = _NUMBERS[path]
        earlier = _format_number(path, old)
        is_larger = new is None or (old is not None and new > old)
        text = f"{words(new)}, instead of {earlier}"
        yield _consequence(context, larger if is_larger else smaller, text, path, new)
    elif path.startswith("bigquery_etl."):
        yield _consequence(context, "detail", _CHECK_ETL.format(path), path, new)
    else:
        yield _consequence(context, "stop", _other(path, old, new), path, new)


def _format_number(path: str, old: int | None) -> str:
    if path.endswith(("share", "quota_left")):
        return _share(old)
    return str(old) if path.endswith("at_least") else _days(old)


def _other(path: str, old: object, new: object) -> str:
    if path == "secrets_project":
        own = "the environment's project"
        return f"reads secrets from {new or own}, instead of {old or own}, where a reference names no project"
    if path == "workgroups":
        return f"reads `workgroup:` members as {new or 'no group'}, instead of {old or 'no group'}"
    return f"changes `{path}`, which this review cannot describe: read the diff of the file"


def _items(context: Context, path: str, old: list[str], new: list[str]) -> Iterator[Consequence]:
    came, went = _LISTS[path]
    for item in dict.fromkeys([*old, *new]):
        if (item in old) == (item in new):
            continue
        severity, text = came if item in new else went
        if path == "ignore.schemas" and item in new and context.environment.policy.undeclared_datasets == "forbidden":
            severity, text = "stop", "lets datasets named {} exist without a file"
        value = "added" if item in new else "removed"
        place = _item_path(context, path, item, new)
        yield _consequence(context, severity, text.format(_named(item)), path, value, item=item, at=place)


def _named(item: str) -> str:
    """Return a grant as `roles/… to member`, and any other item as it is."""
    role, space, member = item.partition(" ")
    return f"{role} to {member}" if space and "/" in role else item


def _item_path(context: Context, path: str, item: str, new: list[str]) -> str:
    environment = context.environment
    if path == "labels.default":
        return f"{path}.{item.partition('=')[0]}"
    if item not in new:
        return path
    if path in ("automation", "default_access"):
        grants = environment.automation if path == "automation" else environment.default_access
        return path + dict(named_grants(grants))[item]
    return f"{path}[{new.index(item)}]"


def _stacks(context: Context, old: list[str], new: list[str]) -> Iterator[Consequence]:
    name = context.environment.name
    for folder in sorted({*old} ^ {*new}):
        stack = f"{name}.{folder}"
        text = (
            f"gives the units of the subfolder {folder} a stack of their own, {stack}: its runs are rejected until "
            f"{reconciler('move')} has moved the existing units"
        )
        if folder in old:
            text = (
                f"ends the stack {stack}, which no run applies any more: runs of {name} are rejected while it has units"
            )
        yield _consequence(context, "note", text, "stacks", folder in new, item=folder)


def _consequence(
    context: Context, severity: Severity, text: str, path: str, value: Any, *, item: str = "", at: str = ""
) -> Consequence:
    kind = {"stop": "rule_loosened", "note": "rule_changed", "detail": "rule_changed"}[severity]
    place = context.environment_place(at or path)
    name = f"{path} of the environment{f': {item}' if item else ''}"
    return Consequence(severity, kind, text, name, place=place, value=value)
