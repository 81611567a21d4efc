"""Register a state bucket, a key and two identities for each environment, and one identity pool."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_gcp as gcp

from bootstrap import conditions
from bootstrap.conditions import FIVETRAN_KEY, Identity
from bootstrap.grants import roles
from bootstrap.problems import InvalidInputError
from bootstrap.settings import TEXTS, Environment, Settings, read_settings

ISSUER = "https://token.actions.githubusercontent.com"
_DAY_S = 24 * 60 * 60
_KEPT_DAYS = 90
_SOFT_DELETED_DAYS = 30
_PROTECTED = pulumi.ResourceOptions(protect=True)
#: Cloud KMS has another name for this multi-region.
_KMS_LOCATIONS = {"eu": "europe"}
_SECRET_ACCESSOR = "roles/secretmanager.secretAccessor"  # noqa: S105 (no password)
_PROJECT_IAM_ADMIN = "roles/resourcemanager.projectIamAdmin"


async def main(connectors: Path) -> None:
    """Register everything that the stack's config asks for."""
    config = pulumi.Config()
    try:
        settings = read_settings({key: config.get(key) for key in TEXTS}, config.get_object("environments"), connectors)
    except InvalidInputError as error:
        raise pulumi.RunError(str(error)) from None
    for name, value in build(settings).items():
        pulumi.export(name, value)


def build(settings: Settings) -> dict[str, pulumi.Input[object]]:
    """Register all resources, and return the stack's outputs: what GitHub's environments need to know."""
    _make_bucket(settings, "bootstrap")
    pool = gcp.iam.WorkloadIdentityPool(
        "github",
        project=settings.project,
        workload_identity_pool_id="github-reconciler",
        display_name="GitHub Actions",
        description="Jobs of the repository that holds the connectors",
    )
    provider = gcp.iam.WorkloadIdentityPoolProvider(
        "github",
        project=settings.project,
        workload_identity_pool_id=pool.workload_identity_pool_id,
        workload_identity_pool_provider_id="repository",
        display_name="The repository",
        attribute_mapping=conditions.attribute_mapping(),
        attribute_condition=conditions.attribute_condition(
            settings.repository, [each.name for each in settings.environments]
        ),
        oidc=gcp.iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=ISSUER),
    )
    ring = gcp.kms.KeyRing(
        "pulumi",
        project=settings.project,
        name="pulumi",
        location=_KMS_LOCATIONS.get(settings.location, settings.location),
        opts=_PROTECTED,
    )
    made = {each.name: _make_environment(settings, each, ring, pool) for each in settings.environments}
    return {"workload_identity_provider": provider.name, "environments": made}


def _make_environment(
    settings: Settings, environment: Environment, ring: gcp.kms.KeyRing, pool: gcp.iam.WorkloadIdentityPool
) -> dict[str, pulumi.Input[object]]:
    bucket = _make_bucket(settings, environment.name)
    key = gcp.kms.CryptoKey(
        environment.name,
        name=environment.name,
        key_ring=ring.id,
        purpose="ENCRYPT_DECRYPT",
        rotation_period=f"{_KEPT_DAYS * _DAY_S}s",
        destroy_scheduled_duration=f"{_SOFT_DELETED_DAYS * _DAY_S}s",
        opts=_PROTECTED,
    )
    outputs: dict[str, pulumi.Input[object]] = {
        "backend": pulumi.Output.concat("gs://", bucket.name),
        "secrets_provider": pulumi.Output.concat("gcpkms://", key.id),
    }
    identities: tuple[Identity, ...] = ("preview", "apply")
    for kind in identities:
        maker = _Identity(settings, environment, kind)
        maker.grant_on_projects()
        maker.grant_on_functions()
        maker.grant_on_state(bucket, key)
        secret = maker.make_fivetran_key()
        maker.let_jobs_in(pool)
        outputs[kind] = {"service_account": maker.account.email, "fivetran_key": secret.secret_id}
    return outputs


def _make_bucket(settings: Settings, name: str) -> gcp.storage.Bucket:
    """Register a bucket for state: an overwritten object is kept for months, a deleted one for weeks."""
    return gcp.storage.Bucket(
        f"state-{name}",
        project=settings.project,
        name=f"{settings.buckets}-{name}",
        location=settings.location.upper(),
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        versioning=gcp.storage.BucketVersioningArgs(enabled=True),
        soft_delete_policy=gcp.storage.BucketSoftDeletePolicyArgs(
            retention_duration_seconds=_SOFT_DELETED_DAYS * _DAY_S
        ),
        lifecycle_rules=[
            gcp.storage.BucketLifecycleRuleArgs(
                action=gcp.storage.BucketLifecycleRuleActionArgs(type="Delete"),
                condition=gcp.storage.BucketLifecycleRuleConditionArgs(
                    days_since_noncurrent_time=_KEPT_DAYS, num_newer_versions=10
                ),
            )
        ],
        force_destroy=False,
        opts=_PROTECTED,
    )


