"""Check for `doctor --ci` how GitHub protects environments, the default branch and owned paths. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.health.checks import Check
from reconciler.model.commands import format_names

Json = Mapping[str, Any]

_ENVIRONMENT: Final = "GitHub environment"
_BRANCH: Final = "default branch"

#: The names of the jobs that a pull request has to pass.
_REQUIRED_CHECKS: Final = ("review", "make test")


def check_github_environment(
    name: str, found: Json | None, policies: Sequence[Json], default_branch: str, *, approves: bool
) -> Iterator[Check]:
    """Check that an environment of GitHub exists and that only jobs of the default branch may use it.

    Args:
        name: The environment's name.
        found: GitHub's environment; None if there is none.
        policies: Its deployment branch policies.
        default_branch: The repository's default branch.
        approves: Whether it is there for an approval by its reviewers. Jobs of the others must not wait for any.
    """
    if found is None:
        text = f"{name} does not exist, or the token cannot see it; a job that names it creates it without protection"
        yield Check(_ENVIRONMENT, "failed", text, "create it as docs/how-to/set-up-ci.md shows")
        return
    problems = list(_branch_problems(name, found.get("deployment_branch_policy"), policies, default_branch))
    rules = found.get("protection_rules") or ()
    required = [rule for rule in rules if rule["type"] == "required_reviewers" and rule.get("reviewers")]
    if approves:
        problems += _reviewer_problems(name, required)
    elif required:
        text = f"jobs in {name} wait for its reviewers, and so do the daily jobs"
        yield Check(_ENVIRONMENT, "warning", text, "remove its required reviewers")
    text = f"{name} exists, and only {default_branch} may use it"
    yield from problems or [Check(_ENVIRONMENT, "ok", text + (", with reviewers" if approves else ""))]


def _branch_problems(name: str, allowed: Json | None, policies: Sequence[Json], default_branch: str) -> Iterator[Check]:
    to_do = f"allow {default_branch} alone under the environment's deployment branches"
    if allowed is None:
        yield Check(_ENVIRONMENT, "failed", f"jobs of every branch may use {name} and its credentials", to_do)
    elif allowed["protected_branches"]:
        text = f"jobs of every protected branch may use {name}, not only those of {default_branch}"
        yield Check(_ENVIRONMENT, "warning", text, to_do)
    else:
        patterns = [(str(each["name"]), str(each.get("type") or "branch")) for each in policies]
        others = [f"{kind} {pattern}" for pattern, kind in patterns if (pattern, kind) != (default_branch, "branch")]
        if others:
            text = f"jobs of other branches or tags may use {name}: {', '.join(others)}"
            yield Check(_ENVIRONMENT, "failed", text, to_do)
        elif not patterns:
            yield Check(_ENVIRONMENT, "failed", f"jobs of no branch may use {name}", to_do)


def _reviewer_problems(name: str, required: Sequence[Json]) -> Iterator[Check]:
    if not required:
        text = f"{name} has no required reviewers, so the user who starts a stopped merge by hand approves it alone"
        yield Check(_ENVIRONMENT, "failed", text, "add the code owners as required reviewers")
    elif not all(rule.get("prevent_self_review") for rule in required):
        text = f"the user who starts a stopped merge by hand may also approve it in {name}"
        yield Check(_ENVIRONMENT, "warning", text, "prevent self-review in the environment's settings")


def check_branch(branch: str, rules: Sequence[Json], protection: Json | None) -> Iterator[Check]:
    """Check that the default branch changes only by reviewed pull requests.

    Args:
        branch: The default branch.
        rules: The rules of all rulesets that apply to it.
        protection: Its branch protection; None if there is none, or the token cannot see it.
    """
    by_type: dict[str, list[Json]] = {}
    for rule in rules:
        by_type.setdefault(str(rule["type"]), []).append(rule.get("parameters") or {})
    pulls, classic = by_type.get("pull_request", []), (protection or {}).get("required_pull_request_reviews") or {}
    if not pulls and not classic:
        yield Check(_BRANCH, "failed", f"{branch} can change without a pull request", _protect(branch))
    else:
        yield from _review_problems(branch, pulls, classic)
    checks = [each for rule in by_type.get("required_status_checks", []) for each in rule["required_status_checks"]]
    names = {str(each["context"]) for each in checks}
    status = (protection or {}).get("required_status_checks") or {}
    names |= {str(each) for each in status.get("contexts") or ()}
    names |= {str(each["context"]) for each in status.get("checks") or ()}
    missing = [name for name in _REQUIRED_CHECKS if name not in names]
    for name in missing:
        yield Check(_BRANCH, "failed", f"{branch} does not require the check `{name}`", _protect(branch))
    if not missing:
        yield Check(_BRANCH, "ok", f"{branch} requires the checks {format_names(sorted(names))}")
    for kind, key, text in (
        ("non_fast_forward", "allow_force_pushes", "be rewritten by a force push"),
        ("deletion", "allow_deletions", "be deleted"),
    ):
        if kind not in by_type and (protection is None or _enabled(protection, key)):
            yield Check(_BRANCH, "failed", f"{branch} can {text}", _protect(branch))


def _review_problems(branch: str, pulls: Sequence[Json], classic: Json) -> Iterator[Check]:
    wanted = {
        "an approval by a code owner": ("require_code_owner_review", "require_code_owner_reviews"),
        "that new commits dismiss an approval": ("dismiss_stale_reviews_on_push", "dismiss_stale_reviews"),
    }
    missing = [
        text for text, (key, old) in wanted.items() if not (any(each.get(key) for each in pulls) or classic.get(old))
    ]
    approvals = [each.get("required_approving_review_count") or 0 for each in (*pulls, classic)]
    if max(map(int, approvals)) < 1:
        missing.insert(0, "an approval")
    for text in missing:
        yield Check(_BRANCH, "failed", f"{branch} does not require {text}", _protect(branch))
    if not missing:
        text = f"{branch} requires an approval by a code owner, which new commits dismiss"
        yield Check(_BRANCH, "ok", text)
    if not (any(each.get("require_last_push_approval") for each in pulls) or classic.get("require_last_push_approval")):
        text = f"{branch} does not require an approval by a person other than the last pusher"
        yield Check(_BRANCH, "warning", text, _protect(branch))


def check_bypass(branch: str, rulesets: Sequence[Json], protection: Json | None) -> Iterator[Check]:
    """Check who may bypass the rules of the default branch, as far as the token can see it."""
    for ruleset in rulesets:
        name = ruleset.get("name") or ruleset.get("id")
        actors = ruleset.get("bypass_actors")
        if actors is None:
            text = f"cannot see who may bypass the ruleset {name} of {branch}"
            yield Check(_BRANCH, "warning", text, "run this with the token of an administrator")
        for actor in actors or ():
            text = f"{actor['actor_type']} {actor.get('actor_id') or ''}".rstrip()
            text += f" may bypass the ruleset {name} of {branch} ({actor.get('bypass_mode')})"
            yield Check(_BRANCH, "warning", text, "remove it from the ruleset's bypass list")
    if protection is not None and not _enabled(protection, "enforce_admins"):
        text = f"administrators may bypass the protection of {branch}"
        yield Check(_BRANCH, "warning", text, "apply the protection to administrators too")


def _enabled(protection: Json, key: str) -> bool:
    return bool((protection.get(key) or {}).get("enabled"))


def _protect(branch: str) -> str:
    return f"change the ruleset or the protection of {branch} as docs/how-to/set-up-ci.md shows"


def check_actions(settings: Json) -> Iterator[Check]:
    """Check what the tokens of workflows may do unless the workflow says less."""
    to_do = "change it under Settings, Actions, General, Workflow permissions"
    if settings["default_workflow_permissions"] != "read":
        yield Check("GitHub Actions", "failed", "workflows get permission to write by default", to_do)
    if settings["can_approve_pull_request_reviews"]:
        yield Check("GitHub Actions", "failed", "workflows may approve pull requests", to_do)
    else:
        yield Check("GitHub Actions", "ok", "workflows may not approve pull requests")


def check_code_owners(errors: Sequence[Json], unowned: Sequence[str]) -> Iterator[Check]:
    """Check that CODEOWNERS has no errors, and that what decides about a run has owners.

    Args:
        errors: The errors that GitHub finds in the file.
        unowned: The paths that need an owner and have none.
    """
    for error in errors:
        text = f"{error['path']}:{error['line']}:{error['column']}: {error['kind']}"
        yield Check("CODEOWNERS", "failed", text, "correct the line: GitHub ignores it")
    for path in unowned:
        yield Check("CODEOWNERS", "failed", f"{path} has no owner", "add a line with its owners to CODEOWNERS")
    if not errors and not unowned:
        yield Check("CODEOWNERS", "ok", "connectors, code and workflows have owners")
