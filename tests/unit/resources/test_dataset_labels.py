"""Which labels of a dataset that exists are left to the plugin to write."""

from __future__ import annotations

from reconciler.lifecycle import expiry
from reconciler.model import Dataset
from reconciler.resources.dataset.listing import Listed
from reconciler.resources.dataset.resource import labels_in_place


def test_labels_that_are_right_are_not_written_by_an_import():
    dataset = Dataset("d", "US", labels={"a-b": "1", "team": "x", "new": ""})
    assert labels_in_place(dataset, Listed("US", {"a-b": "1", "team": "y", "other": "z"})) == ["labels.a-b"]
    assert labels_in_place(dataset, None) == []


def test_import_stores_the_expiry_label_of_a_dataset():
    dataset = Dataset("d", "US", labels={expiry.LABEL: "1"})
    assert labels_in_place(dataset, Listed("US", dataset.labels)) == []
