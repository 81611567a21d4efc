"""The stack's config, checked as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.conditions import Repository
from bootstrap.environment_file import EnvironmentFile, read_environment_file
from bootstrap.problems import InvalidInputError, Problem

CONFIG = "config"
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_LOCATION = re.compile(r"[a-z]+(-[a-z]+[0-9]*)?")
_BRANCH = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,40}[a-z0-9]")
_ENVIRONMENT = re.compile(r"(?!preview-)[a-z][a-z0-9-]{0,18}[a-z0-9]")
_ACCOUNT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_SECRET_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,200}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
#: Key → pattern, what a value is, an example.
TEXTS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "project": (_PROJECT, "the id of the project that holds state, key and identity pool"),
    "location": (_LOCATION, "where state and key are kept, such as us, eu or us-east4"),
    "organisation_id": (_NUMBER, "the number of the repository's owner: `gh api repos/OWNER/NAME --jq .owner.id`"),
    "repository_id": (_NUMBER, "the number of the repository: `gh api repos/OWNER/NAME --jq .id`"),
    "default_branch": (_BRANCH, "the name of the default branch, without refs/heads/"),
    "buckets": (_BUCKET, "the prefix of the buckets' names, which no other project may use"),
}
_FIRST_GENERATION, _SECOND_GENERATION = 1, 2
_LISTS = ("functions", "other_secrets_projects")


@dataclass(frozen=True)
class Function:
    """A function that connectors of an environment call, as units name it."""

    name: str
    region: str
    project: str
    generation: int = _FIRST_GENERATION


@dataclass(frozen=True)
class Environment:
    """One environment: its stack, its projects, its identities."""

    name: str
    file: EnvironmentFile
    preview_account: str = "reconciler-preview"
    apply_account: str = "reconciler"
    secrets_prefix: str = ""
    """The prefix of the names of the secrets that units refer to; empty for any name."""
    functions: tuple[Function, ...] = ()
    other_secrets_projects: tuple[str, ...] = ()
    """The projects that references name by `project`, beside the environment's own."""

    @property
    def secrets_projects(self) -> frozenset[str]:
        """Every project with secrets that units refer to."""
        return frozenset({self.file.secrets_project, *self.other_secrets_projects})


@dataclass(frozen=True)
class Settings:
    """What the stack's config says."""

    project: str
    location: str
    buckets: str
    repository: Repository
    environments: tuple[Environment, ...]


def read_settings(texts: Mapping[str, str | None], environments: Any, connectors: Path) -> Settings:
    """Check the config and the environments' files.

    Args:
        texts: The values of the config's keys that are text.
        environments: The value of `environments`: name → settings.
        connectors: The folder that holds the environments' folders.

    Raises:
        InvalidInputError: With everything that is wrong.
    """
    problems = [*_check_texts(texts)]
    made: list[Environment] = []
    if not isinstance(environments, dict) or not environments:
        problems.append(Problem(CONFIG, "`environments`: expected a mapping with a key for each environment", _SEE))
        environments = {}
    for name, value in environments.items():
        try:
            made.append(_build_environment(name, value, connectors))
        except InvalidInputError as error:
            problems += error.problems
    problems += _check_shared_projects(made)
    if problems:
        raise InvalidInputError(problems)
    known = {key: str(texts[key]) for key in TEXTS}
    repository = Repository(known["organisation_id"], known["repository_id"], known["default_branch"])
    return Settings(known["project"], known["location"], known["buckets"], repository, tuple(made))


_SEE = "write it as docs/how-to/set-up-ci-identities.md shows"


def _check_texts(texts: Mapping[str, str | None]) -> Iterator[Problem]:
    for key, (pattern, meaning) in TEXTS.items():
        value = texts.get(key)
        if value is None:
            yield Problem(CONFIG, f"`{key}` is missing: {meaning}", f"run `pulumi config set {key} VALUE`")
        elif not pattern.fullmatch(value):
            yield Problem(CONFIG, f"`{key}`: expected {meaning}", f"run `pulumi config set {key} VALUE`")


