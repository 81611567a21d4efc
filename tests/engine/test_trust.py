"""A database behind a private authority, from its first failed test to the last revocation, through the real CLI."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from admin import Admin
from tests.certificates import authority
from workspace import Workspace

APPROVE = "POST /v1/connections/{id}/certificates"
REVOKE = "DELETE /v1/connections/{id}/certificates/{hash}"
TEST = "POST /v1/connections/{connection_id}/test"


def unit(trust: str = "") -> str:
    """The file of the shop's database."""
    return f"""\
description: Orders.
owners: [owner@example.com]
connector:
  service: postgres
  destination: {{schema_prefix: shop}}
  config: {{host: db.example.com, database: shop, user: fivetran, password: {{env: STRIPE_KEY, version: 1}}}}
{textwrap.indent(trust, "  ")}datasets: {{public: {{}}}}
"""


def approved(admin: Admin) -> list[Any]:
    """The names of the certificates that Fivetran trusts."""
    return [each["name"] for each in admin.connections()["shop"]["certificates"]]


def test_private_authority_is_trusted_by_what_a_failed_test_prints(workspace: Workspace, admin: Admin):
    ca = authority("Example CA")
    admin.set_host("db.example.com", certificates=[ca.issue("db.example.com").pem, ca.pem])
    workspace.write("shop", unit())
    failed = workspace.up()
    assert failed.code != 0
    assert workspace.outcomes() == {"shop": "failed"}
    pasted = re.search(r"^( *)trust:\n(?:\1 .*\n)+", failed.out, re.MULTILINE)
    assert pasted is not None
    snippet = textwrap.dedent(pasted[0])

    workspace.write("shop", unit(snippet))
    admin.forget_requests()
    workspace.up().ok()
    assert workspace.outcomes() == {"shop": "connected"}
    assert admin.writes()[:3] == [APPROVE, APPROVE, TEST]
    assert sorted(approved(admin)) == ["CN=Example CA", "CN=db.example.com"]

    certificates = admin.connections()["shop"]["certificates"]
    admin.edit("shop", certificates=certificates[:1])
    assert "trust" in workspace.preview("--refresh", "--diff").ok().out
    workspace.up("--refresh").ok()
    assert sorted(approved(admin)) == ["CN=Example CA", "CN=db.example.com"]

    server = snippet.index("    # CN=db.example.com")
    workspace.write("shop", unit(snippet[:server] + snippet[snippet.index("    # CN=Example CA") :]))
    admin.forget_requests()
    changed = workspace.up().ok()
    assert admin.writes() == [REVOKE, TEST]
    assert "revoked the certificate CN=db.example.com" in changed.out
    assert approved(admin) == ["CN=Example CA"]
    workspace.assert_settled()
