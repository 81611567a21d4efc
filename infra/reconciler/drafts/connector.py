"""A live connection with its dataset or datasets → the unit that declares it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from reconciler import services
from reconciler.client import Connection, StandardConfig
from reconciler.drafts.config import Config
from reconciler.drafts.dataset import dataset_part, expires_mark, live_description, placed
from reconciler.drafts.destination import destination_of
from reconciler.drafts.draft import FILL_IN, Draft, Surroundings, description, owners
from reconciler.drafts.schedule import schedule_of
from reconciler.drafts.settings import settings_of
from reconciler.drafts.sync import sync_of
from reconciler.drafts.trust import Approvals, trust_of
from reconciler.model import Adopt, Connector, DestinationSchema, Unit, references
from reconciler.specs.document import Path

_HELD = "Fivetran holds what is marked here: nothing is sent until another reference stands in its place."
_PAUSED = "Fill in why it is paused."


@dataclass(frozen=True)
class Found:
    """A live connection and what else is known of it."""

    connection: Connection
    """As one read has it: with its config."""
    tables: StandardConfig | None = None
    """None where Fivetran has not looked at the source yet."""
    owner: str | None = None
    """The e-mail address of who made it."""
    task_id: str | None = None
    """The Airflow task whose variable holds its id."""
    approvals: Approvals = field(default_factory=Approvals)
    """What Fivetran trusts of its source."""


def draft_connector(
    found: Found,
    name: str,
    around: Surroundings,
    *,
    dataset_unit: str | None,
    datasets: Sequence[str],
    taken_tasks: Container[str],
) -> Draft:
    """The unit of a connection, to be called `name`.

    `dataset_unit` is the unit that declares its dataset, where another does; `datasets` are those of a service that
    writes one a schema.
    """
    connection, environment = found.connection, around.environment
    destination = destination_of(connection)
    ids = _dataset_ids(destination, dataset_unit, datasets)
    text, comments = description(*(live_description(around.datasets.get(each)) for each in ids))
    owner, marked = owners(found.owner)
    connector, more = _connector(found, name, around, destination, taken_tasks)
    comments |= marked | more
    parts = [dataset_part(each, around, text, is_written=True) for each in ids]
    for part in parts:
        comments |= placed(part, _place(destination, part.dataset.id))
    if destination.schema_prefix is not None and not datasets:
        comments["datasets",] = f"{FILL_IN} the schemas of the source that are synced, each of which becomes a dataset"
    expires, ending = expires_mark(environment)
    unit = Unit(
        name=name,
        file=f"{name}.yaml",
        description=text,
        owners=owner,
        connector=connector,
        datasets=tuple(part.dataset for part in parts),
        dataset_unit=dataset_unit,
        expires=expires,
    )
    return Draft(unit, {**comments, **ending})


def _dataset_ids(destination: DestinationSchema, dataset_unit: str | None, datasets: Sequence[str]) -> list[str]:
    if dataset_unit is not None:
        return []
    if destination.schema_prefix is not None:
        return list(datasets) or [f"{destination.schema_prefix}_public"]
    return [str(destination.schema)]


def _place(destination: DestinationSchema, dataset_id: str) -> Path:
    if destination.schema_prefix is None:
        return ("dataset",)
    return ("datasets", dataset_id.removeprefix(f"{destination.schema_prefix}_"))


def _connector(
    found: Found, name: str, around: Surroundings, destination: DestinationSchema, taken_tasks: Container[str]
) -> tuple[Connector, dict[Path, str]]:
    connection = found.connection
    service = services.find(connection.service)
    config = Config(connection.config, service, destination, name)
    comments: dict[Path, str] = dict(config.comments)
    if any(True for _ in references(config.tree)):
        comments["connector", "config"] = _HELD
    schedule, asked = schedule_of(connection, name, around.environment.name, found.task_id, taken_tasks)
    if asked is not None:
        comments["connector", "schedule"] = asked
    if connection.paused:
        comments["connector", "paused"] = f"{FILL_IN} the reason; without this key it runs"
    settings, unsayable = settings_of(connection)
    has_auth = service is not None and bool(service.auth)
    if said := _not_here(config.left_out, unsayable, connection.service, has_auth=has_auth):
        comments["connector", "adopt"] = said
    trusted, more = trust_of(found.approvals)
    comments |= {at: "\n".join(filter(None, (comments.get(at), text))) for at, text in more.items()}
    connector = Connector(
        service=connection.service,
        destination=destination,
        config=config.tree,
        settings=settings,
        trust=trusted,
        schedule=schedule,
        sync=sync_of(found.tables),
        paused=_PAUSED if connection.paused else None,
        adopt=Adopt(connection.id),
        needs_consent=services.needs_consent(connection.service, config.tree, False),
    )
    return connector, comments


def _not_here(left_out: Sequence[str], unsayable: Sequence[str], service: str, *, has_auth: bool) -> str:
    """What the connection has and the file does not say."""
    lines = []
    if has_auth:
        lines.append("Fivetran never shows `auth`, nor whether a person gave consent: both stay with the connection.")
    if left_out:
        lines.append(
            f"Not here, since the catalogue does not know it so: {', '.join(left_out)}. "
            f"`reconciler services pull {service}` brings the catalogue up to date."
        )
    if unsayable:
        lines.append(f"Not here, since Fivetran takes no such value: {', '.join(unsayable)}.")
    return "\n".join(lines)
