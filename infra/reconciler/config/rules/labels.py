"""Check labels: the form of each, and their number on a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconciler.config.specs import Specs, declared_datasets, string_items
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.google.bigquery.dataset_settings import LONGEST_LABEL, MOST_LABELS, is_label_key, is_label_value
from reconciler.lifecycle import expiry
from reconciler.model.errors import Problem

_DEFAULT = ("labels", "default")
_REQUIRED = ("labels", "required")
_CHARACTERS = "lower-case letters, digits, underscores and hyphens"


def check_label_forms(specs: Specs) -> Iterator[Problem]:
    """Find labels that the schema accepts and BigQuery rejects.

    Those are capitals, signs and spaces of any script beyond ASCII.
    """
    for document in specs.environments.values():
        yield from _labels(document, _DEFAULT)
        for key, path in string_items(document, *_REQUIRED):
            if _is_unchecked_key(key) and not is_label_key(key):
                yield _problem(document.on_value, path, key, "a label key")
    for unit in specs.all_units():
        for _, path in declared_datasets(unit):
            yield from _labels(unit, (*path, "labels"))


def _labels(document: Document, path: Path) -> Iterator[Problem]:
    labels = document.at(*path)
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if _is_unchecked_key(key) and not is_label_key(key):
            yield _problem(document.on_key, (*path, key), key, "a label key")
        if isinstance(value, str) and _is_unchecked(value) and not is_label_value(value):
            yield _problem(document.on_value, (*path, key), value, "a label's value")


def _is_unchecked_key(text: str) -> bool:
    return _is_unchecked(text) and (not text[0].isascii() or text[0].isalpha())


def _is_unchecked(text: str) -> bool:
    """Return whether the schema cannot judge a text: it is right but for characters beyond ASCII."""
    ascii_letters = text.encode("ascii", "ignore").decode()
    return ascii_letters != text and len(text) <= LONGEST_LABEL and is_label_value(ascii_letters)


def _problem(at: Callable[[Path, str], Problem], path: Path, text: str, what: str) -> Problem:
    first = ", a letter first" if what == "a label key" else ""
    return at(path, f"expected {what}: at most {LONGEST_LABEL} {_CHARACTERS}{first}; found {shown(text)}")


def check_label_count(specs: Specs) -> Iterator[Problem]:
    """Count a dataset's labels, with those of its environment and `expires`.

    The schema sees only the dataset's own.
    """
    for environment, units in specs.units.items():
        document = specs.environments.get(environment)
        default = document.at(*_DEFAULT) if document is not None else None
        given = set(default) if isinstance(default, dict) else set()
        for unit in units.values():
            expires = isinstance(unit.at("expires"), str)
            for dataset, path in declared_datasets(unit):
                own = unit.at(*path, "labels")
                written = set(own) if isinstance(own, dict) else set()
                count = len(given | written | ({expiry.LABEL} if expires else set()))
                if count > MOST_LABELS and len(written) <= MOST_LABELS:  # else the schema says it
                    at = (*path, "labels") if written else ("expires",) if expires else path
                    further = [f"{len(given - written)} by {document.where(_DEFAULT)}"] if document and given else []
                    further += ["one by `expires`"] if expires else []
                    message = f"the dataset {shown(dataset)} has {count} labels ({' and '.join(further)})"
                    yield unit.on_key(at, message, f"remove {count - MOST_LABELS}: BigQuery allows {MOST_LABELS}")
