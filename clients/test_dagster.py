"""dagster-fivetran on the local Fivetran."""

from __future__ import annotations

from clients.conftest import Client


def test_dagster_loads_the_assets_and_syncs_a_connection(client: Client):
    services = client.services
    services.admin.edit("stripe", paused=False)
    before = services.connection()
    services.admin.forget_requests()
    keys = {"key": services.simulators.fivetran_key, "secret": services.simulators.fivetran_secret}
    answer = client.script("dagster/sync.py", id=before["id"], **keys)
    after = services.connection()
    assert {"stripe/customer", "stripe/invoice"} <= set(answer["assets"])
    assert (after["syncs"], after["syncing"]) == (before["syncs"] + 1, False)
    assert answer["schemas"] == ["stripe"]
    path = f"/v1/connectors/{before['id']}"
    asked = client.asked()
    assert {status for _, _, status in asked} == {200}
    assert ("POST", f"{path}/force", 200) in asked
