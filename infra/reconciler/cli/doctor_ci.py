"""Read for `reconciler doctor --ci` the settings of GitHub's repository and of the state's bucket."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from reconciler.cli import masked_output
from reconciler.cli.local_stacks import PROJECT_FILE, find_project
from reconciler.github.client import GitHub
from reconciler.github.codeowners import CodeOwners
from reconciler.google.iam.policies import Iam
from reconciler.google.kms import test_key_permissions
from reconciler.google.storage import StateBucket
from reconciler.health.checks import Check
from reconciler.health.ci_airflow import check_airflow
from reconciler.health.ci_github import (
    check_actions,
    check_branch,
    check_bypass,
    check_code_owners,
    check_github_environment,
)
from reconciler.health.ci_state import (
    FORBIDDEN,
    NEEDED,
    check_bucket,
    check_read_only,
    check_stack_settings,
    check_state_writers,
)
from reconciler.model import Environment, commands
from reconciler.model.errors import ReconcilerError, RemoteError

_GCS = "gs://"
_KMS = "gcpkms://"
_CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True)
class CiChecks:
    """Read what each check needs. A check that fails stops no other."""

    environment: Environment
    apply_identity: str
    """The service account that runs `pulumi up`."""
    as_preview: bool
    """Whether the credentials are the preview identity's, so that they are tested and nothing else is read."""

    def results(self) -> Iterator[Check]:
        """Run every check."""
        if self.as_preview:
            name = "preview identity"
            for check in (self._test_project, self._test_bucket, self._test_key):
                yield from _results_of(name, check)
            return
        yield from _results_of("GitHub", self._check_github)
        yield from _results_of("state", self._check_bucket)
        yield from _results_of("stacks", self._check_stacks)
        text = "whether it only reads was not tested, because that needs its own credentials"
        command = commands.reconciler("doctor", "--ci", "--as-preview", environment=self.environment.name)
        to_do = f"run {command} with its credentials"
        yield Check("preview identity", "warning", text, to_do)

    def _check_github(self) -> Iterator[Check]:
        with GitHub.from_environment() as github:
            branch = str(github.get("")["default_branch"])
            name = self.environment.name
            for each in (f"preview-{name}", name, f"approve-{name}", "record"):
                check = partial(self._check_environment, github, each, branch)
                yield from _results_of("GitHub environment", check)
            yield from _results_of("default branch", partial(self._check_branch, github, branch))
            yield from _results_of("GitHub Actions", partial(self._check_actions, github))
            yield from _results_of("CODEOWNERS", partial(self._check_code_owners, github))
            yield from _results_of("Airflow", partial(self._check_airflow, github))

    def _check_environment(self, github: GitHub, name: str, branch: str) -> Iterator[Check]:
        path = f"/environments/{quote(name, safe='')}"
        found = github.get(path, missing=True)
        policies: list[dict[str, Any]] = []
        if found is not None and (found.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
            policies = github.list(f"{path}/deployment-branch-policies", "branch_policies")
        approves = name == f"approve-{self.environment.name}"
        yield from check_github_environment(name, found, policies, branch, approves=approves)

    def _check_branch(self, github: GitHub, branch: str) -> Iterator[Check]:
        quoted = quote(branch, safe="")
        rules = github.list(f"/rules/branches/{quoted}")
        hidden, protection = "", None
        try:
            protection = github.get(f"/branches/{quoted}/protection", missing=True)
        except RemoteError as error:
            hidden = masked_output.format_error(error)
        results = list(check_branch(branch, rules, protection))
        if hidden and any(result.level == "failed" for result in results):
            text = f"cannot see the branch protection of {branch}, only rulesets: {hidden}"
            yield Check("default branch", "warning", text, "run this with the token of an administrator")
            # The protection may have what no ruleset has.
            results = [replace(each, level="warning") if each.level == "failed" else each for each in results]
        yield from results
        ids = sorted({int(rule["ruleset_id"]) for rule in rules if rule.get("ruleset_source_type") == "Repository"})
        rulesets = [github.get(f"/rulesets/{id_}") for id_ in ids]
        others = {
            str(rule.get("ruleset_source")) for rule in rules if rule.get("ruleset_source_type") == "Organization"
        }
        rulesets += [{"name": f"of the organisation {name}"} for name in sorted(others)]
        yield from check_bypass(branch, rulesets, protection)

    def _check_actions(self, github: GitHub) -> Iterator[Check]:
        try:
            found = github.get("/actions/permissions/workflow")
        except RemoteError as error:
            text = f"cannot see what workflows may do by default: {masked_output.format_error(error)}"
            yield Check("GitHub Actions", "warning", text, "run this with the token of an administrator")
            return
        yield from check_actions(found)

    def _check_code_owners(self, github: GitHub) -> Iterator[Check]:
        content = next(
            (found for path in _CODEOWNERS if (found := github.get(f"/contents/{path}", missing=True))), None
        )
        if content is None:
            yield Check("CODEOWNERS", "failed", "the repository has no CODEOWNERS", "add one to .github/")
            return
        owners = CodeOwners(base64.b64decode(content["content"]).decode("utf-8", "replace"))
        paths = (self.environment.file, ".github/workflows/merge.yml", ".github/CODEOWNERS", "infra/__main__.py")
        unowned = [path for path in paths if not owners.of(path)]
        errors = (github.get("/codeowners/errors", missing=True) or {}).get("errors", [])
        yield from check_code_owners(errors, unowned)

    def _check_airflow(self, github: GitHub) -> Iterator[Check]:
        """Check how a merge and the daily run log in to Airflow, as far as the token may see."""
        name, variables, secrets = self.environment.name, dict[str, str](), set[str]()
        exists = github.get(own := f"/environments/{quote(name, safe='')}", missing=True) is not None
        # An environment's own value hides the repository's, and that the organisation's.
        for path in ("/actions/organization-", "/actions/", *([f"{own}/"] if exists else [])):
            try:
                found = github.list(f"{path}variables", "variables")
                variables |= {str(each["name"]): str(each["value"]) for each in found}
                secrets |= {str(each["name"]) for each in github.list(f"{path}secrets", "secrets")}
            except RemoteError as error:
                text = f"cannot see how jobs in {name} log in to Airflow: {masked_output.format_error(error)}"
                yield Check("Airflow", "warning", text, "run this with the token of an administrator")
                return
        yield from check_airflow(name, variables, secrets)

    def _check_bucket(self) -> Iterator[Check]:
        url = _backend()
        if not url.startswith(_GCS):
            yield Check("state", "warning", _elsewhere(url), "set PULUMI_BACKEND_URL to the gs:// address")
            return
        with StateBucket(url) as bucket:
            settings = bucket.settings()
            yield from check_bucket(bucket.name, settings)
            with Iam(str(settings["projectNumber"])) as iam:
                member = f"serviceAccount:{self.apply_identity}"
                found = check_state_writers(bucket.name, bucket.policy(), iam.holders(), iam.permissions, member)
                yield from found

    def _check_stacks(self) -> Iterator[Check]:
        name, *others = self.environment.all_stacks
        files = {stack: f"Pulumi.{stack}.yaml" for stack in others}
        found = {stack: _settings(file) if _has(file) else None for stack, file in files.items()}
        yield from check_stack_settings(name, _settings(f"Pulumi.{name}.yaml"), found)

    def _test_project(self) -> Iterator[Check]:
        project = self.environment.gcp_project
        with Iam(project) as iam:
            granted = iam.test_permissions(_tested("project"))
        yield from check_read_only("project", f"project {project}", granted)

    def _test_bucket(self) -> Iterator[Check]:
        url = _backend()
        if not url.startswith(_GCS):
            text = f"its permissions on the state were not tested: {_elsewhere(url)}"
            yield Check("preview identity", "warning", text, "set PULUMI_BACKEND_URL to the gs:// address")
            return
        with StateBucket(url) as bucket:
            yield from check_read_only("bucket", f"gs://{bucket.name}", bucket.test_permissions(_tested("bucket")))

    def _test_key(self) -> Iterator[Check]:
        file = f"Pulumi.{self.environment.name}.yaml"
        provider = str(_settings(file).get("secretsprovider", ""))
        if not provider.startswith(_KMS):
            text = f"its permissions on the state's key were not tested: {file} names no {_KMS} key"
            yield Check("preview identity", "warning", text, f"set `secretsprovider` in {file}")
            return
        key = provider.removeprefix(_KMS)
        yield from check_read_only("key", f"key {key}", test_key_permissions(key, _tested("key")))


def _results_of(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Run a check; an error, or an answer without the documented form, is its result."""
    try:
        yield from check()
    except ReconcilerError as error:
        text = masked_output.format_error(error)
        yield Check(name, "failed", text, unanswered=isinstance(error, RemoteError))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        text = f"an answer does not have the documented form ({type(error).__name__})"
        yield Check(name, "failed", text, unanswered=True)


def _tested(what: str) -> tuple[str, ...]:
    return FORBIDDEN[what] + NEEDED[what]


def _backend() -> str:
    """Return the address of the state, which Pulumi reads from the environment first."""
    backend = _settings(PROJECT_FILE).get("backend")
    declared = backend.get("url") if isinstance(backend, dict) else None
    return os.environ.get("PULUMI_BACKEND_URL") or str(declared or "")


def _elsewhere(url: str) -> str:
    return f"the state is in {url}, and only a bucket can be checked" if url else "the address of the state is not set"


def _has(file: str) -> bool:
    project = find_project(Path.cwd())
    return project is not None and (project / file).is_file()


def _settings(file: str) -> dict[str, Any]:
    """Return the content of a file beside Pulumi.yaml; empty if there is none."""
    project = find_project(Path.cwd())
    path = project / file if project else None
    if path is None or not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        raise ReconcilerError(f"{file} cannot be read") from None
    return found if isinstance(found, dict) else {}
