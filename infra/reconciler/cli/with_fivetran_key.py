"""`reconciler with-fivetran-key`: run a command with an API key of Fivetran from Secret Manager."""

from __future__ import annotations

import os
import re
from typing import NoReturn

import click

from reconciler.model import Reference
from reconciler.model.errors import ReconcilerError, RemoteError

_SECRET = re.compile(
    r"projects/(?P<project>[a-z0-9:.-]+)/secrets/(?P<name>[\w-]+)(?:/versions/(?P<version>\d+|latest))?"
)
_FORM = "projects/PROJECT/secrets/NAME"

_SECRET_VARIABLE = "RECONCILER_FIVETRAN_SECRET"  # noqa: S105 (the name of a variable)
_KEY_VARIABLES = ("FIVETRAN_APIKEY", "FIVETRAN_APISECRET")


@click.command("with-fivetran-key", context_settings={"allow_interspersed_args": False})
@click.option(
    "--secret",
    envvar=_SECRET_VARIABLE,
    default="",
    metavar="NAME",
    show_envvar=True,
    help=f"The secret in Secret Manager: {_FORM}, its latest version unless one is named.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def with_fivetran_key(secret: str, command: tuple[str, ...]) -> NoReturn:
    """Run COMMAND with FIVETRAN_APIKEY and FIVETRAN_APISECRET from a secret.

    Only the process of COMMAND gets the secret.

    The secret's value is KEY:SECRET. Without a secret's name COMMAND runs with the variables that are set already. It
    does not run without a key: a preview would not check what exists in Fivetran.
    Options of COMMAND follow it: `reconciler with-fivetran-key pulumi up --stack dev`.

    Exit codes: those of COMMAND; 2 wrong usage; 3 Google failed.
    """
    variables = dict(os.environ)
    if secret:
        variables |= _read(secret)
    elif missing := [name for name in _KEY_VARIABLES if not variables.get(name, "").strip()]:
        step = f"Set {_SECRET_VARIABLE} to {_FORM}. The workflows take it from the environment's variable FIVETRAN_KEY."
        raise ReconcilerError(f"{_SECRET_VARIABLE} and {' and '.join(missing)} are not set\n    {step}")
    try:
        os.execvpe(command[0], command, variables)  # noqa: S606 (the user's own command, without a shell)
    except OSError as error:
        raise ReconcilerError(f"{command[0]}: {error.strerror}\n    Name a command that is on PATH.") from None


def _read(secret: str) -> dict[str, str]:
    found = _SECRET.fullmatch(secret)
    if not found:
        raise click.BadParameter(f"expected {_FORM}", param_hint="--secret")
    from reconciler.secrets import secret_manager  # noqa: PLC0415 (slow to import)

    version = found["version"]
    number = int(version) if version and version.isdecimal() else None
    try:
        value = secret_manager.connect().value(Reference("secret", found["name"], number, found["project"]))
    except LookupError as error:
        raise RemoteError(str(error)) from None
    key, _, api_secret = value.strip().partition(":")
    if not key or not api_secret or not value.strip().isprintable() or " " in value.strip():
        raise ReconcilerError(f"the value of {secret} is not an API key\n    Add a version whose value is KEY:SECRET.")
    return dict(zip(_KEY_VARIABLES, (key, api_secret), strict=True))
