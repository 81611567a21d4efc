"""`reconciler secret put`: write a secret's value to Secret Manager, and print the reference to it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import Exit
from reconciler.cli.environments import SelectedEnvironment, select_environment
from reconciler.cli.options import environment_option, specs_option
from reconciler.cli.output import print_note, print_text
from reconciler.cli.terminal_secret import read_secret
from reconciler.config.plain_credentials import looks_like_credential
from reconciler.model import Reference, references
from reconciler.model.errors import ReconcilerError
from reconciler.secrets.odd_values import clean_value, find_oddities

if TYPE_CHECKING:
    from reconciler.secrets.write import Secret, StoredVersion

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_LARGEST_BYTES = 65_536


@click.group()
def secret() -> None:
    """Write secrets that units refer to."""


# The value is never printed, so neither is an argument that may be one.
@secret.command()
@specs_option
@environment_option
@click.option("--project", default="", metavar="ID", help="The secret's project.  [default: `secrets_project`]")
@click.option(
    "--from-file", "file", type=click.Path(path_type=Path), metavar="FILE", help="The file that has the value."
)
@click.option("--create", is_flag=True, help="Create the secret if there is none. On a terminal the command asks.")
@click.option(
    "--exact", is_flag=True, help="Keep line breaks and a byte-order mark, for a reference with `exact: true`."
)
@click.argument("name")
@click.argument("unexpected", nargs=-1, metavar="")
def put(
    *,
    specs: Path,
    environment: str | None,
    project: str,
    file: Path | None,
    create: bool,
    exact: bool,
    name: str,
    unexpected: tuple[str, ...],
) -> int:
    """Write a value as a new version of the secret NAME, and print the reference for a unit's file.

    Reads the value from the terminal, which does not show it; from stdin, if that is not a terminal; or from a file. A
    value is never an argument: the shell's history and other processes would see it.

    Leaves out a byte-order mark, and the line break after a value of one line. A key in JSON stays as it is. Writes
    nothing if the newest version has this value.

    Needs Google credentials with `roles/secretmanager.secretVersionAdder`; to compare with the newest version,
    `roles/secretmanager.secretAccessor`.

    Exit codes: 0 written, or there already; 2 wrong usage, or an empty value; 3 Google failed.
    """
    if unexpected:
        raise click.UsageError("the value must not be an argument: leave it out, and the command asks for it")
    if not _NAME.fullmatch(name):
        raise click.BadParameter("expected letters, digits, underscores and hyphens", param_hint="NAME")
    if looks_like_credential(name):
        raise click.BadParameter("expected a name; this looks like the value. Leave it out", param_hint="NAME")
    if project and not _PROJECT.fullmatch(project):
        raise click.BadParameter("expected the id of a project", param_hint="--project")
    is_needed = not project or environment is not None
    selected = select_environment(specs, environment, needs_others=False) if is_needed else None
    own_project = selected and (selected.environment.secrets_project or selected.environment.gcp_project)
    where = project or str(own_project)

    from reconciler.secrets.write import Secret  # noqa: PLC0415 (Google's library is slow to import)

    target = Secret(where, name)
    is_missing = not target.exists()
    if is_missing:
        _confirm_creation(where, name, create=create, interactive=file is None and sys.stdin.isatty())
    value = _value(name, file, exact=exact)
    if is_missing:
        target.create()
        print_note(f"created the secret {name} in project {where}")
    number = _add_version(target, value, where, name, newest=None if is_missing else target.newest())
    print_text(str(Reference("secret", name, number, None if where == own_project else where, exact)))
    if selected is not None:
        for note in _uses(selected, Reference("secret", name, number, where)):
            print_note(note)
    return Exit.FINE


def _add_version(target: Secret, value: str, project: str, name: str, *, newest: StoredVersion | None) -> int:
    """Add a version, unless the newest has this value already. Return its number."""
    if newest is not None and newest.number is not None and newest.value == value.encode():
        print_note(f"version {newest.number} of {name} has this value already: nothing was written")
        return newest.number
    number = target.add(value)
    print_note(f"wrote version {number} of the secret {name} in project {project}")
    return number


def _confirm_creation(project: str, name: str, *, create: bool, interactive: bool) -> None:
    if create:
        return
    if interactive and click.confirm(f"Project {project} has no secret {name}. Create it?", err=True):
        return
    raise ReconcilerError(f"project {project} has no secret {name}\n    Run again with --create, or correct the name.")


def _value(name: str, file: Path | None, *, exact: bool) -> str:
    """Read the value without a byte-order mark and line end. Notes name what is left out."""
    raw = read_secret(f"Value of {name} (not shown)", file, _LARGEST_BYTES)
    if len(raw) > _LARGEST_BYTES:
        raise ReconcilerError(f"the value has more than {_LARGEST_BYTES:,} bytes, the most that Secret Manager takes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ReconcilerError(
            "the value is not UTF-8 text, so runs cannot send it\n    Encode the file, such as with base64."
        ) from None
    if not text.removeprefix("\ufeff").strip():
        raise ReconcilerError("the value is empty: nothing was written")
    if exact or _is_json(text):
        return text
    for oddity in find_oddities(text):
        print_note(f"{'left out' if oddity.removed else 'kept'}: the value {oddity.what}")
    return clean_value(text)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _uses(selected: SelectedEnvironment, written: Reference) -> Iterator[str]:
    """Yield a line for each place that refers to another version of the secret."""
    for unit in selected.fleet.units:
        trees = unit.connector.trees if unit.connector else {}
        for path, found in references(trees):
            same = (found.kind, found.name, found.project) == (written.kind, written.name, written.project)
            if same and found.version not in (None, written.version):
                place = selected.places.find(unit.file, "connector", path)
                yield f"{place}: refers to version {found.version}\n    Write `version: {written.version}`."
