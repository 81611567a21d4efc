"""Which environments and stacks a change touches: by the paths that differ between two commits.

Paths decide, and the `stacks` of environments, so that this needs no valid files and no code of either commit. A path
that no rule knows counts as code, which touches every environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.config.folder import ENVIRONMENT_FILE
from reconciler.config.yaml.read import MAX_BYTES, parse
from reconciler.git.repository import COMMIT, Repository
from reconciler.model.environment import stack_name
from reconciler.model.errors import ReconcilerError, printable

#: How GitHub names the commit before the first push of a branch.
_NO_COMMIT = re.compile(r"0{40}|0{64}")

#: The form of an environment's name, as the loader has it.
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_STACK_FILE = re.compile(r"Pulumi\.([a-z0-9][a-z0-9_-]*)(?:\.([a-z0-9][a-z0-9_-]*))?\.yaml")

#: Folders and files that no run reads.
_UNUSED_FOLDERS = ("docs/", "tests/", "clients/", ".ci/")
_UNUSED_FILES = frozenset({"LICENSE", ".gitignore", ".yamllint.yaml", ".github/CODEOWNERS"})


@dataclass(frozen=True)
class Changes:
    """What differs between two commits."""

    base: str
    """The commit that the change began at; empty if everything counts as changed."""
    head: str
    environments: tuple[str, ...]
    """The environments that the change touches, sorted: those that either commit has."""
    stacks: tuple[str, ...]
    """Their stacks that it touches, sorted: without `stacks` in an environment's file, the environment alone."""
    ended: frozenset[str]
    """Stacks of subfolders that the later commit has no more, though it has their environment."""
    code: tuple[str, ...]
    """Changed paths that every environment depends on, sorted."""
    specs: tuple[str, ...]
    """Changed paths of environments, sorted."""

    @property
    def is_mixed(self) -> bool:
        """Whether the change has code as well as files of environments."""
        return bool(self.code and self.specs)


def find_changes(repository: Repository, since: str, head: str, specs: str) -> Changes:
    """Compare a commit with its merge base with another one.

    Args:
        repository: The repository, with the history of both commits.
        since: The reference to compare with. Forty zeros, GitHub's word for no earlier commit, stand for an empty tree.
        head: The commit whose change it is.
        specs: The specs folder from the repository's top, without a slash at its end.

    Raises:
        ReconcilerError: A reference is unknown, or the two have no common commit.
    """
    at = find_commit(repository, head)
    base = "" if _NO_COMMIT.fullmatch(since) else _merge_base(repository, find_commit(repository, since), at, since)
    known = _environments(repository, at, specs)
    ended: set[str] = set()
    if not base:
        paths = _all_paths(repository, at)
    else:
        # Without renames, both sides of one are listed.
        paths = _paths(
            repository.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", base, at, "--")
        )
        for name, folders in _environments(repository, base, specs).items():
            if name in known:
                ended |= {stack_name(name, folder) for folder in folders - known[name]}
            known[name] = known.get(name, frozenset()) | folders
    touched, code, files = _sort(paths, specs)
    if code or not base:
        touched = set(known)
        stacks = {stack for name in known for stack in _all_stacks(name, known)}
    else:
        stacks = {stack for path in files for stack in _stacks_of(path, specs, known)}
    environments = tuple(sorted(known.keys() & touched))
    return Changes(base, at, environments, tuple(sorted(stacks)), frozenset(ended), code, files)


def _all_stacks(environment: str, known: Mapping[str, frozenset[str]]) -> set[str]:
    return {environment, *(stack_name(environment, folder) for folder in known[environment])}


def _stacks_of(path: str, specs: str, known: Mapping[str, frozenset[str]]) -> set[str]:
    """Return the stacks that a file of an environment touches."""
    environment = _environment_of(path, specs)
    if environment is None or environment not in known:
        return set()
    if found := _STACK_FILE.fullmatch(path):
        own = stack_name(environment, found[2]) if found[2] else environment
        return {own} & _all_stacks(environment, known)
    folder, slash, rest = path.removeprefix(f"{specs}/{environment}/").partition("/")
    if not path.endswith(".yaml") or folder == ENVIRONMENT_FILE:
        return _all_stacks(environment, known)  # a package or certificate may be named by any unit
    return {stack_name(environment, folder) if slash and folder in known[environment] and rest else environment}


