"""Read the specs folder of a commit that a stranger may have written.

Its files are written to an empty folder.

Only ordinary files are written, with plain names: the YAML files, and the packages, certificates and keys that a unit
names. A link, a submodule, an executable, a name with special characters, and too many or too large files are
rejected, all at once, and then nothing is written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from reconciler.config.build.packages import MAX_BYTES as MAX_PACKAGE_BYTES
from reconciler.config.build.packages import named_packages
from reconciler.config.build.trust import MAX_BYTES as MAX_TRUST_BYTES
from reconciler.config.build.trust import named_files
from reconciler.config.folder import looks_like_yaml
from reconciler.config.yaml.document import START
from reconciler.config.yaml.read import MAX_BYTES, parse
from reconciler.git.repository import Repository, TooManyEntries, TreeEntry
from reconciler.model.errors import Problem, ReconcilerError, printable

#: A folder's or a file's name. The loader has stricter rules, which it explains better.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@=,() -]*")
_LONGEST_NAME, _LONGEST_PATH, _LONGEST_SHOWN = 120, 400, 120
_NAME_HINT = "rename it: letters, digits, underscores, hyphens and dots, a letter or digit first"

_FILE, _EXECUTABLE = "100644", "100755"
_KINDS = {
    "120000": ("a symbolic link", "replace the link with the file itself"),
    "160000": ("a submodule", "remove it, and add the files themselves"),
    _EXECUTABLE: ("an executable file", "run `git update-index --chmod=-x` on it"),
}


@dataclass(frozen=True)
class CommitLimits:
    """How much of a commit is read."""

    entries: int = 20_000
    """Files of any kind in the specs folder."""
    all_entries: int = 100_000
    """Files of any kind in the whole commit, where it is merged."""
    files: int = 5_000
    """YAML files."""
    bytes: int = 16 * 1024 * 1024
    """All YAML files together."""
    other_bytes: int = 256 * 1024 * 1024
    """All packages, certificates and keys together."""


@dataclass(frozen=True)
class HeadFiles:
    """The files of a commit, by their path in the specs folder; or what is wrong with them."""

    files: dict[str, bytes] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """Sorted by file. With any problem there are no files."""


def read_head_files(
    repository: Repository, commit: str, specs: str, limits: CommitLimits = CommitLimits(), *, onto: str | None = None
) -> HeadFiles:
    """Read the files of the specs folder of a commit.

    Args:
        repository: The repository, which has the commit.
        commit: The commit's 40 hexadecimal digits.
        specs: The specs folder, from the top of the repository.
        limits: How much to read.
        onto: A commit that it is merged into before; the files are those of the merge.

    Raises:
        ReconcilerError: The commit or one of its trees is missing, the two conflict, or git failed.
    """
    folder = plain_folder(specs)
    repository.require_commit(commit)
    try:
        if onto is not None:
            repository.list_tree(commit, ".", limits.all_entries)  # a merge reads the whole tree
            commit = repository.merge_tree(onto, commit)
        listed = repository.list_tree(commit, folder, limits.entries)
    except TooManyEntries as error:
        return HeadFiles(problems=(_too_much(folder, str(error)),))
    entries = [each for each in listed if not _is_ignored(each, folder)]
    if problems := [*_bad_kinds(entries), *_bad_names(entries, folder)] or [*_collisions(entries)]:
        return _rejected(problems)
    by_path = {_shown(each.path): each for each in entries}
    yaml = {path: each for path, each in by_path.items() if looks_like_yaml(path)}
    if len(yaml) > limits.files:
        return _rejected([_too_much(folder, f"more than {limits.files:,} YAML files")])
    found, problems = _contents(repository, yaml, MAX_BYTES, limits.bytes, folder)
    if problems:
        return _rejected(problems)
    for paths, most in _named(found, folder):
        others = {path: by_path[path] for path in sorted(paths - found.keys()) if path in by_path}
        more, problems = _contents(repository, others, most, limits.other_bytes, folder)
        if problems:
            return _rejected(problems)
        found |= more
    return HeadFiles({path.removeprefix(f"{folder}/"): content for path, content in found.items()})


def write_head_files(found: HeadFiles, into: Path) -> None:
    """Write the files into a folder, which has to be empty or missing. Raises `ReconcilerError`."""
    require_empty(into)
    try:
        into.mkdir(parents=True, exist_ok=True)
        for path, content in found.files.items():
            file = into / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as stream:
                stream.write(content)
    except OSError as error:
        raise ReconcilerError(f"{into}: {error.strerror}\n    Name a folder that can be written.") from None


def require_empty(into: Path) -> None:
    """Check that a folder is empty or missing. Raises `ReconcilerError`."""
    try:
        is_empty = not into.exists() or not any(into.iterdir())
    except OSError as error:
        raise ReconcilerError(f"{into}: {error.strerror}\n    Name an empty folder.") from None
    if not is_empty:
        raise ReconcilerError(f"{into}: the folder is not empty\n    Name an empty folder, or one that does not exist.")


def plain_folder(specs: str) -> str:
    """Return a folder of the repository as git names it. Raises `ReconcilerError` for any other path."""
    path = PurePosixPath(specs)
    if path.is_absolute() or not path.parts or any(not _NAME.fullmatch(part) for part in path.parts):
        text = "is not a folder of the repository"
        raise ReconcilerError(f"{printable(specs)[:_LONGEST_SHOWN]} {text}\n    Name it from the repository's top.")
    return path.as_posix()


def _is_ignored(entry: TreeEntry, folder: str) -> bool:
    """Return whether the loader reads no such file: hidden and backup files, which it passes over."""
    below = _shown(entry.path).removeprefix(f"{folder}/").split("/")
    return any(
        (part.startswith((".", "#", "~")) or part.endswith("~")) and part.strip(".") != "" and part.lower() != ".git"
        for part in below
    )


def _bad_kinds(entries: Iterable[TreeEntry]) -> Iterator[Problem]:
    for entry in entries:
        may_run = entry.mode == _EXECUTABLE and not looks_like_yaml(_shown(entry.path))
        if entry.mode != _FILE and not may_run:
            kind, hint = _KINDS.get(entry.mode, ("not an ordinary file", "replace it with an ordinary file"))
            yield _problem(entry.path, kind, hint)


def _bad_names(entries: Iterable[TreeEntry], folder: str) -> Iterator[Problem]:
    for entry in entries:
        below = entry.path.removeprefix(f"{folder}/".encode())
        if below == entry.path:
            yield _problem(entry.path, "a file in the place of the specs folder", "make it a folder")
            continue
        parts = below.decode("utf-8", "surrogateescape").split("/")
        if not all(_NAME.fullmatch(part) for part in parts):
            yield _problem(entry.path, "not a plain name", _NAME_HINT)
        elif len(below) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in parts):
            yield _problem(entry.path, f"a name of more than {_LONGEST_NAME} characters", "shorten it")


def _collisions(entries: Sequence[TreeEntry]) -> Iterator[Problem]:
    """Find paths that are one on some file system, or that are a file and a folder."""
    spelled: dict[str, set[str]] = defaultdict(set)
    files: dict[str, int] = defaultdict(int)
    folders: set[str] = set()
    for entry in entries:
        path, *parents = _steps(entry)
        files[path.casefold()] += 1
        folders |= {each.casefold() for each in parents}
        for step in (path, *parents):
            spelled[step.casefold()].add(step)
    for entry in entries:
        path, *parents = _steps(entry)
        if files[path.casefold()] > 1 and len(spelled[path.casefold()]) == 1:
            yield _problem(entry.path, "twice in one folder", "write the commit again with `git`")
        elif path.casefold() in folders:
            yield _problem(entry.path, "a file and a folder of one name", "rename one of them")
        elif any(len(spelled[step.casefold()]) > 1 for step in (path, *parents)):
            yield _problem(entry.path, "a name that differs from another one only in upper and lower case", "rename it")


def _steps(entry: TreeEntry) -> list[str]:
    """Return an entry's path, and the folders that it is in."""
    path = PurePosixPath(_shown(entry.path))
    return [str(path), *(str(each) for each in path.parents)]


