"""A live connection with its dataset or datasets → the unit that declares it."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.config.rules.tables import simple_name
from reconciler.config.schema import schemas
from reconciler.config.yaml.document import Path
from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection, StandardConfig
from reconciler.importer.config import Config
from reconciler.importer.dataset import dataset_part, expires_mark, live_description, placed
from reconciler.importer.destination import destination_of
from reconciler.importer.draft import FILL_IN, Draft, Surroundings, description, owners
from reconciler.importer.fit import fitting
from reconciler.importer.schedule import schedule_of
from reconciler.importer.sync import sync_of
from reconciler.importer.trust import Approvals, trust_of
from reconciler.model import CONNECTION_SETTINGS, Adopt, Connector, DestinationSchema, Sync, Unit, commands, references
from reconciler.secrets.masking import contains_secret

_HELD = (
    "Fivetran keeps the values marked `held_by: fivetran`; runs send none of them until a reference replaces the mark."
)
#: How many names a comment has, and how many characters each.
_MOST_NAMED = 50
_LONGEST_NAME = 100
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
    connector, more = _connector(found, name, around, taken_tasks, ids)
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
    return fitting(Draft(unit, {**comments, **ending}), environment)


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
    found: Found, name: str, around: Surroundings, taken_tasks: Container[str], datasets: Sequence[str]
) -> tuple[Connector, dict[Path, str]]:
    connection, destination = found.connection, destination_of(found.connection)
    service = catalog.find(connection.service)
    config = Config(connection.config, service, destination, name, around.secrets)
    comments: dict[Path, str] = dict(config.comments)
    if any(True for _ in references(config.tree)):
        comments["connector", "config"] = _HELD
    schedule, asked = schedule_of(connection, name, around.environment.name, found.task_id, taken_tasks)
    if asked is not None:
        comments["connector", "schedule"] = asked
    if connection.paused:
        comments["connector", "paused"] = f"{FILL_IN} the reason; without this key it runs"
    settings, unsayable = settings_of(connection, around.secrets)
    unnamed: list[str] = []
    sync = sync_of(found.tables, unnamed)
    if destination.schema_prefix is not None and around.environment.policy.undeclared_datasets == "forbidden":
        sync, comment = _without_undeclared(sync, destination.schema_prefix, datasets, around.environment.name)
        comments |= comment
    has_auth = service is not None and bool(service.auth)
    said = _not_here(config.left_out, unsayable, connection.service, has_auth=has_auth)
    if unnamed:
        said = "\n".join(filter(None, (said, f"Not in `sync`, where no file can name it: {_some(unnamed)}.")))
    if said:
        comments["connector", "adopt"] = said
    trusted, more = trust_of(found.approvals, around.secrets)
    comments |= {at: "\n".join(filter(None, (comments.get(at), text))) for at, text in more.items()}
    connector = Connector(
        service=connection.service,
        destination=destination,
        config=config.tree,
        settings=settings,
        trust=trusted,
        schedule=schedule,
        sync=sync,
        paused=_PAUSED if connection.paused else None,
        adopt=Adopt(connection.id),
        needs_consent=catalog.needs_consent(connection.service, config.tree, False),
    )
    return connector, comments


def _without_undeclared(
    sync: Sync | None, prefix: str, datasets: Sequence[str], environment: str
) -> tuple[Sync, dict[Path, str]]:
    """What an environment allows that forbids undeclared datasets: no schema beyond those of the datasets."""
    sync = sync or Sync("allow_all")
    declared = {simple_name(each.removeprefix(f"{prefix}_")) for each in datasets}
    schemas = {
        name: schema
        for name, schema in sync.schemas.items()
        if (not schema.included and not schema.tables) or simple_name(name) in declared
    }
    if sync.new != "allow_all":
        return replace(sync, schemas=schemas), {}
    text = f"{FILL_IN} in Fivetran it is allow_all, and {environment} forbids datasets that no file declares"
    return replace(sync, new="allow_columns", schemas=schemas), {("connector", "sync", "new"): text}


def _not_here(left_out: Sequence[str], unsayable: Sequence[str], service: str, *, has_auth: bool) -> str:
    """What the connection has and the file does not say."""
    lines = []
    if has_auth:
        lines.append("Fivetran never returns `auth` or a consent; the connection keeps both.")
    if left_out:
        lines.append(
            "Not in this file, because the catalogue does not have it or the schema does not allow it: "
            f"{_some(left_out)}. {commands.reconciler('services pull', service)} updates the catalogue."
        )
    if unsayable:
        lines.append(f"Not in this file, because the schema does not allow the value: {', '.join(unsayable)}.")
    return "\n".join(lines)


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    first = [name[:_LONGEST_NAME] for name in names[:_MOST_NAMED]]
    more = len(names) - len(first)
    return f"{', '.join(first)}{f' and {more:,} more' if more else ''}"


def settings_of(connection: Connection, secrets: Collection[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that a file declares, and as `name: value` those that no file can say.

    Of one that holds a value of `secrets`, only the name.
    """
    said: dict[str, Any] = {}
    unsayable: list[str] = []
    for name, setting in CONNECTION_SETTINGS.items():
        value = connection.settings.get(name)
        if value in (None, "", {}) or value == setting.default:
            continue
        if contains_secret(str(value), secrets):
            unsayable.append(name)
        elif schemas.accepts("unit", ("$defs", "connector", "properties", name), value):
            said[name] = value
        else:
            unsayable.append(f"{name}: {value}")
    return said, unsayable
