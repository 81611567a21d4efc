"""Format the changes of a pull to an entry of the catalogue, one line per field."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fivetran.catalog.service import Field, Service, walk


def changes(old: Service, new: Service) -> Iterator[str]:
    """List the differences between two entries of a service: `+` new, `-` removed, `~` changed."""
    for attribute in ("name", "status", "form", "consent"):
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after:
            label = "destination" if attribute == "form" else attribute
            yield f"~ {label}: {before or 'unknown'} → {after or 'unknown'}"
    before_, after_ = _fields(old), _fields(new)
    for path in sorted(before_ | after_):
        if path not in before_:
            yield f"+ {path}: {_described(after_[path])}"
        elif path not in after_:
            yield f"- {path}: {_described(before_[path])}"
        elif before_[path] != after_[path]:
            yield from _changed(path, before_[path], after_[path])


def _fields(service: Service) -> dict[str, Field]:
    return dict([*walk(service.config, "config"), *walk(service.auth, "auth")])


def _changed(path: str, old: Field, new: Field) -> Iterator[str]:
    before, after = _described(old), _described(new)
    if before != after:
        yield f"~ {path}: {before} → {after}"
    added, gone = set(_choices(new)) - set(_choices(old)), set(_choices(old)) - set(_choices(new))
    if _choices(old) and _choices(new):
        yield from (f"+ {path}: {choice or 'the empty text'}" for choice in sorted(added))
        yield from (f"- {path}: {choice or 'the empty text'}" for choice in sorted(gone))


def _described(field: Field) -> str:
    """Describe a field, without the fields inside it."""
    flags = [word for word in ("required", "immutable", "readonly", "nullable") if getattr(field, word)]
    lists, inner = "", field
    while inner.items is not None:
        lists, inner = f"{lists}list of ", inner.items
    words = f"{lists}{inner.kind}"
    return f"{words}, {', '.join(flags)}" if flags else words


def _choices(field: Field) -> tuple[str, ...]:
    while field.items is not None:
        field = field.items
    return field.choices