def _contents(
    repository: Repository, entries: dict[str, TreeEntry], most: int, most_of_all: int, folder: str
) -> tuple[dict[str, bytes], list[Problem]]:
    sizes = repository.sizes(each.object for each in entries.values())
    problems = []
    for path, entry in entries.items():
        size = sizes[entry.object]
        if size is None:
            problems.append(_problem(path.encode(), "its content is missing here", "fetch it: `git fetch --refetch`"))
        elif size > most:
            problems.append(_problem(path.encode(), f"larger than {_bytes(most)}", "make it smaller"))
    if not problems and sum(sizes[each.object] or 0 for each in entries.values()) > most_of_all:
        problems.append(_too_much(folder, f"files of more than {_bytes(most_of_all)} together"))
    if problems:
        return {}, problems
    contents = dict(repository.contents(each.object for each in entries.values()))
    return {path: contents[entry.object] for path, entry in entries.items()}, []


def _named(files: dict[str, bytes], folder: str) -> Iterator[tuple[set[str], int]]:
    """Return the paths of files that units name, with the size limit of each kind.

    The kinds are packages, and certificates with keys.
    """
    units = []
    for path, raw in files.items():
        environment, _, name = path.removeprefix(f"{folder}/").partition("/")
        document, _ = parse(raw, environment=environment, name=name, file=path)
        units += [document] if document is not None and "/" not in name and name else []
    yield {f"{folder}/{of}/{path}" for of, path in named_packages(units)}, MAX_PACKAGE_BYTES
    yield {f"{folder}/{of}/{path}" for of, path in named_files(units)}, MAX_TRUST_BYTES


def _rejected(problems: Iterable[Problem]) -> HeadFiles:
    return HeadFiles(problems=tuple(sorted(problems)))


def _too_much(folder: str, message: str) -> Problem:
    return Problem(folder, *START, message, "split the pull request")


def _problem(path: bytes, message: str, hint: str) -> Problem:
    shown = _shown(path)
    cut = f"{shown[:_LONGEST_SHOWN]}…" if len(shown) > _LONGEST_SHOWN else shown
    return Problem(cut, *START, message, hint)


def _shown(path: bytes) -> str:
    return printable(path.decode("utf-8", "backslashreplace"))


def _bytes(number: int) -> str:
    return f"{number // 1024**2} MiB" if number >= 1024**2 else f"{number // 1024:,} KiB"
