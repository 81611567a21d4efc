"""Call the provider's hook like Airflow's interface: test the connection, and find a connector's id."""

import json
import sys

from fivetran_provider_async.hooks import FivetranHook

asked = json.loads(sys.argv[1])
hook = FivetranHook()
answer = {
    "connection": hook.test_connection()[0],
    "connector_id": hook.get_connector_id(asked["name"], asked["group"]),
    "schemas": sorted(hook.get_connector_schemas(asked["id"])["schemas"]),
}
print(json.dumps(answer))
