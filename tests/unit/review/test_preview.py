"""What is read of a preview, and what is rejected as none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.review.previews import stack, step

from reconciler.model.errors import ReconcilerError
from reconciler.review.preview import read_preview

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '{"steps": {}}', '{"steps": [1]}', "{}", '{"steps": []}', "[" * 9999]
)
def test_file_that_is_not_a_preview_is_rejected_by_name(text: str):
    with pytest.raises(ReconcilerError, match=r"^p\.json: "):
        read_preview(text, "p.json", "dev")


@given(st.fixed_dictionaries({"op": _JSON, "urn": _JSON, "oldState": _JSON, "newState": _JSON}), _JSON)
def test_steps_of_any_shape_are_read_or_rejected(broken, diagnostics):
    document = {"steps": [stack(), broken], "diagnostics": diagnostics}
    assert read_preview(json.dumps(document), "p.json", "dev").outputs == {}


def test_errors_are_faults_without_what_the_engine_adds():
    messages = [
        {
            "severity": "error",
            "message": "error: Failed: a.yaml:1:1: it is wrong\n",
            "urn": step("x", "Preflight", "dev")["urn"],
        },
        {"severity": "error", "message": "error: an unhandled error occurred: program exited"},
        {"severity": "info", "message": "grants x"},
    ]
    document = json.dumps({"steps": [stack()], "diagnostics": messages})
    assert [each.text for each in read_preview(document, "p.json", "dev").faults] == ["a.yaml:1:1: it is wrong"]
