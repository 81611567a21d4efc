"""Find the environments and their files in the specs folder.

Reads names and bytes only. A file that looks like a spec but would not be read is a problem: its author believes in
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.config.files import LINK_HINT, LINK_OUT, read_regular
from reconciler.config.yaml.document import START, shown
from reconciler.config.yaml.read import MAX_BYTES
from reconciler.model import commands
from reconciler.model.errors import Problem, printable

_ENVIRONMENT = "environment"
ENVIRONMENT_FILE = f"{_ENVIRONMENT}.yaml"
#: The form of the names of environments and units.
UNIT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_NAME_HINT = "use lower-case letters, digits, underscores and hyphens, a letter or digit first"


@dataclass(frozen=True)
class SpecFile:
    """One file of an environment. `name` is its stem, `folder` the subfolder that it is in."""

    environment: str
    name: str
    file: str
    raw: bytes
    folder: str = ""


class Folder:
    """Walk the specs folder once, and collect its files, environments and problems.

    `edited` has the bytes of files that are not written yet, by their paths below `root`; None for a deleted one.
    """

    def __init__(self, root: Path, display_root: Path, edited: Mapping[Path, bytes | None] | None = None) -> None:
        self.problems: list[Problem] = []
        self._edited = {file.absolute(): raw for file, raw in (edited or {}).items()}
        self.environments: list[str] = []
        self.files: list[SpecFile] = []
        self._display = _Display(root, display_root)
        self._inside = root.resolve()
        for entry in self._entries(root):
            if (_is_folder(entry) or self._is_new_folder(entry)) and self._stays_inside(entry):
                self._environment(entry)
            elif looks_like_yaml(entry.name):
                self._problem(entry, "a file outside any environment", "move it into an environment's folder")
        if not self.environments and not self.problems:
            self._problem(
                root,
                "no environment found",
                f"write the first {ENVIRONMENT_FILE} with {commands.reconciler('init', 'NAME')}",
            )

    def shown(self, path: Path) -> str:
        """Return a path as messages show it."""
        return self._display(path)

    def _environment(self, folder: Path) -> None:
        found = list(self._entries(folder))
        subfolders = [entry for entry in found if self._has_specs(entry)]
        if not subfolders and not any(looks_like_yaml(entry.name) for entry in found):
            return
        if not UNIT_NAME.fullmatch(folder.name):
            self._problem(folder, f"{shown(folder.name)} cannot be an environment's name", _NAME_HINT)
            return
        self.environments.append(folder.name)
        if not any(entry.stem.lower() == _ENVIRONMENT and looks_like_yaml(entry.name) for entry in found):
            self._problem(folder / ENVIRONMENT_FILE, "the file is missing", "add it: every environment needs one")
        self._add_files(folder.name, "", found)
        for entry in subfolders:
            self._subfolder(folder.name, entry)

    def _subfolder(self, environment: str, folder: Path) -> None:
        """Read a folder of units inside an environment. It has none of its own."""
        if folder.is_symlink():
            self._problem(folder, "a subfolder that is a symbolic link", "replace the link with the folder itself")
            return
        if not UNIT_NAME.fullmatch(folder.name):
            self._problem(folder, f"{shown(folder.name)} cannot be a subfolder's name", _NAME_HINT)
            return
        found = []
        for entry in self._entries(folder):
            if entry.stem.lower() == _ENVIRONMENT and looks_like_yaml(entry.name):
                self._problem(entry, "an environment inside an environment", "rename it, or move it one folder up")
            elif self._has_specs(entry):
                self._problem(entry, "a subfolder with YAML files inside a subfolder", "move the files one folder up")
            else:
                found.append(entry)
        self._add_files(environment, folder.name, found)

    def _has_specs(self, entry: Path) -> bool:
        """Return whether an entry is a folder, not named like a spec, with files that look like specs."""
        if looks_like_yaml(entry.name) or not (_is_folder(entry) or self._is_new_folder(entry)):
            return False
        return any(looks_like_yaml(inner.name) for inner in self._entries(entry))

    def _add_files(self, environment: str, folder: str, found: Iterable[Path]) -> None:
        for entry in filter(self._is_spec, found):
            raw = self._read(entry)
            if raw is not None:
                self.files.append(SpecFile(environment, entry.stem, self._display(entry), raw, folder))

    def _is_spec(self, entry: Path) -> bool:
        """Return whether an entry is a spec; record a problem for one that only looks like it."""
        if not looks_like_yaml(entry.name):
            return False
        if _is_folder(entry):
            self._problem(entry, "a folder named like a spec", "rename it")
        elif entry.suffix != ".yaml":
            self._problem(entry, f"the name ends in {shown(entry.suffix)}", f"rename it to {_renamed(entry)}")
        elif not UNIT_NAME.fullmatch(entry.stem):
            hint = f"rename it to {shown(ENVIRONMENT_FILE)}" if entry.stem.lower() == _ENVIRONMENT else _NAME_HINT
            self._problem(entry, f"{shown(entry.stem)} cannot be a unit's name", hint)
        else:
            return self._stays_inside(entry)
        return False

    def _entries(self, folder: Path) -> Iterator[Path]:
        """Yield a folder's entries in order, without hidden and backup files."""
        try:
            found = set(folder.iterdir())
        except OSError as error:
            if not any(file.is_relative_to(folder.absolute()) for file in self._edited):
                self._problem(folder, f"cannot be read: {error.strerror}")
                return
            found = set()
        absolute = folder.absolute()
        for file, raw in self._edited.items():
            if file.is_relative_to(absolute) and file != absolute:
                entry = folder / file.relative_to(absolute).parts[0]
                if raw is not None:
                    found.add(entry)
                elif file.parent == absolute:
                    found.discard(entry)
        entries = sorted(found)
        yield from (
            entry for entry in entries if not (entry.name.startswith((".", "#", "~")) or entry.name.endswith("~"))
        )

    def _is_new_folder(self, entry: Path) -> bool:
        """Return whether only edited files make an entry a folder."""
        return not entry.exists() and any(file.parent == entry.absolute() for file in self._edited)

    def _stays_inside(self, entry: Path) -> bool:
        """Return whether an entry is inside the specs folder.

        A link out could show other files of the machine.
        """
        if not entry.is_symlink():
            return True
        try:
            inside = entry.resolve(strict=True).is_relative_to(self._inside)
        except (OSError, RuntimeError):
            self._problem(entry, "a broken symbolic link", LINK_HINT)
            return False
        if not inside:
            self._problem(entry, LINK_OUT, LINK_HINT)
        return inside

    def _read(self, file: Path) -> bytes | None:
        """Return the file's bytes, at most one more than allowed; None when it cannot be read."""
        if (edited := self._edited.get(file.absolute())) is not None:
            return edited
        try:
            content = read_regular(file, MAX_BYTES)
        except OSError as error:
            self._problem(file, f"cannot be read: {error.strerror}")
            return None
        if content is None:
            self._problem(file, "not a regular file")
        return content

    def _problem(self, path: Path, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(self._display(path), *START, message, hint))


class _Display:
    """Format paths: relative to the display root when below it, else as the folder was given."""

    def __init__(self, root: Path, display_root: Path) -> None:
        self._root = root
        absolute, base = root.absolute(), display_root.absolute()
        self._shown_root = absolute.relative_to(base) if absolute.is_relative_to(base) else root

    def __call__(self, path: Path) -> str:
        return printable((self._shown_root / path.relative_to(self._root)).as_posix())


def looks_like_yaml(name: str) -> bool:
    """Return whether a file's name is that of a spec, or looks like one."""
    return name.lower().endswith((".yaml", ".yml"))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # what may not even be looked at is reported when it is read
        return False


def _renamed(entry: Path) -> str:
    return shown(entry.stem + ".yaml")
