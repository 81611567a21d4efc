"""Decide about each setting of a dataset: declared, kept as it is, or never given.

The plugin's write replaces the whole dataset (`datasets.update`). It takes away each setting that a program does not
give, except those that the plugin calls computed. So every input is decided here. A test compares this table with the
installed plugin: a new version with a new input fails until that input is in one of these lists.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

#: Inputs that a file, the environment or the lifecycle of a unit decides.
DECLARED: Final = frozenset(
    {
        "dataset_id",
        "project",
        "location",
        "friendly_name",
        "description",
        "labels",
        "default_table_expiration_ms",
        "delete_contents_on_destroy",
    }
)

#: Inputs that no file can name: they stay as they are in BigQuery, changes by hand included. By the engine's names.
KEPT: Final = (
    "defaultCollation",
    "defaultEncryptionConfiguration",
    "defaultPartitionExpirationMs",
    "externalCatalogDatasetOptions",
    "externalDatasetReference",
    "isCaseInsensitive",
    "maxTimeTravelHours",
    "resourceTags",
    "storageBillingModel",
)

#: Inputs that are never given, and why.
NEVER_GIVEN: Final[Mapping[str, str]] = {
    "accesses": "the access list is a resource of its own, and the plugin leaves out of its write what it is not given",
    "deletion_policy": "the engine enforces `protect` and `retain_on_delete` before it asks the plugin",
}

#: What BigQuery's Dataset resource (REST v2) has besides the plugin's inputs, and no write takes away: BigQuery sets it
#: itself, or does not let a write change it.
_NOT_WRITTEN: Final = frozenset(
    {
        "access",
        "creationTime",
        "datasetReference",
        "etag",
        "id",
        "kind",
        "lastModifiedTime",
        "linkedDatasetMetadata",
        "linkedDatasetSource",
        "restrictions",
        "satisfiesPzi",
        "satisfiesPzs",
        "selfLink",
        "tags",
        "type",
    }
)
_WRITTEN: Final = frozenset({*KEPT, "defaultTableExpirationMs", "description", "friendlyName", "labels", "location"})


def find_lost_settings(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a Dataset resource (REST v2) that a write of the plugin would remove."""
    known = _NOT_WRITTEN | _WRITTEN
    return {name: value for name, value in sorted(resource.items()) if name not in known and value not in _EMPTY}


_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, "ROUNDING_MODE_UNSPECIFIED")


def describe_losses(dataset: str, resource: Mapping[str, Any]) -> list[str]:
    """Return one text for each setting that the plugin's write takes away, with how to set it again."""
    return [
        f"writing the dataset {dataset} removes its {name} ({value}), which the gcp plugin does not know\n"
        f"    Set it again after the run, with `ALTER SCHEMA {dataset} SET OPTIONS (...)`"
        for name, value in find_lost_settings(resource).items()
    ]


MOST_LABELS: Final = 64
LONGEST_LABEL: Final = 63
LONGEST_DATASET_ID: Final = 1024

#: https://cloud.google.com/bigquery/docs/datasets#dataset-naming
DATASET_ID = re.compile(rf"[A-Za-z0-9_]{{1,{LONGEST_DATASET_ID}}}")

#: Unicode's categories of letters without capitals, of what is written onto letters, and of digits.
_LETTERS = frozenset({"Ll", "Lo", "Lm"})
_MARKS_AND_DIGITS = frozenset({"Mn", "Mc", "Me", "Nd", "Nl", "No"})


def is_label_key(text: str) -> bool:
    """Return whether BigQuery takes a text as a label's key."""
    return text != "" and unicodedata.category(text[0]) in _LETTERS and is_label_value(text)


def is_label_value(text: str) -> bool:
    """Return whether BigQuery takes a text as a label's value."""
    return len(text) <= LONGEST_LABEL and all(map(_is_allowed, text))


def _is_allowed(character: str) -> bool:
    return character in "_-" or unicodedata.category(character) in _LETTERS | _MARKS_AND_DIGITS
