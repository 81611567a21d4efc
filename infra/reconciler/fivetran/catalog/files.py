"""The files of the catalogue. Each is read once, on first use.

Editors, checks of a pull request and runs all read `schemas/services/` in the checkout.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from reconciler.fivetran.catalog.json_schema import InvalidService, read
from reconciler.fivetran.catalog.service import Field, Service
from reconciler.model.errors import ReconcilerError

#: The folder with a file for each service.
SERVICES = Path(__file__).resolve().parents[4] / "schemas" / "services"
_TO_DO = "Restore the folder from git, and run from a checkout: pip install -e ."


def known() -> frozenset[str]:
    """Return the ids of the services that have a file. Reads names only.

    Raises:
        ReconcilerError: The catalogue's folder is missing, unreadable or empty. Without it no `config` is checked.
    """
    return _known(SERVICES)


@cache
def _known(folder: Path) -> frozenset[str]:
    try:
        found = frozenset(file.stem for file in folder.iterdir() if file.suffix == ".yaml")
    except OSError as error:
        raise ReconcilerError(
            f"{folder}: the catalogue of services cannot be read: {error.strerror}. {_TO_DO}"
        ) from None
    if not found:
        raise ReconcilerError(f"{folder}: the catalogue of services is empty. {_TO_DO}")
    return found


def find(service_id: str) -> Service | None:
    """Return the service with this id; None when the catalogue has no file for it.

    Raises:
        ReconcilerError: The catalogue, or the service's file in it, cannot be read; the text names it.
    """
    return _find(SERVICES, service_id)


@cache
def _find(folder: Path, service_id: str) -> Service | None:
    return read_file(folder / f"{service_id}.yaml") if service_id in _known(folder) else None


def catalogue() -> Mapping[str, Service]:
    """Return every service by its id, sorted. Reads all files."""
    found = {service_id: find(service_id) for service_id in sorted(known())}
    return {service_id: service for service_id, service in found.items() if service is not None}


def read_file(file: Path) -> Service:
    """Read the service that a file describes; its id is the file's stem. Raises ReconcilerError."""
    try:
        return read(file.stem, file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReconcilerError(f"{file}: cannot be read: {error.strerror}") from error
    except (InvalidService, UnicodeDecodeError) as error:
        raise ReconcilerError(f"{file}: {error}. Correct it, or restore it from git.") from error


def config_of(service_id: str) -> Field | None:
    """Return the fields of a service's `config` as one object; None without a file."""
    service = find(service_id)
    return None if service is None else Field("object", fields=service.config)


def permanent_keys(service_id: str) -> tuple[str, ...]:
    """Return the immutable keys of a service's `config`; none without a file."""
    service = find(service_id)
    return () if service is None else service.permanent_keys


def needs_consent(service_id: str, config: Mapping[str, object], has_auth: bool) -> bool:
    """Return whether a person must authorise a connection in a browser; False without a file."""
    service = find(service_id)
    return service is not None and service.needs_consent(config, has_auth)
