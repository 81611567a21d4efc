"""Find the files of a checkout that name a Fivetran task or a project of ours, and read those."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.etl.metadata import (
    TASKS_KEY,
    FivetranTask,
    Metadata,
    MetadataFault,
    read_dataset_metadata,
    read_metadata,
)
from reconciler.etl.reads import Read, Reader
from reconciler.model.errors import ReconcilerError, printable

#: The folder with a folder for each project, and the one with templates of queries.
_SQL, GENERATORS = "sql", "sql_generators"

_METADATA, _DATASET_METADATA = "metadata.yaml", "dataset_metadata.yaml"
#: Generators have `clients_daily_v1.metadata.yaml` and `metadata_deletion_request.yaml` too.
_METADATA_OF_GENERATORS = re.compile(r"(?:[\w{}-]+\.)*metadata(?:_\w+)?\.yaml")
#: The key as it is in UTF-16, which YAML allows.
_IN_UTF_16 = tuple(TASKS_KEY.encode(each) for each in ("utf-16-le", "utf-16-be"))
NOT_UTF_8 = "is not UTF-8 text"
_SKIPPED = frozenset({"__pycache__", "node_modules", "venv"})
_JINJA = ".jinja"

#: The folders of a query: project, dataset, table.
_DEPTH = 3


@dataclass(frozen=True)
class EtlFile:
    """A file that names a Fivetran task or one of the projects."""

    file: str
    """As messages name it."""
    query: str
    """`project.dataset.table`, by its folders."""
    tasks: tuple[FivetranTask, ...] = ()
    reads: tuple[Read, ...] = ()
    faults: tuple[MetadataFault, ...] = ()

    @property
    def project(self) -> str:
        """The project whose folder the file is in."""
        return self.query.partition(".")[0]


@dataclass
class Scan:
    """What the files of some checkouts name, and how many files were looked at."""

    files: list[EtlFile] = field(default_factory=list)
    looked_at: int = 0
    metadata: int = 0
    """How many of them are `metadata.yaml`."""


def scan(checkouts: Collection[Path], projects: Collection[str]) -> Scan:
    """Read the checkouts.

    Args:
        checkouts: Each a checkout of bigquery-etl, its folder `sql`, or a folder in that.
        projects: The projects whose datasets count.

    Raises:
        ReconcilerError: A folder has no `metadata.yaml`.
    """
    reader, result, seen = Reader(projects), Scan(), set[str]()
    project_names = [project.encode() for project in projects]
    for checkout in checkouts:
        unread: list[OSError] = []
        is_empty = True
        for path, real, folders in _walk(checkout, unread):
            is_metadata = path.endswith(f"{os.sep}{_METADATA}")
            is_empty = is_empty and not is_metadata
            if real in seen:
                continue  # another PATH has it
            seen.add(real)
            result.looked_at += 1
            result.metadata += is_metadata
            if found := _read(path, ".".join(folders[:_DEPTH]), reader, project_names):
                result.files.append(found)
        result.files += [_unreadable_folder(error) for error in unread]
        if is_empty and not unread:
            text = f"{printable(str(checkout))} has no {_METADATA}"
            raise ReconcilerError(f"{text}\n    Name a checkout of bigquery-etl, or its folder {_SQL}.")
    result.files.sort(key=lambda each: each.file)
    return result


def _walk(checkout: Path, unread: list[OSError]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the files to look at: the path, the path without links, and the folders that name the query.

    The errors of folders that cannot be listed are added to `unread`.
    """
    roots = [checkout]
    if (checkout / _SQL).is_dir():
        roots = [folder for folder in (checkout / _SQL, checkout / GENERATORS) if folder.is_dir()]
    for root in roots:
        resolved = root.resolve()
        above = _folders_of(resolved)
        for folder, folders, names in os.walk(root, onerror=unread.append):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
            relative = os.path.relpath(folder, root)
            inner = Path(relative).parts
            for name in names:
                plain = name.removesuffix(_JINJA)
                is_python = plain.endswith(".py") and not plain.startswith("test_")
                if (
                    _METADATA_OF_GENERATORS.fullmatch(plain)
                    or plain == _DATASET_METADATA
                    or plain.endswith(".sql")
                    or is_python
                ):
                    path = f"{folder}{os.sep}{name}"
                    yield path, f"{resolved}{os.sep}{relative}{os.sep}{name}", (*above, *inner)


def _folders_of(root: Path) -> tuple[str, ...]:
    """Return a folder's place below the nearest folder `sql`; its last parts if there is none."""
    if _SQL in root.parts:
        return root.parts[len(root.parts) - root.parts[::-1].index(_SQL) :]
    return (root.name,) if root.name == GENERATORS else ()


def _unreadable_folder(error: OSError) -> EtlFile:
    folder = str(error.filename)
    return EtlFile(_shown(folder), "", faults=(MetadataFault(f"cannot be listed: {error.strerror}"),))


def _read(path: str, query: str, reader: Reader, projects: Collection[bytes]) -> EtlFile | None:
    """Read a file; None if it names nothing that counts."""
    shown = _shown(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (10,000 files)
            return EtlFile(
                shown, query, faults=(MetadataFault("is not a regular file"),)
            )  # a pipe or device may have no end
        with open(path, "rb") as stream:  # noqa: PTH123 (10,000 files)
            raw = stream.read()
    except OSError as error:
        return EtlFile(shown, query, faults=(MetadataFault(f"cannot be read: {error.strerror}"),))
    name = os.path.basename(path).removesuffix(_JINJA)  # noqa: PTH119 (10,000 files)
    is_metadata = name == _DATASET_METADATA or _METADATA_OF_GENERATORS.fullmatch(name) is not None
    if is_metadata and any(key in raw for key in _IN_UTF_16):
        return EtlFile(shown, query, faults=(MetadataFault(NOT_UTF_8),))
    own = query.partition(".")[0]
    is_own = own in reader.projects
    if not (any(name in raw for name in projects) or TASKS_KEY.encode() in raw or (is_own and b"{{" in raw)):
        return None
    text = raw.decode("utf-8-sig", "replace")
    if _METADATA_OF_GENERATORS.fullmatch(name):
        found = read_metadata(text, reader)
    elif name == _DATASET_METADATA:
        found = read_dataset_metadata(text, reader)
    elif name.endswith(".py"):
        found = Metadata(reads=tuple(reader.in_python(text)))
    else:
        found = Metadata(reads=tuple(reader.in_sql(text, own if is_own else None)))
    if is_metadata and (fault := _not_utf_8(raw)):
        found = replace(found, faults=(fault, *found.faults))
    if not (found.tasks or found.reads or found.faults):
        return None
    return EtlFile(shown, query, found.tasks, found.reads, found.faults)


def _not_utf_8(raw: bytes) -> MetadataFault | None:
    """Return the place of the first byte that is no UTF-8; bigquery-etl reads these files as UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return MetadataFault(NOT_UTF_8, before.count(b"\n") + 1, column)
    return None


def _shown(path: str) -> str:
    """Return a path relative to the working directory, if it is below that."""
    here = f"{os.getcwd()}{os.sep}"  # noqa: PTH109 (10,000 files)
    return printable(re.sub(r"^(\./)+", "", path.removeprefix(here)).replace(os.sep, "/"))
