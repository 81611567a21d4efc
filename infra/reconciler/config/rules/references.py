"""Check the form of references, and recognise mappings that are almost one.

A config is in the API's own shape, in which any mapping may stand. So a mapping counts as a reference with a fault
only where its keys are those of one, or near them, and never because of a value's content alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.plain_credentials import looks_like_credential
from reconciler.config.schema.suggestions import suggest_name
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.model import FIVETRAN, REFERENCE_KEYS
from reconciler.model.errors import Problem

_LOUD_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]+")
_RESOURCE = re.compile(
    r"(//secretmanager\.googleapis\.com/)?projects/([a-z0-9.:-]+)/secrets/([A-Za-z0-9_-]+)(/versions/([0-9]+))?"
)


@dataclass(frozen=True)
class _ReferenceForm:
    """The form of one kind of reference, and what its key has to hold."""

    written: str
    pattern: re.Pattern[str]
    words: str


_FORMS: Mapping[str, _ReferenceForm] = {
    "secret": _ReferenceForm(
        "{secret: NAME, version: N}, with `project: ID` for a secret in another project",
        re.compile(r"[A-Za-z0-9_-]{1,255}"),
        "the name of a secret: letters, digits, hyphens and underscores",
    ),
    "env": _ReferenceForm(
        "{env: NAME} or {env: NAME, version: N}",
        re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
        "the name of an environment variable: letters, digits and underscores",
    ),
    "pulumi_config": _ReferenceForm(
        "{pulumi_config: KEY} or {pulumi_config: KEY, version: N}",
        re.compile(r"([A-Za-z0-9_.-]+:)?[A-Za-z0-9_.-]+"),
        "a key of the stack's config, as `pulumi config set` takes it",
    ),
    "held_by": _ReferenceForm("{held_by: fivetran}", re.compile(FIVETRAN), "`fivetran`, which keeps the value"),
}


def format_example(kind: str) -> str:
    """Format a reference of a kind, for a hint."""
    return {
        "secret": "{secret: NAME, version: 1}",
        "env": "{env: NAME, version: 1}",
        "pulumi_config": "{pulumi_config: KEY, version: 1}",
        "held_by": "{held_by: fivetran}",
    }[kind]


def find_kind(node: Mapping[str, Any]) -> str | None:
    """Return the kind of reference that a mapping is or resembles; None when it is none."""
    for kind in ("env", "pulumi_config", "held_by"):
        if kind in node:
            return kind
    if "secret" in node:
        return "secret" if _is_secret(node) else None
    return _find_misspelt_key(node)[1]


def check_whole_tree(unit: Document, path: Path, node: Mapping[str, Any]) -> Iterator[Problem]:
    """Find a reference in place of the whole `config` or `auth`.

    A `secret` alone may be a service's field.
    """
    if is_whole_tree(node):
        message = f"a reference replaces one value, not the whole {shown(path[-1])}"
        yield unit.on_value(path, message, "give it a key, such as `api_key: {secret: NAME, version: 1}`")


def is_whole_tree(node: Mapping[str, Any]) -> bool:
    """Return whether a whole `config` or `auth` is a reference."""
    alone = next((kind for kind in REFERENCE_KEYS if isinstance(node.get(kind), str)), None)
    if alone is None or (alone == "secret" and not node.keys() & REFERENCE_KEYS["secret"]):
        return False
    return node.keys() - {alone} <= REFERENCE_KEYS[alone]


def check_reference(unit: Document, path: Path, node: dict[str, Any]) -> Iterator[Problem]:
    """Yield everything wrong with a mapping as a reference; nothing when it is none."""
    kind = find_kind(node)
    if kind is None:
        return
    if kind not in node:
        wrong, _ = _find_misspelt_key(node)
        message = f"unknown key {shown(wrong)} in a reference"
        yield unit.on_key((*path, str(wrong)), message, f"did you mean {shown(kind)}?")
        return
    form = _FORMS[kind]
    how = f"write it as {form.written}"
    keys = {kind, *REFERENCE_KEYS[kind]}
    for key in node:
        if key in keys:
            continue
        if key in REFERENCE_KEYS:
            message = f"a reference has {shown(kind)} or {shown(key)}, not both"
            yield unit.on_key((*path, key), message, how)
        elif key == "version":
            yield unit.on_key((*path, key), "`version` does not apply to a value that is never sent", how)
        else:
            near = suggest_name(key, sorted(name for name in keys if name not in node))
            hint = f"did you mean {shown(near)}?" if near else how
            yield unit.on_key((*path, key), f"unknown key {shown(key)} in a reference", hint)
    name = node[kind]
    if isinstance(name, str) and looks_like_credential(name):
        message = f"{shown(kind)}: expected {form.words.partition(':')[0]}; this looks like a credential"
        yield unit.on_value((*path, kind), message, "write the name instead, and replace the credential: git keeps it")
    elif name is not None and not (isinstance(name, str) and form.pattern.fullmatch(name)):
        message = f"{shown(kind)}: expected {form.words}"
        yield unit.on_value((*path, kind), message, _hint_for_resource_name(name) if kind == "secret" else how)
    if kind == "secret":
        yield from _project(unit, path, node)
    if "version" in keys:
        yield from _version(unit, path, node, kind)
    if "exact" in keys and node.get("exact", True) is not True:
        hint = "remove it, or write `exact: true` to send the value unchanged"
        yield unit.on_value((*path, "exact"), "`exact`: expected `true`", hint)


def _is_secret(node: Mapping[str, Any]) -> bool:
    """Return whether a mapping with `secret` is a reference: some services have a field of that name."""
    if isinstance(node["secret"], dict | list):
        return False
    keys = sorted(REFERENCE_KEYS["secret"])
    return all(key in keys or key in REFERENCE_KEYS or suggest_name(key, keys) for key in node if key != "secret")


def _find_misspelt_key(node: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Find the misspelt key of a mapping that otherwise looks like a reference, and its right spelling."""
    others = [key for key in node if key not in ("version", "project", "exact")]
    if len(others) != 1 or not isinstance(node[others[0]], str):
        return None, None
    key, value = others[0], node[others[0]]
    near = suggest_name(key, list(REFERENCE_KEYS))
    loud = bool(_LOUD_NAME.fullmatch(value))
    if "version" in node and isinstance(node["version"], int):
        kind = near or ("env" if loud else None)
    else:
        kind = near if (near == "env" and loud) or (near == "held_by" and value == FIVETRAN) else None
    return (key, kind) if kind else (None, None)


def _hint_for_resource_name(name: object) -> str:
    """Say what to write instead of Google's full resource name."""
    found = _RESOURCE.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        return f"write it as {_FORMS['secret'].written}"
    _, project, secret, _, version = found.groups()
    numbered = f"version: {version}, " if version else ""
    project = f'"{project}"' if project.isdigit() else project
    return f"write `{{secret: {secret}, {numbered}project: {project}}}`"


def _project(unit: Document, path: Path, node: Mapping[str, Any]) -> Iterator[Problem]:
    project = node.get("project")
    if project is not None and not (isinstance(project, str) and _PROJECT.fullmatch(project)):
        message = "`project`: expected the id of a project"
        yield unit.on_value((*path, "project"), message, "remove it to use the environment's `secrets_project`")


def _version(unit: Document, path: Path, node: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    version = node.get("version", 1)
    if version is None or (isinstance(version, int) and not isinstance(version, bool) and version >= 1):
        return
    if kind != "secret":
        hint = "raise it by one when the value changes"
    elif version == "latest":
        hint = "remove `version` to use the latest"
    else:
        hint = "write the version's number in Secret Manager"
    yield unit.on_value((*path, "version"), "`version`: expected a whole number from 1", hint)
