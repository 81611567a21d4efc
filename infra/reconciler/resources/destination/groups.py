"""Find, create or rename the environment's Fivetran group.

It is found by its name or its former name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fivetran.api import FivetranError, Group
from reconciler.resources.run.account import look_ahead
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run


def is_renamed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether the group of the last run has a new name, as `formerly` declares."""
    return "formerly" in news and news["formerly"] == olds.get("group") != news["group"]


def check_rename(props: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the live name of a group with `formerly`, and why renaming it is rejected, if it is.

    Where Fivetran does not answer, nothing is rejected: an apply asks again before it writes. Raises `Unauthorized`
    and `Forbidden`.
    """
    name, old = props["group"], props["formerly"]

    def ask() -> frozenset[str]:
        return frozenset(each for each in (name, old) if run.account.groups(each))

    nothing: frozenset[str] = frozenset()
    names = look_ahead("whether the group can be renamed", ask, nothing)
    if {name, old} <= names:
        place = run.declared.locate(props["environment_file"], "fivetran", "formerly")
        return name, [f"{place}: {_both(name, old)}"]
    return (old if old in names else name), []


def find(props: Mapping[str, Any]) -> Group | None:
    """Return the group of an environment, renamed where it still has its former name.

    Raises `OperationError`.
    """
    run.account.forget_groups()
    found = _one(props["group"])
    former = _one(props["formerly"]) if "formerly" in props else None
    if former is None:
        return found
    if found is not None:
        raise OperationError(_both(props["group"], props["formerly"]), at=("fivetran", "formerly"))
    return _rename(former.id, props["group"])


def rename(id_: str, props: Mapping[str, Any]) -> None:
    """Give a group its new name. Raises `OperationError` where another one has it."""
    run.account.forget_groups()
    if any(group.id != id_ for group in run.account.groups(props["group"])):
        raise OperationError(_both(props["group"], props["formerly"]), at=("fivetran", "formerly"))
    _rename(id_, props["group"])


def make(name: str) -> Group:
    """Create the group, exactly once."""
    try:
        made = run.account.client().create_group(name)
    except FivetranError:
        # The answer may have been lost, not the request: what exists now decides.
        existing = _named_now(name)
        if not existing:
            raise
        return existing[0]
    # The plugin process of a killed run may have made one meanwhile (decision 2): the older one stays.
    older = _named_now(name)[:1]
    if older and older[0].id != made.id:
        run.account.client().delete_group(made.id)
        run.account.forget_groups()
        return older[0]
    return made


def _named_now(name: str) -> list[Group]:
    run.account.forget_groups()
    return run.account.groups(name)


def _rename(id_: str, name: str) -> Group:
    try:
        return run.account.client().update_group(id_, name=name)
    finally:
        run.account.forget_groups()


def _one(name: str) -> Group | None:
    found = run.account.groups(name)
    if len(found) > 1:
        ids = ", ".join(group.id for group in found)
        raise OperationError(
            f"several Fivetran groups have the name {name}: {ids}\n    Rename all but one.", at=("fivetran", "group")
        )
    return found[0] if found else None


def _both(name: str, old: str) -> str:
    return (
        f"Fivetran has both groups, {name} and {old}, so the run cannot rename {old}\n"
        "    Delete or rename one of them in Fivetran, or correct `group` and `formerly`."
    )
