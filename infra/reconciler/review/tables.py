"""Find the tables and columns that begin to arrive in BigQuery, and those that no longer arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.review.consequence import Consequence, Severity
from reconciler.review.context import Context
from reconciler.review.preview import Step

#: How much of a source arrives in BigQuery by a word of `sync`.
_AMOUNTS = {"excluded": 0, "block_all": 0, "hashed": 1, "allow_columns": 1, "included": 2, "allow_all": 2}

#: The default of `sync.others`, which changes nothing.
_KEEP = "keep"

#: The choice of a table of which the file names columns or the mode.
_PARTLY = "included in part"

#: How the names of choices about whole tables begin, and the values of `new` by which no new table arrives.
_WHOLE, _BLOCKING = ("the schema ", "the table "), ("allow_columns", "block_all")


#: How the names of choices about modes begin.
_MODE = "the mode of the table "

#: What a table has from now on, by its mode.
_KEPT_ROWS = {
    "soft_delete": "it has one row a key, and rows that are deleted in the source stay, marked",
    "history": "it has a row for each version of a key, so queries that expect one row a key need a filter",
    "live": "it is as in the source, and rows that are deleted in the source are deleted in BigQuery",
}


def tables(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return what arrives in BigQuery that did not, as a stop; the rest of a change as a note."""
    sync, before = step.new.get("sync") or {}, step.old.get("sync") or {}
    old, new = _choices(_in_new_schema(context, unit, before)), _choices(sync)
    for choice in sorted({*old, *new}):
        (was, _), (now, path) = old.get(choice, (None, ())), new.get(choice, (None, ()))
        is_first = was is None and choice.startswith(_WHOLE) and before.get("new") in _BLOCKING
        if was == now or ({was, now} == {None, _PARTLY} and not is_first):  # The lines of the columns show that.
            continue
        if choice == "`sync.others`" and {was, now} <= {None, _KEEP}:
            continue
        text = f"changes {choice} of the {name} from {was} to {now}"
        if now is None:
            text = f"no longer declares {choice} of the {name}, which was {was}: {_undeclared(choice, sync)}"
        elif was is None:
            text = f"declares {choice} of the {name} as {now}"
        if is_first and _amount(now) > 0:
            text += f": its rows may arrive for the first time, since `new` was {before['new']}"
        if now == "excluded":
            text += ": no new rows arrive, and the rows in BigQuery stay"
        at = context.place(unit, "connector", "sync", *path)
        is_reset = choice == "`sync.others`" and now == "reset"
        if is_reset:
            rule = f"`new: {sync.get('new')}`"
            text += f": {rule} applies to all that the file does not name, and replaces choices made in Fivetran"
        if choice.startswith(_MODE) and now is not None:
            is_new = _is_new(choice, old, before)
            removed = "" if is_new else _removed_rows(was, now)
            severity: Severity = "stop" if removed else "note"
            text += f": {_KEPT_ROWS.get(now.lower(), '')}{removed}".removesuffix(": ")
            yield Consequence(severity, "table_mode_changed", text, f"{name}: {choice}", unit, at, now)
        elif _amount(now) > (0 if is_first else _amount(was)) or (is_reset and _amount(sync.get("new")) > 0):
            yield Consequence("stop", "tables_widened", text, f"{name}: {choice}", unit, at, now)
        else:
            yield Consequence("note", "tables_narrowed", text, f"{name}: {choice}", unit, at, now)


def undeclared_tables(context: Context) -> Iterator[Consequence]:
    """Return the connections whose file no longer selects tables, which changes nothing in this run."""
    listed = {step.name for step in context.preview.of_type("Activation") if step.operation in ("update", "replace")}
    for unit, after in context.after.items():
        before = context.before.get(unit)
        if unit in listed or before is None or not before.tables or after.tables or after.connection is None:
            continue
        name = f"connection {after.connection}"
        text = f"no longer declares the tables and columns of the {name}: a user can change in Fivetran what is synced"
        yield Consequence("stop", "tables_undeclared", text, name, unit, context.place(unit, "connector"))


def _in_new_schema(context: Context, unit: str, sync: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the last run's `sync` under the schema of the replacement, so that the two compare."""
    for step in context.preview.of_type("Connection"):
        if step.name == unit and step.operation == "replace":
            old, new = ((inputs.get("destination") or {}).get("schema") for inputs in (step.old, step.new))
            schemas = sync.get("schemas") or {}
            return {**sync, "schemas": {new if name == old else name: node for name, node in schemas.items()}}
    return sync


def _is_new(choice: str, old: Mapping[str, tuple[str, Any]], before: Mapping[str, Any]) -> bool:
    """Return whether the table of a mode did not arrive before, so that it has no rows."""
    table = old.get(choice.removeprefix("the mode of "))
    return table[0] == "excluded" if table else before.get("new") == "block_all"


def _removed_rows(was: str | None, now: str) -> str:
    """Return which rows in BigQuery a change of mode can delete; empty if it deletes none."""
    if (was or "").lower() == "history":
        return ". Earlier versions that are in BigQuery can be deleted"
    return ". Deleted rows that BigQuery kept can be deleted, and earlier versions" if now.lower() == "live" else ""


def _undeclared(choice: str, sync: Mapping[str, Any]) -> str:
    """Return what decides about a choice that is no longer declared."""
    others = sync.get("others", _KEEP)
    if others == _KEEP or choice.startswith("`sync."):
        return "it stays so until a user changes it in Fivetran"
    return f"it is {others} from now on, because of `others`"


def _amount(word: str | None) -> int:
    """Return how much arrives by a choice; what no file declares may arrive whole."""
    return _AMOUNTS.get(word or "", max(_AMOUNTS.values()))


def _choices(sync: Mapping[str, Any]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return each choice of `sync`, with its path, by its name.

    Such as the column `email` of `shop.customer`.
    """
    found: dict[str, tuple[str, tuple[str, ...]]] = {
        f"`sync.{key}`": (str(sync[key]), (key,)) for key in ("new", "others") if key in sync
    }
    for schema, node in (sync.get("schemas") or {}).items():
        at: tuple[str, ...] = ("schemas", schema)
        if not isinstance(node, dict):
            found[f"the schema `{schema}`"] = str(node), at
            continue
        for table, choice in (node.get("tables") or {}).items():
            name, below = f"`{schema}.{table}`", (*at, "tables", table)
            if not isinstance(choice, dict):
                found[f"the table {name}"] = str(choice), below
                continue
            found[f"the table {name}"] = _PARTLY if choice.get("columns") else "included", below
            if "mode" in choice:
                found[f"the mode of the table {name}"] = str(choice["mode"]), (*below, "mode")
            for column, word in (choice.get("columns") or {}).items():
                found[f"the column `{column}` of {name}"] = str(word), (*below, "columns", column)
    return found
