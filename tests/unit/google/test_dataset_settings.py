"""What becomes of each setting of a dataset, held against the installed plugin."""

from __future__ import annotations

import inspect
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the package's own, about classes that nothing here uses
    from pulumi_gcp.bigquery import DatasetArgs

from reconciler.google.bigquery import dataset_settings

#: The inputs of the plugin's resource, by its own names in Python.
INPUTS = set(inspect.signature(DatasetArgs.__init__).parameters) - {"__self__"}
#: The kept settings by their names in Python.
KEPT = {
    "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name) for name in dataset_settings.KEPT
}


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_each_input_of_the_plugin_is_declared_kept_or_never_set(name: str):
    fates = [
        dataset_settings.DECLARED,
        KEPT,
        set(dataset_settings.NEVER_GIVEN),
    ]
    assert [name in fate for fate in fates].count(True) == 1


def test_lists_of_inputs_name_only_inputs_of_the_plugin():
    assert {
        *dataset_settings.DECLARED,
        *KEPT,
        *dataset_settings.NEVER_GIVEN,
    } == INPUTS


def test_settings_unknown_to_the_plugin_are_lost_by_a_write():
    resource = {"kind": "bigquery#dataset", "defaultCollation": "und:ci", "labels": {"a": "b"}, "location": "US"}
    assert dataset_settings.find_lost_settings(resource) == {}
    lost = {"defaultRoundingMode": "ROUND_HALF_EVEN", "somethingNew": {"a": 1}}
    assert dataset_settings.find_lost_settings({**resource, **lost, "empty": {}}) == lost
    assert dataset_settings.find_lost_settings({**resource, "defaultRoundingMode": "ROUNDING_MODE_UNSPECIFIED"}) == {}
