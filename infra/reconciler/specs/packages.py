"""The ZIP files that units name as their connectors' code: found beside the unit, looked at, hashed."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.archive import content_hash
from reconciler.model import Package
from reconciler.specs import schemas
from reconciler.specs.document import Document

#: More than code needs by far; Fivetran does not document its own limit.
MAX_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True)
class Looked:
    """A package, or what is wrong with it, in words for the place that names it."""

    package: Package | None = None
    problem: str | None = None
    hint: str | None = None


def looked_at(specs_dir: Path, units: Iterable[Document]) -> dict[tuple[str, str], Looked]:
    """The packages that units name in the form that the schema asks for, by environment and path, each read once."""
    form = schemas.schema("unit")["$defs"]["connector"]["properties"]["package"]["pattern"]
    all_named = ((unit.environment, unit.at("connector", "package")) for unit in units)
    named = {(of, path) for of, path in all_named if isinstance(path, str) and re.fullmatch(form, path)}
    return {(of, path): _look(specs_dir / of / path, specs_dir, path) for of, path in named}


def usable(packages: Mapping[tuple[str, str], Looked], environment: str) -> dict[str, Package]:
    """Those of an environment that nothing is wrong with, by path."""
    found = {path: looked.package for (of, path), looked in packages.items() if of == environment}
    return {path: package for path, package in found.items() if package is not None}


def _look(file: Path, specs_dir: Path, path: str) -> Looked:
    try:
        # A pull request must not upload what else is on the machine.
        if not file.resolve(strict=True).is_relative_to(specs_dir.resolve()):
            return Looked(problem="a link out of the specs folder", hint="put the file itself there")
        if not file.is_file():
            return Looked(problem="no ordinary file", hint="name the ZIP file that `fivetran package` writes")
        if file.stat().st_size > MAX_BYTES:
            return Looked(problem=f"larger than {MAX_BYTES // 1024**2} MiB", hint="leave out what is no code")
        content = file.read_bytes()
        if not zipfile.is_zipfile(file):
            return Looked(problem="no ZIP file", hint="make it by `fivetran package`")
    except OSError as error:
        hint = "it is looked for beside this file; `fivetran package` makes one"
        return Looked(problem=f"cannot be read: {error.strerror}", hint=hint)
    return Looked(Package(path, str(file.absolute()), hashlib.sha256(content).hexdigest(), content_hash(content)))
