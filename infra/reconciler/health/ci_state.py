"""Check for `doctor --ci` who can change the state, and that previews can only read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.google.iam.policies import Binding, PolicyHolder
from reconciler.health.checks import Check
from reconciler.model.commands import format_names, shell

_STATE: Final = "state"
_PREVIEW: Final = "preview identity"

#: Permissions with which one can change a state, or let others change it.
_CHANGES_STATE: Final = frozenset(
    {
        "storage.buckets.delete",
        "storage.buckets.setIamPolicy",
        "storage.buckets.update",
        "storage.objects.create",
        "storage.objects.delete",
        "storage.objects.setIamPolicy",
        "storage.objects.update",
    }
)
#: Predefined roles with one of these (https://cloud.google.com/storage/docs/access-control/iam-roles).
_WRITERS: Final = frozenset(
    {
        "roles/editor",
        "roles/owner",
        "roles/storage.admin",
        "roles/storage.legacyBucketOwner",
        "roles/storage.legacyBucketWriter",
        "roles/storage.legacyObjectOwner",
        "roles/storage.objectAdmin",
        "roles/storage.objectCreator",
        "roles/storage.objectUser",
    }
)
#: Predefined roles without any of these.
_READERS: Final = frozenset(
    {
        "roles/browser",
        "roles/storage.bucketViewer",
        "roles/storage.legacyBucketReader",
        "roles/storage.legacyObjectReader",
        "roles/storage.objectViewer",
        "roles/viewer",
    }
)
_PUBLIC: Final = ("allUsers", "allAuthenticatedUsers")

#: What the preview identity must not be able to do: on the project, on the bucket of the state, on its key.
FORBIDDEN: Final[Mapping[str, tuple[str, ...]]] = {
    "project": (
        "bigquery.datasets.create",
        "bigquery.datasets.delete",
        "bigquery.datasets.update",
        "bigquery.jobs.create",
        "bigquery.tables.delete",
        "bigquery.tables.getData",
        "bigquery.tables.updateData",
        "cloudfunctions.functions.setIamPolicy",
        "iam.serviceAccountKeys.create",
        "iam.serviceAccounts.actAs",
        "iam.serviceAccounts.getAccessToken",
        "resourcemanager.projects.setIamPolicy",
        "run.services.setIamPolicy",
        "secretmanager.versions.access",
        "secretmanager.versions.add",
        "storage.buckets.setIamPolicy",
        "storage.objects.create",
        "storage.objects.delete",
    ),
    "bucket": tuple(sorted(_CHANGES_STATE)),
    "key": (
        "cloudkms.cryptoKeyVersions.destroy",
        "cloudkms.cryptoKeyVersions.useToEncrypt",
        "cloudkms.cryptoKeys.setIamPolicy",
        "cloudkms.cryptoKeys.update",
    ),
}
#: What it needs there.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "project": ("bigquery.datasets.get", "resourcemanager.projects.get"),
    "bucket": ("storage.objects.get", "storage.objects.list"),
    "key": ("cloudkms.cryptoKeyVersions.useToDecrypt",),
}


def check_bucket(name: str, settings: Mapping[str, Any]) -> Iterator[Check]:
    """Check that the bucket of the state keeps old versions, and has no access but by its IAM policy."""
    iam = settings.get("iamConfiguration") or {}
    wanted = {
        "keeps no old versions of objects": (settings.get("versioning") or {}).get("enabled") is True,
        "allows access lists on single objects": (iam.get("uniformBucketLevelAccess") or {}).get("enabled") is True,
        "does not prevent public access": iam.get("publicAccessPrevention") == "enforced",
    }
    options = ("--versioning", "--uniform-bucket-level-access", "--public-access-prevention")
    problems = [
        Check(_STATE, "failed", f"gs://{name} {text}", f"run gcloud storage buckets update gs://{name} {option}")
        for (text, right), option in zip(wanted.items(), options, strict=True)
        if not right
    ]
    text = f"gs://{name} keeps old versions, with uniform access and without public access"
    yield from problems or [Check(_STATE, "ok", text)]


def check_state_writers(
    bucket: str,
    bindings: Sequence[Binding],
    holders: Sequence[PolicyHolder],
    permissions: Callable[[str], Collection[str] | None],
    expected: str,
) -> Iterator[Check]:
    """Check that no member but the apply identity can change the state.

    Args:
        bucket: The bucket's name.
        bindings: The bindings of the bucket's own policy.
        holders: The bucket's project, its folders and its organisation.
        permissions: Returns the permissions of a role; None if they are hidden.
        expected: The apply identity, as policies name it.
    """
    found = [
        each
        for where in [(None, bindings), *((each, each.bindings or ()) for each in holders)]
        for each in _writers(bucket, *where, permissions, expected)
    ]
    for holder in holders:
        if holder.bindings is None:
            text = f"cannot read the IAM policy of the {holder}, so others may be able to change gs://{bucket}"
            found.append(Check(_STATE, "warning", text, "run this with roles/iam.securityReviewer there"))
    members = {member for binding in bindings for member in binding.members}
    if expected not in members:
        text = f"{expected} has no role on gs://{bucket}"
        to_do = "grant it roles/storage.objectUser there, or name the right account with --apply-identity"
        found.append(Check(_STATE, "failed", text, to_do))
    yield from found or [Check(_STATE, "ok", f"only {expected} can change the objects in gs://{bucket}")]


def _writers(
    bucket: str,
    holder: PolicyHolder | None,
    bindings: Sequence[Binding],
    permissions: Callable[[str], Collection[str] | None],
    expected: str,
) -> Iterator[Check]:
    where = f"gs://{bucket}" if holder is None else f"the {holder}"
    for binding in bindings:
        others = sorted({member for member in binding.members if member != expected})
        writes = _can_change(binding.role, permissions) if others else False
        public = [member for member in others if member in _PUBLIC]
        if public:
            text = f"{format_names(public)} has {binding.role} on {where}"
            yield Check(_STATE, "failed", text, f"revoke the role on {where}")
        elif writes is None:
            text = f"{format_names(others)} may be able to change gs://{bucket}: {binding.role} on {where} is hidden"
            yield Check(_STATE, "warning", text, f"check whether {binding.role} has storage.objects.create")
        elif writes:
            text = f"{format_names(others)} can change gs://{bucket} by {binding.role} on {where}"
            yield Check(_STATE, "warning", text, f"revoke the role on {where}, unless these members administer it")


def _can_change(role: str, permissions: Callable[[str], Collection[str] | None]) -> bool | None:
    """Return whether a role can change the state; None where its permissions are hidden."""
    if role in _WRITERS or role in _READERS:
        return role in _WRITERS
    found = permissions(role)
    return None if found is None else bool(_CHANGES_STATE & set(found))


def check_read_only(what: str, name: str, granted: Collection[str]) -> Iterator[Check]:
    """Check that the preview identity can read and not write.

    Args:
        what: `project`, `bucket` or `key`.
        name: Its name.
        granted: Which of the tested permissions the credentials have.
    """
    problems = [
        Check(_PREVIEW, "failed", f"it has {permission} on {name}", "revoke the role that grants it")
        for permission in FORBIDDEN[what]
        if permission in granted
    ]
    problems += [
        Check(_PREVIEW, "failed", f"it lacks {permission} on {name}", "grant the role that previews need")
        for permission in NEEDED[what]
        if permission not in granted
    ]
    yield from problems or [Check(_PREVIEW, "ok", f"it can read {name} and not change it")]


#: What Pulumi writes for each stack anew.
_OWN_SETTINGS = frozenset({"encryptedkey", "encryptionsalt"})


def check_stack_settings(
    environment: str, settings: Mapping[str, object], others: Mapping[str, Mapping[str, object] | None]
) -> Iterator[Check]:
    """Compare the settings of an environment's own stack with those of its subfolders' stacks.

    Args:
        environment: The name of the environment, and of its own stack.
        settings: The content of its file.
        others: The content of each other stack's file; None where there is none.
    """
    for stack, found in others.items():
        file = f"Pulumi.{stack}.yaml"
        if found is None:
            yield Check(
                "stacks",
                "failed",
                f"{file} is missing",
                f"run {shell('pulumi', 'stack', 'init', stack)}, and commit the file",
            )
            continue
        names = sorted((settings.keys() | found.keys()) - _OWN_SETTINGS)
        different = [name for name in names if _comparable(settings.get(name)) != _comparable(found.get(name))]
        if different:
            text = f"{file} differs from Pulumi.{environment}.yaml in {format_names(different)}"
            yield Check("stacks", "failed", text, "give both files the same settings")
        else:
            yield Check("stacks", "ok", f"{file} has the settings of Pulumi.{environment}.yaml")


def _comparable(value: object) -> object:
    """Return a value of a settings file. Encrypted values count as equal: each stack has its own key."""
    if not isinstance(value, dict):
        return value
    return "secure" if "secure" in value else {key: _comparable(each) for key, each in value.items()}
