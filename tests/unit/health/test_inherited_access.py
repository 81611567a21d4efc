"""Inherited access: the results are exactly the bindings whose role reads a dataset."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.google.iam import roles
from reconciler.google.iam.policies import Binding, PolicyHolder
from reconciler.health.inherited_access import inherited_access

PERMITS = {
    "projects/p/roles/reads": frozenset({"bigquery.tables.getData"}),
    "projects/p/roles/looks": frozenset({"bigquery.tables.get"}),
    "projects/p/roles/hidden": None,
}
READS = {**dict.fromkeys(roles.BLIND, False), "roles/bigquery.dataViewer": True, "projects/p/roles/reads": True}
READS |= {"projects/p/roles/looks": False}

binding = st.builds(
    Binding,
    st.sampled_from([*READS, "projects/p/roles/hidden", *roles.BASIC]),
    st.lists(st.sampled_from(["user:a@x.org", "user:b@x.org", "group:c@x.org"]), max_size=3, unique=True).map(tuple),
    st.sampled_from([None, "for now"]),
)
bindings = st.none() | st.lists(binding, max_size=4).map(tuple)
holder = st.builds(PolicyHolder, st.just("folders/1"), st.just(""), bindings)
entry = st.sampled_from([{"role": "READER", "specialGroup": group} for group in roles.BASIC.values()])
lists = st.dictionaries(st.sampled_from(["pay", "bonus"]), st.none() | st.lists(entry, max_size=2).map(tuple))


@given(st.lists(holder, max_size=2), lists)
def test_inherited_access_is_exactly_that_of_roles_which_read_a_dataset(holders, lists):
    def can_read(role: str, id_: str) -> bool | None:
        if role not in roles.BASIC:
            return READS.get(role)
        groups = None if lists[id_] is None else {each["specialGroup"] for each in lists[id_]}
        return None if groups is None else roles.BASIC[role] in groups

    expected = sorted(
        (member, each.role, each.condition or "", id_, reads is True)
        for one in holders
        for each in one.bindings or ()
        for member in each.members
        for id_ in lists
        if member != "user:b@x.org" and (reads := can_read(each.role, id_)) is not False
    )
    found = sorted(
        (member, access.role, access.condition or "", id_, access.certain)
        for access in inherited_access(holders, PERMITS.get, lists, {"user:b@x.org"})
        for member in access.members
        for id_ in access.datasets
    )
    assert found == expected
