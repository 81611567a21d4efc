"""The files of the catalogue, each read when somebody asks for its service, and once.

`schemas/services/` in the checkout is the one source, as the schemas of the specs are: a checker of a pull request
reads what an editor and we read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.services.service import Service
from reconciler.services.text import Unreadable, read

#: The folder with a file for each service.
SERVICES = Path(__file__).resolve().parents[3] / "schemas" / "services"


@cache
def known() -> frozenset[str]:
    """The ids of the services that have a file. Reads names only."""
    return frozenset(file.stem for file in SERVICES.glob("*.yaml"))


@cache
def find(service_id: str) -> Service | None:
    """The service with this id; None when the catalogue has no file for it.

    Raises ReconcilerError, naming the file, when it cannot be read.
    """
    return read_file(SERVICES / f"{service_id}.yaml") if service_id in known() else None


def catalogue() -> Mapping[str, Service]:
    """Every service by its id, sorted. Reads all files."""
    found = {service_id: find(service_id) for service_id in sorted(known())}
    return {service_id: service for service_id, service in found.items() if service is not None}


def read_file(file: Path) -> Service:
    """The service that a file describes; its id is the file's stem. Raises ReconcilerError."""
    try:
        return read(file.stem, file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReconcilerError(f"{file}: cannot be read: {error.strerror}") from error
    except (Unreadable, UnicodeDecodeError) as error:
        raise ReconcilerError(f"{file}: {error}. Correct it, or let reconciler services pull write it anew.") from error


def permanent_keys(service_id: str) -> tuple[str, ...]:
    """The keys of `config` that a connection of this service keeps for good; none that is known of without a file."""
    service = find(service_id)
    return () if service is None else service.permanent_keys


def needs_consent(service_id: str, config: Mapping[str, object], has_auth: bool) -> bool:
    """Whether a person has to authorise such a connection in a browser; no, as far as anybody knows, without a file."""
    service = find(service_id)
    return service is not None and service.needs_consent(config, has_auth)
