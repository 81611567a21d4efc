"""Editors validate by other libraries than we do: what one of them says has to be what we say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from tests.every import for_every

from reconciler.config.schema import schemas
from reconciler.config.schema.check import check
from reconciler.config.yaml.document import Document
from reconciler.config.yaml.read import parse

ROOT = Path(__file__).parents[1]
KINDS: tuple[schemas.Kind, ...] = ("unit", "environment")
FILES = sorted((ROOT / "tests" / "config").glob("*/*/*/*.yaml")) + sorted((ROOT / "connectors").glob("*/*.yaml"))


def pattern(_: Any, expression: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """ECMA's `$`, which the standard asks for, is the end of the text; Python's is also before a last line break."""
    if expression.endswith("$"):
        expression = expression[:-1] + r"\Z"
    if isinstance(instance, str) and not re.search(expression, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {expression!r}")


Independent = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern})
VALIDATORS = {kind: Independent(schemas.schema(kind)) for kind in KINDS}


def kind_of(file: Path) -> schemas.Kind:
    return "environment" if file.stem == "environment" else "unit"


def document(file: Path) -> Document | None:
    """The file as data, as far as its YAML can be read."""
    if not file.is_file():
        return None
    return parse(file.read_bytes(), environment=file.parent.name, name=file.stem, file=file.name)[0]


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


@for_every("file", FILES, ids=name)
def test_independent_validator_finds_the_same_faults_in_the_same_places(file: Path):
    read = document(file)
    if read is None:
        return
    kind = kind_of(file)
    ours = sorted((list(map(str, error.instance_path)), error.kind.name) for error in schemas.errors(kind, read.data))
    theirs = sorted(
        (list(map(str, error.absolute_path)), str(error.validator)) for error in VALIDATORS[kind].iter_errors(read.data)
    )
    assert ours == theirs


@for_every("file", FILES, ids=name)
def test_editor_and_validate_agree_on_valid_and_invalid_files(file: Path):
    read = document(file)
    if read is None:
        return
    kind = kind_of(file)
    # A key without a value, or one that cannot be read, is a problem of its own, reported while the file is read.
    errors = [error for error in VALIDATORS[kind].iter_errors(read.data) if error.instance is not None]
    faults = [error for error in errors if tuple(error.absolute_path) not in read.incomplete]
    assert bool(list(check(read, kind))) == bool(faults)


def test_files_are_there_valid_and_invalid():
    documents = {file: document(file) for file in FILES}
    validity = {VALIDATORS[kind_of(file)].is_valid(read.data) for file, read in documents.items() if read is not None}
    assert validity == {True, False}
    assert len(FILES) > 200
