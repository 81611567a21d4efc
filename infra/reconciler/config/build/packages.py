"""Find, read and hash the ZIP files that units name as their connector's code."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.config.files import Edited, FileRules, UnreadableFile, read_beside
from reconciler.config.schema import schemas
from reconciler.config.yaml.document import Document
from reconciler.model import Package

#: More than code needs by far; Fivetran does not document its own limit.
MAX_BYTES = 100 * 1024 * 1024

_LIMITS = FileRules(
    most_bytes=MAX_BYTES,
    if_missing="check the path, relative to the environment's folder; `fivetran package` creates the ZIP file",
    if_special="name the ZIP file that `fivetran package` writes",
    if_large="remove everything that is not code",
)


def read_packages(
    specs_dir: Path, units: Iterable[Document], edited: Edited | None = None
) -> dict[tuple[str, str], Package | UnreadableFile]:
    """Read each package that a unit names once, by environment and path."""
    named = named_packages(units)
    return {(of, path): _read_package(specs_dir / of / path, specs_dir, path, edited) for of, path in named}


def named_packages(units: Iterable[Document]) -> set[tuple[str, str]]:
    """Return environment and path of each package that a unit names."""
    form = schemas.schema("unit")["$defs"]["connector"]["properties"]["package"]["pattern"]
    all_named = ((unit.environment, unit.at("connector", "package")) for unit in units)
    return {(of, path) for of, path in all_named if isinstance(path, str) and re.fullmatch(form, path)}


def valid_packages(
    packages: Mapping[tuple[str, str], Package | UnreadableFile], environment: str
) -> dict[str, Package]:
    """Return an environment's packages without a problem, by path."""
    return {path: found for (of, path), found in packages.items() if of == environment and isinstance(found, Package)}


def _read_package(file: Path, specs_dir: Path, path: str, edited: Edited | None) -> Package | UnreadableFile:
    content = read_beside(file, specs_dir, _LIMITS, edited)
    if isinstance(content, UnreadableFile):
        return content
    from reconciler.config.build import archives  # noqa: PLC0415 (few units have a package, and zipfile imports much)

    if not archives.is_archive(content):
        return UnreadableFile("not a ZIP file", "create it with `fivetran package`")
    return Package(path, str(file.absolute()), hashlib.sha256(content).hexdigest(), archives.content_hash(content))
