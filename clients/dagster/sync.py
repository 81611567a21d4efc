"""Load a Fivetran workspace as Dagster's assets, then sync one connection and wait for its end."""

import json
import sys
import warnings

from dagster_fivetran import FivetranWorkspace, load_fivetran_asset_specs

warnings.simplefilter("ignore")
asked = json.loads(sys.argv[1])
workspace = FivetranWorkspace(account_id="simulated_account", api_key=asked["key"], api_secret=asked["secret"])
specs = load_fivetran_asset_specs(workspace)
output = workspace.get_client().sync_and_poll(asked["id"], poll_interval=1, poll_timeout=120)
assert output is not None
answer = {
    "assets": sorted(spec.key.to_user_string() for spec in specs),
    "succeeded_at": output.connector_details["succeeded_at"],
    "schemas": sorted(output.schema_config["schemas"]),
}
print(json.dumps(answer))
