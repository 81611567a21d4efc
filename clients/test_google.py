"""Google's libraries on the local Google Cloud, under the names that they have in their code."""

from __future__ import annotations

import httpx
from tests.served import served

from clients.conftest import Client
from simulator.storage.app import build_app
from simulator.storage.state import Store


def test_googles_libraries_read_what_the_unit_has(client: Client):
    admin_url = client.services.simulators.admin_url
    version = {"project": "dev-project", "secret": "key", "version": 1, "value": "any"}
    answer = httpx.put(f"{admin_url}/secret-manager/versions", json={"versions": [version]}, trust_env=False)
    answer.raise_for_status()
    read = client.script("google/read.py", project="dev-project", secret="projects/dev-project/secrets/key/versions/1")
    assert read["datasets"] == ["stripe"]
    assert (read["name"], read["project"], read["secret"]) == ("Stripe", "dev-project", "any")
    assert "engineers@example.com" in read["members"]
    assert "roles/bigquery.user" in read["roles"]
    assert "Not found: Dataset dev-project:nothing" in read["missing"]


def test_googles_library_for_storage_accepts_the_local_cloud_storage(client: Client):
    with served(build_app(Store())) as address:
        found = client.script("google/state_bucket.py", address=address)
    assert found == {
        "content": ['{"pid": 2}', '{"pid": 1}'],
        "rejected": True,
        "created_twice": False,
        "names": ["team/copy with spaces.json"],
        "folders": ["team/.pulumi/"],
        "gone": True,
        "versioning": False,
        "prevention": "inherited",
        "permissions": ["storage.objects.get"],
        "bindings": [],
    }
