"""Roles that read tables: by what is known of predefined ones, else by their permissions, else unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.google.iam import roles

permissions = st.frozensets(st.sampled_from([*sorted(roles.READING), "bigquery.jobs.create", "bigquery.tables.get"]))


@given(st.text(), permissions)
def test_role_that_is_not_known_reads_exactly_with_a_permission_to_read(name: str, held: frozenset[str]):
    role = f"projects/example/roles/{name}"
    assert roles.role_reads_data(role) is None
    assert roles.role_reads_data(role, held) is bool(held & roles.READING)


@pytest.mark.parametrize("role", sorted(roles.BLIND))
def test_roles_without_data_access_read_no_data(role: str):
    assert roles.role_reads_data(role) is False
    assert role not in roles.BASIC


def test_role_of_fivetran_reads_no_data_of_others():
    assert roles.FIVETRANS in roles.BLIND
