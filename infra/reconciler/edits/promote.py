"""Turn a unit's file in one environment into its file in another.

Without dev's parts, and with the other's policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reconciler.config.yaml.document import Path
from reconciler.edits.lifecycle import first_last_day
from reconciler.edits.new import EXPIRY_COMMENT, consent_comment, labels_comment, readers_comment, secret_name
from reconciler.edits.source import EditRejected, Source
from reconciler.edits.splices import order_below, remove, set_value
from reconciler.google.bigquery.access import is_person, to_place
from reconciler.importer.draft import FILL_IN
from reconciler.model import Environment, Reference, commands
from reconciler.yaml_text.writer import comment_lines

#: Keys about the connection that exists in the first environment, or about a time there.
_LEFT_OUT: tuple[Path, ...] = (
    ("expires",),
    ("formerly",),
    ("connector", "adopt"),
    ("connector", "allow_resync"),
    ("connector", "awaiting"),
    ("connector", "paused"),
)
_PLACEHOLDER = "fill-in"
_SUFFIX_OF_TASK = "_dev"


@dataclass
class Promoted:
    """The file in the other environment, and what remains to do."""

    source: Source
    notes: list[str] = field(default_factory=list)
    secrets: list[Reference] = field(default_factory=list)
    """The secrets that have to exist there."""
    task_id: str | None = None


def promote(
    source: Source, name: str, old: Environment, new: Environment, today: date, *, task_id: str | None, prefix: str
) -> Promoted:
    """Return the unit's file for the other environment. Comments and everything else stay.

    Args:
        source: The unit's file.
        name: The unit.
        old: Its environment.
        new: The environment that it is promoted to.
        today: The current date.
        task_id: The Airflow task there; by default the same without `_dev` at its end.
        prefix: What begins the names of secrets there.
    """
    if source.find(("retire",)) is not None:
        raise EditRejected(f"{source.where('retire')}: {name} retires\n    Remove `retire` first.")
    result = Promoted(source)
    for path in _LEFT_OUT:
        _leave_out(result, path, keep=path[:-1])
    for path in _datasets(result.source):
        _leave_out(result, (*path, "adopt"), keep=path)
        _promote_access(result, name, path, old, new)
        _add_labels(result, path, new)
    _promote_task(result, name, task_id)
    _promote_secrets(result, name, old, new, prefix)
    _declare_schemas(result, new)
    if (day := first_last_day(new, today)) is not None:
        result.source = set_value(result.source, ("expires",), str(day), order=order_below())
        result.notes.append(f"added `expires`: {new.name} requires a last day, {day} at the latest")
    _replace_own_comments(result, name, old, new)
    if result.source.find(("connector", "function")) is not None:
        result.notes.append(
            f"deploy its function in project {new.gcp_project} too, or name the `project` of the function"
        )
    return result


def _replace_own_comments(result: Promoted, name: str, old: Environment, new: Environment) -> None:
    """Write the comments of `new` as the other environment needs them. Comments of people stay."""
    pairs = [
        (consent_comment(name, old), consent_comment(name, new)),
        (readers_comment(old), readers_comment(new)),
        (f"{FILL_IN} {labels_comment(old)}", f"{FILL_IN} {labels_comment(new)}"),
    ]
    if result.source.find(("expires",)) is None:
        pairs.append((EXPIRY_COMMENT, ""))
    for before, after in pairs:
        result.source = _replace_comment(result.source, before, after)


def _replace_comment(source: Source, old: str, new: str) -> Source:
    """Replace an unchanged comment on lines of its own; remove it where the new one is empty."""
    words = r"(?:[ \t]+|[ \t]*\r?\n[ \t]*#[ \t]*)".join(map(re.escape, old.split()))
    comment = re.compile(rf"^([ \t]*)#[ \t]*{words}[ \t]*(\r?\n)", re.MULTILINE)

    def written(found: re.Match[str]) -> str:
        return "".join(f"{line}{found[2]}" for line in comment_lines(new, len(found[1])))

    text = comment.sub(written, source.text) if old else source.text
    return Source.read((source.raw[: len(source.raw) - len(source.text.encode())]) + text.encode(), source.file)


def _leave_out(result: Promoted, path: Path, *, keep: Path) -> None:
    if result.source.find(path) is not None:
        result.source = remove(result.source, path, keep=keep)
        result.notes.append(f"left out: {'.'.join(map(str, path))}")


def _datasets(source: Source) -> Iterator[Path]:
    several = source.at("datasets")
    if isinstance(several, Mapping):
        yield from (("datasets", key) for key in several)
    elif isinstance(source.at("dataset"), Mapping):
        yield ("dataset",)


def _promote_access(result: Promoted, name: str, dataset: Path, old: Environment, new: Environment) -> None:
    """Leave out grants that do not belong in the other environment.

    These are temporary grants, grants to people whom the policy does not name, and grants to accounts of the old
    project.
    """
    standing = {to_place(each, new.workgroups) for each in new.policy.people.standing}
    grants = result.source.at(*dataset, "access")
    for index, each in reversed(list(enumerate(grants if isinstance(grants, list) else ()))):
        members = each.get("members") if isinstance(each, Mapping) else None
        for number, member in reversed(list(enumerate(members if isinstance(members, list) else ()))):
            at = to_place(str(member), new.workgroups)
            needs_more = bool(new.policy.people.need) and at is not None and is_person(at) and at not in standing
            if not needs_more and "until" not in each and f"@{old.gcp_project}." not in str(member):
                continue
            left = result.source.at(*dataset, "access", index, "members")
            path = (*dataset, "access", index)
            removed = path if len(left) == 1 else (*path, "members", number)
            result.source = remove(result.source, removed, keep=dataset)
            longest = new.policy.people.longest
            options = ["--ticket", "TICKET", "--for", f"{longest.days if longest else 14}d"] if needs_more else []
            step = commands.reconciler("grant", name, str(member), *options, environment=new.name)
            result.notes.append(f"left out the access of {member}; to grant it there: {step}")


def _add_labels(result: Promoted, dataset: Path, new: Environment) -> None:
    for key in new.labels.required:
        if key not in new.labels.default and result.source.at(*dataset, "labels", key) is None:
            path = (*dataset, "labels", key)
            result.source = set_value(result.source, path, _PLACEHOLDER, order=order_below("dataset"))
            result.notes.append(f"fill in the label {key}, which every dataset in {new.name} has")


def _promote_task(result: Promoted, name: str, task_id: str | None) -> None:
    path = ("connector", "schedule", "task_id")
    declared = result.source.at(*path)
    if not isinstance(declared, str):
        return
    result.task_id = task_id or declared.removesuffix(_SUFFIX_OF_TASK)
    result.source = set_value(result.source, path, result.task_id)
    if result.task_id == declared:
        result.notes.append(
            f"the task {declared} starts {name} in the other environment: choose another with --task-id"
        )


def _promote_secrets(result: Promoted, name: str, old: Environment, new: Environment, prefix: str) -> None:
    """Point references to the secrets of the other project, where each begins with version 1."""
    for path, reference in list(_references(result.source.at("connector"), ("connector",))):
        pinned = new.policy.secret_versions == "pinned"  # noqa: S105 (no password)
        shown = ".".join(map(str, path[1:]))
        if reference.kind in ("env", "pulumi_config") and pinned:
            # Secrets of such an environment are in Secret Manager.
            located = Reference("secret", secret_name(prefix, name, shown), 1, new.secrets_project)
            content = {"secret": located.name, "version": 1} | ({"exact": True} if reference.exact else {})
            result.source = set_value(result.source, path, content)
            result.secrets.append(located)
            continue
        if reference.kind in ("env", "pulumi_config"):
            where = "environment variable" if reference.kind == "env" else "stack config"
            result.notes.append(f"{shown} is in the {where} {reference.name}: set it there too")
        if reference.kind != "secret":
            continue
        if reference.project is not None and reference.project != old.secrets_project:
            continue  # a project that both environments read
        if reference.project is not None:
            result.source = remove(result.source, (*path, "project"))
        if old.secrets_project == new.secrets_project:
            continue
        located = Reference("secret", reference.name, 1, new.secrets_project)
        if reference.version not in (None, 1) or pinned:
            result.source = set_value(result.source, (*path, "version"), 1)
        if located not in result.secrets:
            result.secrets.append(located)


def _references(node: Any, path: Path) -> Iterator[tuple[Path, Reference]]:
    reference = Reference.parse(node) if len(path) > 2 else None
    if reference is not None:
        yield path, reference
        return
    steps = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in steps:
        if len(path) > 1 or step in ("config", "auth"):
            yield from _references(inner, (*path, step))


def _declare_schemas(result: Promoted, new: Environment) -> None:
    """Keep a database connector to its declared schemas, where no dataset may be undeclared."""
    several = result.source.at("datasets")
    is_prefix = isinstance(result.source.at("connector", "destination", "schema_prefix"), str)
    if not is_prefix or new.policy.undeclared_datasets != "forbidden" or not isinstance(several, Mapping):
        return
    if result.source.find(("connector", "sync")) is None:
        sync = {"new": "allow_columns", "schemas": dict.fromkeys(several, "included")}
        result.source = set_value(result.source, ("connector", "sync"), sync, order=order_below("connector"))
        result.notes.append("added `sync`: other schemas of the source are not synced")
