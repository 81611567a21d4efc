"""Build the model from valid documents. Every key of the schemas is read here, and no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from reconciler.config.build import lifecycle, trust
from reconciler.config.yaml.document import Document
from reconciler.fivetran import catalog, tables
from reconciler.model import (
    CONNECTION_SETTINGS,
    DESTINATION_SETTINGS,
    SYNC_INTERVALS,
    Adopt,
    AirflowSchedule,
    Awaiting,
    BigqueryEtl,
    Condition,
    Connector,
    DagByHand,
    Dataset,
    DatasetAdopt,
    Destination,
    DestinationSchema,
    Environment,
    FivetranSchedule,
    Fleet,
    Function,
    Grant,
    Ignore,
    Labels,
    Package,
    ReadsElsewhere,
    Reference,
    Setting,
    TaskElsewhere,
    Unit,
)


def fleet(
    environment: Document,
    units: Mapping[str, Document],
    packages: Mapping[str, Package] | None = None,
    trust_files: trust.Files | None = None,
) -> Fleet:
    """Build one environment with its units. `packages` are by path."""
    settings, found = _environment(environment), packages or {}
    declared = [
        _with_files(_unit(units[name], settings), units[name], found, trust_files or {}) for name in sorted(units)
    ]
    taken = {dataset.id for unit in declared for dataset in unit.datasets}
    return Fleet(settings, tuple(_with_former_datasets(unit, taken) for unit in declared))


def _with_files(unit: Unit, document: Document, packages: Mapping[str, Package], trust_files: trust.Files) -> Unit:
    """Add to the unit the contents of the files that it names."""
    if unit.connector is None:
        return unit
    package = packages.get(str(document.at("connector", "package")))
    trusted = trust.build_trust(document.environment, document.at("connector", "trust"), trust_files)
    return replace(unit, connector=replace(unit.connector, package=package, trust=trusted))


def _environment(document: Document) -> Environment:
    data = document.data
    destination = data["fivetran"]["destination"]
    return Environment(
        name=document.environment,
        file=document.file,
        gcp_project=data["gcp_project"],
        group=data["fivetran"]["group"],
        formerly=data["fivetran"].get("formerly"),
        quota_left=data["fivetran"].get("quota_left"),
        destination=Destination(
            location=_location(destination["location"]),
            region=destination["region"],
            time_zone_offset=destination["time_zone_offset"],
            settings=_settings(destination, DESTINATION_SETTINGS),
        ),
        fivetran_access=_fivetran_access(data["fivetran"].get("access")),
        workgroups=data.get("workgroups"),
        automation=_grants(data.get("automation", [])),
        default_access=_grants(data.get("default_access", [])),
        project_access=_conditional_grants(data.get("project_access", [])),
        labels=_labels(data.get("labels", {})),
        ignore=_ignore(data.get("ignore", {})),
        bigquery_etl=_bigquery_etl(data.get("bigquery_etl", {})),
        policy=lifecycle.policy(data.get("policy", {})),
        secrets_project=data.get("secrets_project", data["gcp_project"]),
        stacks=tuple(data.get("stacks", [])),
    )


def _unit(document: Document, environment: Environment) -> Unit:
    data = document.data
    defaults = _Defaults(environment.destination.location, data["description"], environment.labels.default)
    connector = _connector(data["connector"], environment) if "connector" in data else None
    declared = data.get("dataset", {})
    named = declared if isinstance(declared, str) else None
    datasets: dict[str, Any] = {}
    if connector is None:
        datasets[document.name] = declared
    elif connector.destination.schema_prefix is not None:
        prefix = connector.destination.schema_prefix
        datasets = {f"{prefix}_{key}": dataset for key, dataset in data["datasets"].items()}
    elif named is None:
        datasets[str(connector.destination.schema)] = declared
    return Unit(
        name=document.name,
        file=document.file,
        description=data["description"],
        owners=tuple(data["owners"]),
        connector=connector,
        datasets=tuple(_dataset(key, dataset, defaults) for key, dataset in datasets.items()),
        dataset_unit=named,
        formerly=data.get("formerly"),
        expires=lifecycle.expires(data["expires"]) if "expires" in data else None,
        retire=lifecycle.retire(data["retire"]) if "retire" in data else None,
        folder=document.folder,
    )


def _with_former_datasets(unit: Unit, taken: Collection[str]) -> Unit:
    """Add to the unit the datasets that its connector wrote before `allow_resync.schema`.

    Only those that no file declares. Fivetran no longer writes them.
    """
    resync = unit.connector.allow_resync if unit.connector else None
    if unit.connector is None or resync is None or resync.schema is None or unit.dataset_unit is not None:
        return unit
    prefix = unit.connector.destination.schema_prefix
    old, _, _ = resync.schema.old.partition(".")
    former = {
        old if prefix is None else f"{old}{dataset.id.removeprefix(prefix)}": dataset for dataset in unit.datasets
    }
    kept = (replace(each, id=id_, written_by=None) for id_, each in former.items() if id_ not in taken)
    return replace(unit, former_datasets=tuple(kept))


def _connector(data: dict[str, Any], environment: Environment) -> Connector:
    target = data["destination"]
    function = _function(data["function"], environment) if "function" in data else None
    derived = {"function_trigger": function.trigger} if function else {}
    allowed = lifecycle.allow_resync(data["allow_resync"]) if "allow_resync" in data else None
    return Connector(
        service=data["service"],
        destination=DestinationSchema(
            schema=target.get("schema"),
            table=target.get("table"),
            table_group_name=target.get("table_group_name"),
            schema_prefix=target.get("schema_prefix"),
        ),
        config={**derived, **_located(data.get("config", {}), environment.secrets_project)},
        auth=_located(data.get("auth", {}), environment.secrets_project),
        settings=_settings(data, CONNECTION_SETTINGS),
        schedule=_schedule(data["schedule"]) if "schedule" in data else FivetranSchedule(),
        sync=tables.parse(data["sync"]) if "sync" in data else None,
        paused=data.get("paused"),
        awaiting=_awaiting(data["awaiting"]) if "awaiting" in data else None,
        function=function,
        permanent=tuple(sorted({*catalog.permanent_keys(data["service"]), *(allowed.config if allowed else ())})),
        needs_consent=catalog.needs_consent(data["service"], data.get("config", {}), "auth" in data),
        adopt=_adopt(data["adopt"]) if "adopt" in data else None,
        allow_resync=allowed,
    )


def _settings(data: dict[str, Any], known: Mapping[str, Setting]) -> dict[str, Any]:
    return {key: value for key in known if (value := data.get(key)) is not None}


def _located(node: Any, project: str | None) -> Any:
    """Set the project of every reference to Secret Manager in a config tree."""
    reference = Reference.parse(node)
    if reference is not None and reference.kind == "secret":
        return replace(reference, project=reference.project or project).as_node()
    if isinstance(node, dict):
        return {key: _located(inner, project) for key, inner in node.items()}
    return [_located(inner, project) for inner in node] if isinstance(node, list) else node


def _schedule(data: dict[str, Any]) -> AirflowSchedule | FivetranSchedule:
    if data["by"] == "airflow":
        return AirflowSchedule(task_id=data["task_id"])
    if "daily_at" in data:
        return FivetranSchedule(every_minutes=SYNC_INTERVALS["24h"], daily_at=data["daily_at"])
    return FivetranSchedule(every_minutes=SYNC_INTERVALS[data["every"]])


def _awaiting(data: dict[str, Any]) -> Awaiting:
    return Awaiting(what=data["what"], until=data["until"])


def _function(data: dict[str, Any], environment: Environment) -> Function:
    return Function(
        name=data["name"],
        project=data.get("project", environment.gcp_project),
        region=data["region"],
        generation=int(data.get("generation", 1)),
    )


def _adopt(data: str | dict[str, Any]) -> Adopt:
    if isinstance(data, str):
        return Adopt(connection=data)
    return Adopt(connection=data["connection"], apply_changes=data.get("apply_changes", False))


@dataclass(frozen=True)
class _Defaults:
    """The values that a dataset inherits from its environment and its unit."""

    location: str
    description: str
    labels: Mapping[str, str]


def _dataset(dataset_id: str, data: dict[str, Any], defaults: _Defaults) -> Dataset:
    expiration = data.get("default_table_expiration_ms")
    return Dataset(
        id=data.get("id", dataset_id),
        location=_location(data.get("location", defaults.location)),
        friendly_name=data.get("friendly_name"),
        description=data.get("description", defaults.description),
        labels={**defaults.labels, **data.get("labels", {})},
        sensitive=data.get("sensitive", False),
        default_access=data.get("default_access", True),
        access=tuple(_dataset_grant(grant) for grant in data.get("access", [])),
        # YAML's 3600000.0 is a whole number to a schema.
        default_table_expiration_ms=None if expiration is None else int(expiration),
        written_by=data.get("written_by"),
        adopt=_dataset_adopt(data.get("adopt", {})),
    )


def _dataset_adopt(data: dict[str, Any]) -> DatasetAdopt:
    return DatasetAdopt(data.get("apply_changes", False), tuple(data.get("revokes", [])))


def _labels(data: dict[str, Any]) -> Labels:
    return Labels(default=data.get("default", {}), required=tuple(data.get("required", [])))


def _ignore(data: dict[str, Any]) -> Ignore:
    return Ignore(services=tuple(data.get("services", [])), schemas=tuple(data.get("schemas", [])))


def _bigquery_etl(data: dict[str, Any]) -> BigqueryEtl:
    return BigqueryEtl(
        projects=tuple(data.get("projects", [])),
        dags_by_hand=tuple(DagByHand(dag["task_id"], dag["where"]) for dag in data.get("dags_by_hand", [])),
        tasks_elsewhere=tuple(
            TaskElsewhere(each["task_id"], each["where"]) for each in data.get("tasks_elsewhere", [])
        ),
        reads_elsewhere=tuple(
            ReadsElsewhere(each["queries"], each["datasets"], each["reason"])
            for each in data.get("reads_elsewhere", [])
        ),
    )


def _grants(data: list[dict[str, Any]]) -> tuple[Grant, ...]:
    return tuple(Grant(role=grant["role"], members=tuple(grant["members"])) for grant in data)


def _conditional_grants(data: list[dict[str, Any]]) -> tuple[Grant, ...]:
    conditions = [_condition(grant["condition"]) if "condition" in grant else None for grant in data]
    return tuple(
        replace(grant, condition=condition) for grant, condition in zip(_grants(data), conditions, strict=True)
    )


def _dataset_grant(data: dict[str, Any]) -> Grant:
    [grant] = _conditional_grants([data])
    return _timed(grant, data)


def _fivetran_access(data: list[dict[str, Any]] | None) -> tuple[Grant, ...] | None:
    return None if data is None else tuple(map(_timed, _grants(data), data))


def _timed(grant: Grant, data: dict[str, Any]) -> Grant:
    until = date.fromisoformat(data["until"]) if "until" in data else None
    return replace(grant, ticket=data.get("ticket"), until=until)


def _condition(data: dict[str, Any]) -> Condition:
    return Condition(title=data["title"], expression=data["expression"], description=data.get("description"))


def _location(written: str) -> str:
    """Write a location as BigQuery does: multi-regions (`US`, `EU`) in capitals, regions in lower case."""
    return written.lower() if "-" in written else written.upper()
