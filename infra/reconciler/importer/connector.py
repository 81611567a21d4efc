"""Turn a live connection and its datasets into the unit that declares them."""

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
from reconciler.importer.dataset import comments_at, dataset_part, draft_expires, live_description
from reconciler.importer.destination import destination_of
from reconciler.importer.draft import FILL_IN, Draft, ImportContext, description, owners
from reconciler.importer.fit import fitting
from reconciler.importer.schedule import schedule_of
from reconciler.importer.sync import sync_of
from reconciler.importer.trust import Approvals, trust_of
from reconciler.model import CONNECTION_SETTINGS, Adopt, Connector, DestinationSchema, Sync, Unit, commands, references
from reconciler.secrets.masking import contains_secret

_KEPT_VALUES = (
    "Fivetran keeps the values marked `held_by: fivetran`; runs send none of them until a reference replaces the mark."
)
#: The most names in a comment, and the most characters of a name.
_MOST_NAMED = 50
_LONGEST_NAME = 100
_PAUSED = "Fill in why it is paused."


@dataclass(frozen=True)
class Found:
    """A live connection, with related data from Fivetran and Airflow."""

    connection: Connection
    """The connection with its config, which lists lack."""
    tables: StandardConfig | None = None
    """None until Fivetran has read the source's schema."""
    owner: str | None = None
    """The e-mail address of the user who created it."""
    task_id: str | None = None
    """The Airflow task whose variable has the connection's id."""
    approvals: Approvals = field(default_factory=Approvals)
    """The certificates and host keys that Fivetran trusts."""


def draft_connector(
    found: Found,
    name: str,
    context: ImportContext,
    *,
    dataset_unit: str | None,
    datasets: Sequence[str],
    taken_tasks: Container[str],
) -> Draft:
    """Return the unit that declares a connection.

    Args:
        found: The connection.
        name: The name of the unit.
        context: The environment and its live datasets.
        dataset_unit: The unit that declares the connection's dataset, if another unit does.
        datasets: The datasets of a service that writes one dataset per schema.
        taken_tasks: Airflow tasks that other units use.
    """
    connection, environment = found.connection, context.environment
    destination = destination_of(connection)
    ids = _dataset_ids(destination, dataset_unit, datasets)
    text, comments = description(*(live_description(context.datasets.get(each)) for each in ids))
    owner, marked = owners(found.owner)
    connector, more = _connector(found, name, context, taken_tasks, ids)
    comments |= marked | more
    parts = [dataset_part(each, context, text, is_written=True) for each in ids]
    for part in parts:
        comments |= comments_at(part, _dataset_path(destination, part.dataset.id))
    if destination.schema_prefix is not None and not datasets:
        comments["datasets",] = f"{FILL_IN} the schemas of the source that are synced, each of which becomes a dataset"
    expires, ending = draft_expires(environment)
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


def _dataset_path(destination: DestinationSchema, dataset_id: str) -> Path:
    if destination.schema_prefix is None:
        return ("dataset",)
    return ("datasets", dataset_id.removeprefix(f"{destination.schema_prefix}_"))


def _connector(
    found: Found, name: str, context: ImportContext, taken_tasks: Container[str], datasets: Sequence[str]
) -> tuple[Connector, dict[Path, str]]:
    connection, destination = found.connection, destination_of(found.connection)
    service = catalog.find(connection.service)
    config = Config(connection.config, service, destination, name, context.secrets)
    comments: dict[Path, str] = dict(config.comments)
    if any(True for _ in references(config.tree)):
        comments["connector", "config"] = _KEPT_VALUES
    schedule, asked = schedule_of(connection, name, context.environment.name, found.task_id, taken_tasks)
    if asked is not None:
        comments["connector", "schedule"] = asked
    if connection.paused:
        comments["connector", "paused"] = f"{FILL_IN} the reason; without this key it runs"
    settings, undeclarable = settings_of(connection, context.secrets)
    unnamed: list[str] = []
    sync = sync_of(found.tables, unnamed)
    if destination.schema_prefix is not None and context.environment.policy.undeclared_datasets == "forbidden":
        sync, comment = _without_undeclared(sync, destination.schema_prefix, datasets, context.environment.name)
        comments |= comment
    has_auth = service is not None and bool(service.auth)
    left_out = _describe_left_out(config.left_out, undeclarable, connection.service, has_auth=has_auth)
    if unnamed:
        left_out = "\n".join(
            filter(None, (left_out, f"Not in `sync`, where no file can name it: {_format_names(unnamed)}."))
        )
    if left_out:
        comments["connector", "adopt"] = left_out
    trusted, more = trust_of(found.approvals, context.secrets)
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
    """Return a `sync` that selects only schemas of declared datasets, for environments that forbid others."""
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


def _describe_left_out(left_out: Sequence[str], undeclarable: Sequence[str], service: str, *, has_auth: bool) -> str:
    """List the values of a connection that the file lacks."""
    lines = []
    if has_auth:
        lines.append("Fivetran never returns `auth` or a consent; the connection keeps both.")
    if left_out:
        lines.append(
            "Not in this file, because the catalogue does not have it or the schema does not allow it: "
            f"{_format_names(left_out)}. {commands.reconciler('services pull', service)} updates the catalogue."
        )
    if undeclarable:
        lines.append(f"Not in this file, because the schema does not allow the value: {', '.join(undeclarable)}.")
    return "\n".join(lines)


def _format_names(names: Sequence[str]) -> str:
    """List the first names, and count the rest."""
    first = [name[:_LONGEST_NAME] for name in names[:_MOST_NAMED]]
    more = len(names) - len(first)
    return f"{', '.join(first)}{f' and {more:,} more' if more else ''}"


def settings_of(connection: Connection, secrets: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that a file declares, and as `name: value` those that no file can hold.

    For a setting with a value of `secrets`, only the name.
    """
    declared: dict[str, Any] = {}
    undeclarable: list[str] = []
    for name, setting in CONNECTION_SETTINGS.items():
        value = connection.settings.get(name)
        if value in (None, "", {}) or value == setting.default:
            continue
        if contains_secret(str(value), secrets):
            undeclarable.append(name)
        elif schemas.accepts("unit", ("$defs", "connector", "properties", name), value):
            declared[name] = value
        else:
            undeclarable.append(f"{name}: {value}")
    return declared, undeclarable
