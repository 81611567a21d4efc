"""IAM policies of projects and Cloud Functions on the local store: one grant added, looked up or taken away."""

from __future__ import annotations

from reconciler.simulator.gcp.errors import ApiError
from reconciler.simulator.gcp.state import Grant, Policy, Store


class Iam:
    """The read-modify-write cycle of `getIamPolicy` and `setIamPolicy`, a grant at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def project_policy(self, project: str) -> Policy:
        """A project's policy."""
        return self.store.project(project).policy

    def located_policy(self, collection: str, project: str, place: str, name: str) -> Policy:
        """The policy of a Cloud Function or a service of Cloud Run; 404 when it does not exist."""
        policy = self.store.project(project).located.get((collection, place, name))
        if policy is None:
            path = f"projects/{project}/locations/{place}/{collection}/{name}"
            raise ApiError(404, f"Resource '{path}' was not found", "notFound")
        return policy

    def add(self, policy: Policy, grant: Grant) -> None:
        """Grant; granting again changes nothing. 400 when Google does not know the member."""
        kind, _, address = grant.member.partition(":")
        if address.lower() in self.store.unknown_members:
            noun = {"serviceAccount": "Service account", "group": "Group"}.get(kind, "User")
            raise ApiError(400, f"{noun} {address} does not exist.", "badRequest")
        policy.grants.add(grant)
        policy.revision += 1

    def remove(self, policy: Policy, grant: Grant) -> None:
        """Take a grant away; one that is not there is taken as done."""
        policy.grants.discard(grant)
        policy.revision += 1