def _build_environment(name: str, value: Any, connectors: Path) -> Environment:
    at = f"{CONFIG}: environments.{name}"
    if not _ENVIRONMENT.fullmatch(name):
        message = "expected at most 20 lower-case letters, digits and hyphens, not beginning with `preview-`"
        raise InvalidInputError([Problem(at, message, "rename the environment")])
    values = {} if value is None else value
    problems = []
    known = {"preview_account": _ACCOUNT, "apply_account": _ACCOUNT, "secrets_prefix": _SECRET_PREFIX}
    if not isinstance(values, dict):
        raise InvalidInputError([Problem(at, "expected a mapping, or {}", _SEE)])
    for key, each in values.items():
        if key in _LISTS:
            if not isinstance(each, list):
                problems.append(Problem(at, f"`{key}`: expected a list", _SEE))
        elif key not in known:
            problems.append(Problem(at, f"unknown key `{key}`", f"use {', '.join(sorted([*known, *_LISTS]))}"))
        elif not isinstance(each, str) or not known[key].fullmatch(each):
            problems.append(Problem(at, f"`{key}`: expected {known[key].pattern}", _SEE))
    accounts = {key: values[key] for key in known if isinstance(values.get(key), str)}
    account = accounts.get("apply_account", Environment.apply_account)
    if account == accounts.get("preview_account", Environment.preview_account):
        problems.append(Problem(at, "the accounts for previews and for `up` are the same", "give them two names"))
    file = None
    try:
        file = read_environment_file(connectors / name / "environment.yaml", _shown(connectors, name), account)
    except InvalidInputError as error:
        problems += error.problems
    others, functions = _list(values, "other_secrets_projects"), []
    problems += [
        Problem(at, f"other_secrets_projects: {str(each)[:60]!r} is not the id of a project", _SEE)
        for each in others
        if not (isinstance(each, str) and _PROJECT.fullmatch(each))
    ]
    for number, each in enumerate(_list(values, "functions")):
        place = f"{at}.functions[{number}]"
        try:
            functions.append(_build_function(each, place, file.gcp_project if file else ""))
        except InvalidInputError as error:
            problems += error.problems
    if problems or file is None:
        raise InvalidInputError(problems)
    return Environment(name, file, functions=tuple(functions), other_secrets_projects=tuple(others), **accounts)


def _list(values: Mapping[str, Any], key: str) -> list[Any]:
    found = values.get(key)
    return found if isinstance(found, list) else []


def _build_function(value: Any, place: str, project: str) -> Function:
    keys = {"name", "region", "project", "generation"}
    if not isinstance(value, dict) or not {"name", "region"} <= value.keys() <= keys:
        message = "expected `name`, `region`, and perhaps `project` and `generation`"
        raise InvalidInputError([Problem(place, message, "write it as under `function` in the unit's file")])
    function = Function(
        str(value["name"]), str(value["region"]), str(value.get("project", project)), value.get("generation", 1)
    )
    wrong = [
        key
        for key, right in (
            ("name", _NAME.fullmatch(function.name)),
            ("region", _LOCATION.fullmatch(function.region)),
            ("project", not project or _PROJECT.fullmatch(function.project)),
            ("generation", function.generation in (_FIRST_GENERATION, _SECOND_GENERATION)),
        )
        if not right
    ]
    if wrong:
        hint = "write it as under `function` in the unit's file"
        raise InvalidInputError([Problem(place, f"`{key}` is not valid", hint) for key in wrong])
    return function


def _check_shared_projects(environments: list[Environment]) -> Iterator[Problem]:
    """Find environments that would get hold of each other's identities or secrets."""
    for number, one in enumerate(environments):
        for other in environments[number + 1 :]:
            at = f"{CONFIG}: environments.{other.name}"
            accounts = {one.preview_account, one.apply_account} & {other.preview_account, other.apply_account}
            if one.file.gcp_project == other.file.gcp_project and accounts:
                message = f"has the same project and accounts as `{one.name}`"
                yield Problem(at, message, "give them other accounts with `preview_account` and `apply_account`")
            prefixes = (one.secrets_prefix, other.secrets_prefix)
            overlap = prefixes[0].startswith(prefixes[1]) or prefixes[1].startswith(prefixes[0])
            shared = sorted(one.secrets_projects & other.secrets_projects)
            if shared and overlap:
                message = f"could read the secrets of `{one.name}`: both are in {', '.join(shared)}"
                yield Problem(at, message, "give each a `secrets_prefix`, neither the beginning of the other")


def _shown(connectors: Path, name: str) -> str:
    return f"{connectors.name}/{name}/environment.yaml"
