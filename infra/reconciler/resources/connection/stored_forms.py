"""Remember what Fivetran made of values that were sent.

A folder's address that comes back as an id is not drift.

State remembers of each such value, by its dotted path in `config`, what was sent and what Fivetran stored in its place.
A refresh that finds the stored form reads it as what was sent; anything else is drift. Of a list with references in it
the masks of Fivetran are remembered in their place. Nothing is remembered where the stored form contains a value that a
reference stands for, or does not mask it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from reconciler.fivetran.catalog import Field
from reconciler.fivetran.config_diff import ABSENT, MASK, differences, project
from reconciler.model import Reference, references

#: By dotted path: `sent`, in the file's words, and `stored`, which is absent where Fivetran shows nothing.
StoredForms: TypeAlias = Mapping[str, Mapping[str, Any]]


def learn(
    declared: Mapping[str, Any],
    live: Mapping[str, Any],
    before: StoredForms,
    *,
    keys: Collection[str],
    field: Field | None,
    is_secret: Callable[[Any], bool],
) -> dict[str, dict[str, Any]]:
    """Compare a config that was just sent with the one that Fivetran answered.

    Args:
        declared: The config as its file declares it.
        live: The config in Fivetran's answer to the write.
        before: What is remembered already.
        keys: The top-level keys that were sent. Of others a difference may be anyone's: nothing is learnt of them.
        field: What the catalogue knows of the config.
        is_secret: Whether a value contains what a reference stands for, and must not get into state.

    Returns:
        What is to be remembered from now on.
    """
    known = {
        path: dict(form)
        for path, form in before.items()
        if path.partition(".")[0] not in keys and _at(declared, path) == form["sent"]
    }
    sent = {key: value for key, value in declared.items() if key in keys}
    for each in differences(sent, live, field=field):
        form = each.live
        if any(True for _ in references(each.declared)):
            try:
                form = _masked_form(each.declared, _at(live, each.path))
            except _NoForm:
                continue
        elif _has_mask(form):
            continue
        if is_secret(form):
            continue
        known[each.path] = {"sent": each.declared, **({} if form is ABSENT else {"stored": form})}
    return known


def recall(live: Mapping[str, Any], forms: StoredForms, field: Field | None) -> dict[str, Any]:
    """Return a live config with what was sent in place of each stored form that it has."""
    read = copy.deepcopy(dict(live))
    for path, form in forms.items():
        if _is_stored(form, _at(live, path), _field_at(field, path)):
            _put(read, path.split("."), form["sent"])
    return read


class _NoForm(Exception):
    """What is live is not masked where a reference stands, or of another shape than what is declared."""


def _masked_form(declared: Any, live: Any) -> Any:
    """Return what is declared as it is live, with masks where references stand. Raises `_NoForm`."""
    if Reference.parse(declared) is not None:
        if live not in (MASK, None, ABSENT):
            raise _NoForm
        return MASK
    if isinstance(declared, Mapping) and isinstance(live, Mapping):
        inner = ((key, _masked_form(node, live.get(key, ABSENT))) for key, node in declared.items())
        return {key: node for key, node in inner if node is not ABSENT}
    if isinstance(declared, list) and isinstance(live, list) and len(declared) == len(live):
        return [_masked_form(node, other) for node, other in zip(declared, live, strict=True)]
    if any(isinstance(node, Mapping | list) for node in (declared, live)):
        raise _NoForm
    return live


def _is_stored(form: Mapping[str, Any], live: Any, field: Field | None) -> bool:
    stored = form.get("stored", ABSENT)
    if stored is ABSENT or live is ABSENT or live is None:
        return stored is ABSENT and (live is ABSENT or live is None)
    return bool(project(stored, live, field) == stored)


def _at(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree.get(step, ABSENT) if isinstance(tree, Mapping) else ABSENT
    return tree


def _field_at(field: Field | None, path: str) -> Field | None:
    for step in path.split("."):
        field = field.fields.get(step) if field else None
    return field


def _put(tree: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        inner = tree.get(step)
        if not isinstance(inner, dict):
            inner = tree[step] = {}
        tree = inner
    tree[steps[-1]] = copy.deepcopy(value)


def _has_mask(node: Any) -> bool:
    if isinstance(node, Mapping):
        return any(map(_has_mask, node.values()))
    return any(map(_has_mask, node)) if isinstance(node, list) else bool(node == MASK)
