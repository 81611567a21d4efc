"""What the resources of a state refer to."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.state.resources import change_urns, name_of, references_of

A, B = "urn:pulumi:dev::project::kind::a", "urn:pulumi:dev::project::kind::b"


@pytest.mark.parametrize(
    "referring", [{"parent": A}, {"deletedWith": A}, {"dependencies": [B, A]}, {"propertyDependencies": {"id": [A]}}]
)
def test_references_are_found_and_left_out_in_every_field(referring: dict[str, Any]):
    resource = {"urn": B, "type": "kind", **referring}
    assert A in references_of(resource)
    left = change_urns(resource, lambda _field, urn: None if urn == A else urn)
    assert A not in references_of(left)
    assert left["urn"] == B


def test_name_of_a_resource_may_have_colons():
    assert name_of({"urn": "urn:pulumi:dev::project::kind::project::role::member"}) == "project::role::member"
