"""Write, list, read and delete objects as Pulumi's backend does, with Google's own library."""

import json
import sys

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

asked = json.loads(sys.argv[1])
client = storage.Client(
    project="any", credentials=AnonymousCredentials(), client_options={"api_endpoint": asked["address"]}
)
bucket = client.create_bucket("states")
lock = bucket.blob("team/.pulumi/locks/organization/shop/dev/1.json")
lock.upload_from_string('{"pid": 1}', content_type="application/json")
first = lock.generation
copied = bucket.blob("team/copy with spaces.json")
copied.rewrite(lock)
lock.upload_from_string('{"pid": 2}')
try:
    lock.delete(if_generation_match=first)
    rejected = False
except PreconditionFailed:
    rejected = True
try:
    lock.upload_from_string("", if_generation_match=0)
    created_twice = True
except PreconditionFailed:
    created_twice = False
listed = client.list_blobs("states", prefix="team/", delimiter="/", page_size=1)
names = [blob.name for blob in listed]
content = lock.download_as_bytes(checksum="crc32c").decode()
checked = copied.download_as_bytes(checksum="md5").decode()
lock.delete(if_generation_match=lock.generation)
try:
    lock.reload()
    gone = False
except NotFound as error:
    gone = "No such object" in error.message
found = client.get_bucket("states")
answer = {
    "content": [content, checked],
    "rejected": rejected,
    "created_twice": created_twice,
    "names": names,
    "folders": sorted(listed.prefixes),
    "gone": gone,
    "versioning": found.versioning_enabled,
    "prevention": found.iam_configuration.public_access_prevention,
    "permissions": found.test_iam_permissions(["storage.objects.get"]),
    "bindings": list(found.get_iam_policy(requested_policy_version=3).bindings),
}
print(json.dumps(answer))
