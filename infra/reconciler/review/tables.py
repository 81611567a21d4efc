"""Find the tables and columns that begin to arrive in BigQuery, and those that no longer arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from reconciler.review.consequence import Consequence, Severity
from reconciler.review.context import Context
from reconciler.review.datasets import deleted_datasets
from reconciler.review.preview import Step

#: How much of a source arrives in BigQuery by a word of `sync`.
_AMOUNTS = {"excluded": 0, "block_all": 0, "hashed": 1, "allow_columns": 1, "included": 2, "allow_all": 2}

#: The default of `sync.others`, which changes nothing.
_KEEP = "keep"

#: The choices of a table of which the file names columns, and of a schema of which it names tables.
_COLUMNS, _TABLES = "included, with a choice of columns", "included, with a choice of tables"
_PARTLY = {_COLUMNS, _TABLES}

#: Where a choice is in `sync`: `schemas`, the schema, `tables`, the table, `columns`, the column.
_Path: TypeAlias = tuple[str, ...]

#: The lengths of a schema's path and of that of a table's mode, above which are those of its columns.
_OF_A_SCHEMA, _OF_A_TABLE = 2, 5

#: What `new` does with what the source adds later.
_NEW = {
    "allow_all": "schemas, tables and columns that the source adds later arrive, readable",
    "allow_columns": "columns that the source adds later arrive, readable; schemas and tables do not",
    "block_all": "schemas, tables and columns that the source adds later do not arrive",
}

#: What `others: reset` does with all that the file does not name, by `new`.
_RESET = {
    "allow_all": (
        "schemas, tables and columns that the file does not name arrive, readable, whatever is chosen in Fivetran"
    ),
    "allow_columns": (
        "schemas and tables that the file does not name no longer arrive. Columns that it does not name arrive, "
        "readable, where their table does, whatever is chosen in Fivetran"
    ),
    "block_all": (
        "schemas, tables and columns that the file does not name no longer arrive, whatever is chosen in Fivetran"
    ),
}

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
    is_replaced = any(
        each.name == unit and each.operation == "replace" for each in context.preview.of_type("Connection")
    )
    for choice in sorted({*old, *new}):
        (was, old_path), (now, path) = old.get(choice, (None, ())), new.get(choice, (None, ()))
        is_first = was is None and choice.startswith(_WHOLE) and before.get("new") in _BLOCKING
        if was == now or (choice == "`sync.others`" and {was, now} <= {None, _KEEP}):
            continue
        fate, because = (now, "") if now is not None else _undeclared(old_path, sync, is_replaced=is_replaced)
        # The lines of its parts show what arrives of a table or schema.
        if (_PARTLY & {was, now} and fate != "excluded" and was != "excluded" and not is_first) or (
            now is None and _is_excluded_above(old_path, sync)
        ):
            continue
        text = f"changes {choice} of the {name} from {was} to {now}"
        if now is None:
            because = (
                f"it {'stays' if fate == was else 'is'} {fate} from now on, because of {because}" if fate else because
            )
            text = f"no longer declares {choice} of the {name}, which was {was}: {because}"
        elif was is None:
            text = f"declares {choice} of the {name} as {now}"
        if is_first and _amount(now) > 0:
            text += f": its rows may arrive for the first time, since `new` was {before['new']}"
        elif fate != was:
            text += _effect(choice, was, fate, is_deleted=_deletes_dataset(context, unit, path or old_path))
        at = context.place(unit, "connector", "sync", *path)
        if choice == "`sync.new`" and now is not None:
            text += f": {_NEW.get(now, '')}"
        is_reset = choice == "`sync.others`" and now == "reset"
        if is_reset:
            text += f": {_RESET.get(str(sync.get('new')), '')}"
        if choice.startswith(_MODE) and now is not None:
            is_new = _is_new(choice, old, before)
            removed = "" if is_new else _removed_rows(was, now)
            severity: Severity = "stop" if removed else "note"
            text += f": {_KEPT_ROWS.get(now.lower(), '')}{removed}".removesuffix(": ")
            yield Consequence(severity, "table_mode_changed", text, f"{name}: {choice}", unit, at, now)
        elif _amount(fate) > (0 if is_first else _amount(was)) or (is_reset and _amount(sync.get("new")) > 0):
            value = [fate, sync.get("new")] if is_reset else fate
            text += _undeclared_dataset(context, unit, path) if choice.startswith(_WHOLE) else ""
            yield Consequence("stop", "tables_widened", text, f"{name}: {choice}", unit, at, value)
        else:
            yield Consequence("note", "tables_narrowed", text, f"{name}: {choice}", unit, at, fate)


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
    if now.lower() == "live":
        kept = "Earlier versions" if (was or "").lower() == "history" else "Deleted rows that BigQuery kept"
        return f". {kept} can be deleted" + ("" if was else ", and earlier versions")
    if was is None and now.lower() != "history":
        return ". If the mode in Fivetran is history now, earlier versions that are in BigQuery can be deleted"
    return ". Earlier versions that are in BigQuery can be deleted" if (was or "").lower() == "history" else ""


def _undeclared(path: _Path, sync: Mapping[str, Any], *, is_replaced: bool) -> tuple[str | None, str]:
    """Return what an undeclared choice is now, None if the file does not decide, and the reason.

    `others: reset` never changes a mode (`fivetran.tables.comparison`).
    """
    if path[-1:] == ("mode",) and len(path) == _OF_A_TABLE:
        if is_replaced:
            return None, "the new connection has the mode that Fivetran chooses"
        return None, "the table keeps its mode and its rows until a user changes the mode in Fivetran"
    if len(path) > 1 and sync.get("others") == "reset":
        arrives = sync.get("new") == "allow_all" or (len(path) > _OF_A_TABLE and sync.get("new") != "block_all")
        return "included" if arrives else "excluded", f"`others: reset` and `new: {sync.get('new')}`"
    if len(path) > 1 and is_replaced:
        return "included", "the replacement, which keeps no choice that no file declares"
    return None, "it stays so until a user changes it in Fivetran"


def _is_excluded_above(path: _Path, sync: Mapping[str, Any]) -> bool:
    """Return whether the schema or the table of a choice is excluded, which its own line shows."""
    schemas = sync.get("schemas") or {}
    if len(path) <= _OF_A_SCHEMA:
        return False
    resets = sync.get("others") == "reset" and sync.get("new") != "allow_all"
    schema = schemas.get(path[1], "excluded" if resets else None)
    if schema == "excluded" or len(path) < _OF_A_TABLE:
        return bool(schema == "excluded")
    tables = schema.get("tables") or {} if isinstance(schema, dict) else {}
    return bool(tables.get(path[3], "excluded" if resets else None) == "excluded")


def _effect(choice: str, was: str | None, now: str | None, *, is_deleted: bool) -> str:
    """Return what a change of a choice means for the data; empty where another line shows that."""
    what = "values" if choice.startswith("the column ") else "rows"
    if now == "excluded":
        if is_deleted:
            return f": no new {what} arrive, and those in BigQuery are deleted with the dataset"
        return f": no new {what} arrive, and those in BigQuery stay"
    if now == "hashed":
        earlier = ", and those in BigQuery can stay readable" if was in (None, "included") else ""
        return f": its values arrive hashed from the next sync on{earlier}"
    if now in {"included", *_PARTLY} and was in ("hashed", "excluded"):
        return f": its {what} arrive {'readable ' if was == 'hashed' else ''}from the next sync on"
    return ""


def _dataset_of(context: Context, unit: str, path: _Path) -> str | None:
    """Return the dataset of a schema, where each has one of its own."""
    connector = context.units[unit].connector if unit in context.units else None
    if connector is None or connector.destination.schema_prefix is None or len(path) < _OF_A_SCHEMA:
        return None
    return f"{connector.destination.schema_prefix}_{path[1]}"


def _deletes_dataset(context: Context, unit: str, path: _Path) -> bool:
    """Return whether the run deletes the dataset of a schema with its data."""
    return _dataset_of(context, unit, path) in deleted_datasets(context.preview)


def _undeclared_dataset(context: Context, unit: str, path: _Path) -> str:
    """Return that rows arrive in a dataset whose access no file declares."""
    dataset = _dataset_of(context, unit, path)
    if dataset is None or dataset in context.datasets:
        return ""
    return f". No file declares the dataset {dataset}, so it has BigQuery's default access"


def _amount(word: str | None) -> int:
    """Return how much arrives by a choice; what no file declares may arrive whole."""
    return _AMOUNTS.get(word or "", max(_AMOUNTS.values()))


def _choices(sync: Mapping[str, Any]) -> dict[str, tuple[str, _Path]]:
    """Return each choice of `sync`, with its path, by its name.

    Such as the column `email` of `shop.customer`.
    """
    found: dict[str, tuple[str, _Path]] = {
        f"`sync.{key}`": (str(sync[key]), (key,)) for key in ("new", "others") if key in sync
    }
    for schema, node in (sync.get("schemas") or {}).items():
        at: _Path = ("schemas", schema)
        if not isinstance(node, dict):
            found[f"the schema `{schema}`"] = str(node), at
            continue
        found[f"the schema `{schema}`"] = _TABLES, at
        for table, choice in (node.get("tables") or {}).items():
            name, below = f"`{schema}.{table}`", (*at, "tables", table)
            if not isinstance(choice, dict):
                found[f"the table {name}"] = str(choice), below
                continue
            found[f"the table {name}"] = _COLUMNS if choice.get("columns") else "included", below
            if "mode" in choice:
                found[f"the mode of the table {name}"] = str(choice["mode"]), (*below, "mode")
            for column, word in (choice.get("columns") or {}).items():
                found[f"the column `{column}` of {name}"] = str(word), (*below, "columns", column)
    return found
