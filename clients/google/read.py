"""Read the deployed unit's dataset with Google's libraries."""

import json
import sys

from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, resourcemanager_v3, secretmanager_v1

asked = json.loads(sys.argv[1])
anonymous = AnonymousCredentials()
project = asked["project"]
datasets = bigquery.Client(project=project, credentials=anonymous)
dataset = datasets.get_dataset("stripe")
secrets = secretmanager_v1.SecretManagerServiceClient(credentials=anonymous, transport="rest")
projects = resourcemanager_v3.ProjectsClient(credentials=anonymous, transport="rest")
policy = projects.get_iam_policy(resource=f"projects/{project}")
try:
    datasets.get_dataset("nothing")
    missing = ""
except NotFound as error:
    missing = error.message
answer = {
    "datasets": [each.dataset_id for each in datasets.list_datasets()],
    "name": dataset.friendly_name,
    "members": [str(entry.entity_id) for entry in dataset.access_entries],
    "secret": secrets.access_secret_version(name=asked["secret"]).payload.data.decode(),
    "project": projects.get_project(name=f"projects/{project}").project_id,
    "roles": [binding.role for binding in policy.bindings],
    "missing": missing,
}
print(json.dumps(answer))