def _sort(paths: Iterable[str], specs: str) -> tuple[set[str], tuple[str, ...], tuple[str, ...]]:
    """Return the environments that paths name, the paths of code, and the paths of environments."""
    environments: set[str] = set()
    code, files = [], []
    for path in sorted(paths):
        environment = _environment_of(path, specs)
        if environment is not None:
            environments.add(environment)
            files.append(path)
        elif not _is_unused(path):
            code.append(path)
    return environments, tuple(code), tuple(files)


def _environment_of(path: str, specs: str) -> str | None:
    """Return the environment that a path belongs to."""
    if found := _STACK_FILE.fullmatch(path):
        return found[1]
    if not path.startswith(f"{specs}/"):
        return None
    folder, slash, _ = path.removeprefix(f"{specs}/").partition("/")
    return folder if slash and _ENVIRONMENT.fullmatch(folder) else None


def _is_unused(path: str) -> bool:
    return path.startswith(_UNUSED_FOLDERS) or path in _UNUSED_FILES or path.endswith(".md")


def find_commit(repository: Repository, name: str) -> str:
    """Return the commit that a reference names."""
    try:
        found = repository.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except ReconcilerError:
        found = b""
    commit = found.decode("ascii", "replace").strip()
    if not COMMIT.fullmatch(commit):
        step = "Fetch it: `git fetch origin`."
        if _is_shallow(repository):
            step = "This clone is shallow. Fetch its history: `git fetch --unshallow`."
        raise ReconcilerError(f"this repository has no commit {printable(name)}\n    {step}")
    return commit


def _merge_base(repository: Repository, since: str, head: str, name: str) -> str:
    try:
        return repository.run("merge-base", since, head).decode("ascii").strip()
    except ReconcilerError:
        shallow = _is_shallow(repository)
    reason = "this clone is shallow" if shallow else "their histories are unrelated"
    step = "Fetch the history: `git fetch --unshallow`." if shallow else "Name a commit of the same history."
    raise ReconcilerError(f"{printable(name)} and {head[:12]} have no common commit: {reason}\n    {step}")


def _is_shallow(repository: Repository) -> bool:
    return repository.run("rev-parse", "--is-shallow-repository").strip() == b"true"


def _environments(repository: Repository, commit: str, specs: str) -> dict[str, frozenset[str]]:
    """Return the folders of a commit that describe an environment, with the subfolders that are stacks."""
    listed = repository.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", specs)
    objects: dict[str, str] = {}
    for entry in _paths(listed):
        attributes, _, path = entry.partition("\t")
        environment = _environment_of(path, specs)
        if environment is not None and path == f"{specs}/{environment}/{ENVIRONMENT_FILE}":
            objects[environment] = attributes.split()[2]
    sizes = repository.sizes(objects.values())
    readable = [found for found, size in sizes.items() if size is not None and size <= MAX_BYTES]
    contents = dict(repository.contents(readable))
    return {name: _own_stacks(contents.get(found, b"")) for name, found in objects.items()}


def _own_stacks(raw: bytes) -> frozenset[str]:
    """Return the subfolders that an environment's file calls stacks, as far as it can be read."""
    document, _ = parse(raw, environment="", name="", file="")
    named = document.at("stacks") if document is not None else None
    valid = named if isinstance(named, list) else []
    return frozenset(each for each in valid if isinstance(each, str) and _ENVIRONMENT.fullmatch(each))


def _all_paths(repository: Repository, commit: str) -> Iterable[str]:
    return _paths(repository.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit))


def _paths(listed: bytes) -> Iterable[str]:
    return (path.decode("utf-8", "surrogateescape") for path in listed.split(b"\0") if path)
