"""Keys that left a file: Fivetran keeps their values, and the run warns of that once.

A PATCH merges by top-level key (operation modify_connection), so a key that is not sent stays. Nothing is cleared in
its place: whether a service takes null for a key, and what it does without a value, only the service knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import Field
from reconciler.fivetran.config_diff import may_be_left_out
from reconciler.model import CONNECTION_SETTINGS, Reference
from reconciler.resources.run.run import run
from reconciler.resources.settings import left_setting_warning

#: The trees of a connection's inputs in which Fivetran keeps what is no longer sent.
_TREES = ("config", "auth", "settings")

#: A value that says nothing, by the kind of a field.
_EMPTY: Mapping[str, str] = {"string": '""', "secret": '""', "list": "[]", "boolean": "false"}


def find_left_keys(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every key that was declared and is not any more, by its path in `connector`.

    A removed object counts as one key. Items of lists are not compared: a list is sent whole.
    """
    left = ((path, value) for tree in _TREES for path, value in _left(olds.get(tree, {}), news.get(tree, {}), tree))
    return {path.removeprefix("settings."): value for path, value in left}


def warnings(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """Return what the user has to know of keys that left the file, a message each. No value is in it."""
    left = find_left_keys(olds, news)
    return [
        _warning(news, path)
        for path, value in left.items()
        if not may_be_left_out(value) and not _is_default(path, value)
    ]


def _is_default(path: str, value: object) -> bool:
    setting = CONNECTION_SETTINGS.get(path)
    return setting is not None and setting.default == value


def _left(old: Mapping[str, Any], new: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in sorted(old.items()):
        path = f"{above}.{key}"
        if key not in new:
            yield path, value
        elif _is_object(value) and _is_object(new[key]):
            yield from _left(value, new[key], path)


def _is_object(node: object) -> bool:
    return isinstance(node, Mapping) and Reference.parse(node) is None


def _warning(props: Mapping[str, Any], path: str) -> str:
    if path in CONNECTION_SETTINGS:
        return left_setting_warning(props["file"], ("connector",), path, CONNECTION_SETTINGS[path].default)
    above, _, key = path.rpartition(".")
    service = catalog.find(props["service"])
    field = service.field(path.split(".")) if service else None
    # Of what it merges only the top-level keys of `config` are documented.
    keeps = "keeps its value" if above == "config" else "may keep its value"
    return (
        f"{run.declared.locate(props['file'], 'connector', path)}: {path} is no longer in the file; Fivetran {keeps}\n"
        f"    Write {_example(key, field)} into `{above}`, run, and remove it again to reset the value."
    )


def _example(key: str, field: Field | None) -> str:
    kind = field.kind if field else "any"
    if field and kind == "choice":
        return f"`{key}` with its default ({', '.join(field.choices)})"
    if kind in _EMPTY:
        return f"the value to set, such as `{key}: {_EMPTY[kind]}`,"
    return f"`{key}` with the value to set"