class _Identity:
    """A service account of one environment, and what it may do."""

    def __init__(self, settings: Settings, environment: Environment, kind: Identity) -> None:
        self.settings, self.environment, self.kind = settings, environment, kind
        self.name = f"{environment.name}-{kind}"
        preview = kind == "preview"
        self.account = gcp.serviceaccount.Account(
            self.name,
            project=environment.file.gcp_project,
            account_id=environment.preview_account if preview else environment.apply_account,
            display_name=f"Connectors in {environment.name}: {'previews' if preview else 'runs'}",
            description=f"Jobs in GitHub's environment {conditions.github_environment(kind, environment.name)}",
        )

    def grant_on_projects(self) -> None:
        """Grant what a run reads and manages in the environment's projects."""
        file = self.environment.file
        granted = {
            _PROJECT_IAM_ADMIN: ("only-these-roles", conditions.grants_only(file.granted_roles)),
            _SECRET_ACCESSOR: ("secrets-of-units", conditions.is_secret_of_units(self.environment.secrets_prefix)),
        }
        wanted = {(file.gcp_project, role) for role in roles("project", self.kind)}
        for project in self.environment.secrets_projects:
            wanted |= {(project, role) for role in roles("secrets project", self.kind)}
        for function in self.environment.functions:
            wanted |= {(function.project, role) for role in roles("projects of functions", self.kind)}
        for project, role in sorted(wanted):
            condition = granted.get(role)
            gcp.projects.IAMMember(
                f"{self.name}-{project}-{_short(role)}",
                project=project,
                role=role,
                member=self.account.member,
                condition=gcp.projects.IAMMemberConditionArgs(title=condition[0], expression=condition[1])
                if condition
                else None,
            )

    def grant_on_functions(self) -> None:
        """Grant what a run needs to let Fivetran invoke the functions."""
        for each in self.environment.functions:
            name = f"{self.name}-{each.project}-{each.region}-{each.name}"
            if each.generation == 1:
                for role in roles("function", self.kind):
                    gcp.cloudfunctions.FunctionIamMember(
                        f"{name}-{_short(role)}",
                        project=each.project,
                        region=each.region,
                        cloud_function=each.name,
                        role=role,
                        member=self.account.member,
                    )
            else:
                for role in roles("function of the second generation", self.kind):
                    gcp.cloudrunv2.ServiceIamMember(
                        f"{name}-{_short(role)}",
                        project=each.project,
                        location=each.region,
                        name=each.name,
                        role=role,
                        member=self.account.member,
                    )

    def grant_on_state(self, bucket: gcp.storage.Bucket, key: gcp.kms.CryptoKey) -> None:
        """Grant reading, or reading and writing, of the environment's state."""
        for role in roles("state", self.kind):
            gcp.storage.BucketIAMMember(
                f"{self.name}-state-{_short(role)}", bucket=bucket.name, role=role, member=self.account.member
            )
        for role in roles("key", self.kind):
            gcp.kms.CryptoKeyIAMMember(
                f"{self.name}-key-{_short(role)}", crypto_key_id=key.id, role=role, member=self.account.member
            )

    def make_fivetran_key(self) -> gcp.secretmanager.Secret:
        """Register the secret for this identity's key of Fivetran; its value is added by hand."""
        name = f"{FIVETRAN_KEY}{self.environment.name}-{self.kind}"
        secret = gcp.secretmanager.Secret(
            name,
            project=self.settings.project,
            secret_id=name,
            replication=gcp.secretmanager.SecretReplicationArgs(auto=gcp.secretmanager.SecretReplicationAutoArgs()),
            opts=_PROTECTED,
        )
        for role in roles("Fivetran key", self.kind):
            gcp.secretmanager.SecretIamMember(
                f"{self.name}-fivetran-key-{_short(role)}",
                project=self.settings.project,
                secret_id=secret.secret_id,
                role=role,
                member=self.account.member,
                condition=gcp.secretmanager.SecretIamMemberConditionArgs(
                    title="this-secret", expression=conditions.is_secret(name)
                ),
            )
        return secret

    def let_jobs_in(self, pool: gcp.iam.WorkloadIdentityPool) -> None:
        """Let the jobs of the repository act as this account, one binding for each event."""
        jobs = conditions.jobs(self.settings.repository, self.kind, self.environment.name)
        for role in roles("itself", self.kind):
            for event, job in jobs.items():
                gcp.serviceaccount.IAMMember(
                    f"{self.name}-{event}",
                    service_account_id=self.account.name,
                    role=role,
                    member=pulumi.Output.concat(
                        "principalSet://iam.googleapis.com/", pool.name, "/attribute.job/", job
                    ),
                )


def _short(role: str) -> str:
    return role.rpartition("/")[2]
