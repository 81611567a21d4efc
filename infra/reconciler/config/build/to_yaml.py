"""A unit of the model → its file, as a colleague would write it: the way back of `build`.

What the environment or a schema gives anyway is left out. Keys have the order of `schemas/unit.base.schema.json`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path as FilePath
from typing import Any, TypeVar

from reconciler.config.schema.schemas import SCHEMAS
from reconciler.config.yaml.document import Path
from reconciler.fivetran import tables
from reconciler.fivetran.public_keys import pem, read_host_keys
from reconciler.model import (
    Adopt,
    AirflowSchedule,
    Awaiting,
    Certificate,
    Condition,
    Connector,
    Dataset,
    DatasetAdopt,
    Environment,
    FivetranSchedule,
    Function,
    Grant,
    HostKey,
    Reference,
    Sync,
    Trust,
    Unit,
)
from reconciler.model.policy import AllowResync, Change, Never, Retire
from reconciler.yaml_text.writer import Comments, format_yaml, holds_scalars

T = TypeVar("T")

_SCHEMA = "unit.schema.json"
#: The comment from which an editor finds the schema by a relative path.
_SCHEMA_COMMENT = re.compile(
    rb"(?m)^(?P<before>(?:\xef\xbb\xbf)?# yaml-language-server: \$schema=)(?P<schema>\.\.?/[^\s#]+)"
)
#: Mappings outside of `config` and `auth` that are written in one line where they fit.
_IN_ONE_LINE = frozenset({"destination", "schedule", "awaiting", "function", "adopt", "labels", "expires", "retire"})


def unit_text(
    unit: Unit, environment: Environment, *, folder: FilePath | None = None, comments: Comments | None = None
) -> str:
    """Return the text of the unit's file. `load` reads the same unit from it.

    `folder` is the folder of the file, from which its first line leads an editor to the schema; the default is an
    environment's folder in this repository. `comments` go above the key or item with their path.
    """
    text = format_yaml(describe(unit, environment), comments=comments, on_one_line=may_stand_on_one_line)
    return f"{schema_line(folder)}\n{text}"


def schema_line(folder: FilePath | None = None) -> str:
    """Return the first line of a file in a folder, from which an editor finds the schema."""
    return f"# yaml-language-server: $schema={_schema_from(folder)}"


def fit_schema_comment(raw: bytes, before: FilePath, after: FilePath) -> bytes:
    """Return a file's bytes with the relative path of its schema as it is from another folder."""
    found = _SCHEMA_COMMENT.search(raw)
    if found is None or before == after:
        return raw
    schema = os.path.normpath(before.absolute() / os.fsdecode(found["schema"]))
    there = os.fsencode(FilePath(os.path.relpath(schema, after.absolute())).as_posix())
    return raw[: found.start("schema")] + there + raw[found.end("schema") :]


def describe(unit: Unit, environment: Environment) -> dict[str, Any]:
    """Return the unit as plain data in the shape and order of its file."""
    content: dict[str, Any] = {"description": unit.description, "owners": list(unit.owners)}
    if unit.connector is not None:
        content["connector"] = _connector(unit.connector, environment)
    datasets = {dataset.id: _dataset(dataset, unit, environment) for dataset in unit.datasets}
    prefix = unit.connector.destination.schema_prefix if unit.connector else None
    if prefix is not None:
        content["datasets"] = {key.removeprefix(f"{prefix}_"): dataset for key, dataset in datasets.items()}
    else:
        content["dataset"] = unit.dataset_unit or _alone(unit, *datasets.items())
    return {**content, **_given(formerly=unit.formerly, expires=_expires(unit.expires), retire=_retire(unit.retire))}


def _alone(unit: Unit, declared: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a unit's one dataset.

    Its id is written where neither a destination nor the file's stem says it.
    """
    dataset_id, dataset = declared
    return {"id": dataset_id, **dataset} if unit.connector is None and dataset_id != unit.name else dataset


def _connector(connector: Connector, environment: Environment) -> dict[str, Any]:
    return {
        "service": connector.service,
        "destination": connector.destination.as_config(),
        **_given(
            function=_function(connector.function, environment),
            package=connector.package and connector.package.path,
            config=_values(_declared_config(connector), environment),
            auth=_values(connector.auth, environment),
            **connector.settings,
            trust=_trust(connector.trust),
            schedule=_schedule(connector.schedule),
            sync=_sync(connector.sync),
            paused=connector.paused,
            awaiting=_awaiting(connector.awaiting),
            adopt=_adopt(connector.adopt),
            allow_resync=_allow_resync(connector.allow_resync),
        ),
    }


def _declared_config(connector: Connector) -> dict[str, Any]:
    """Return the config without the address that follows from `function`."""
    derived = {"function_trigger": connector.function.trigger} if connector.function else {}
    return {key: value for key, value in connector.config.items() if derived.get(key) != value}


def _values(tree: Any, environment: Environment) -> Any:
    """Return a config tree whose references name a project only if it is not the environment's."""
    reference = Reference.parse(tree)
    if reference is not None:
        return replace(reference, project=_unless(environment.secrets_project, reference.project)).as_node()
    if isinstance(tree, Mapping):
        return {key: _values(node, environment) for key, node in tree.items()}
    return [_values(node, environment) for node in tree] if isinstance(tree, list | tuple) else tree


def _trust(declared: Trust | None) -> dict[str, Any] | None:
    """Return certificates and keys themselves, in place of the files that may have them."""
    if declared is None:
        return None
    certificates, fingerprints = declared.certificates, declared.fingerprints
    return _given(
        certificates=[_certificate(each) for each in certificates] if isinstance(certificates, tuple) else certificates,
        fingerprints=[_fingerprint(each) for each in fingerprints] if isinstance(fingerprints, tuple) else fingerprints,
    )


def _certificate(certificate: Certificate) -> dict[str, Any]:
    return {"hash": certificate.hash} if certificate.encoded is None else {"pem": pem(certificate)}


def _fingerprint(key: HostKey) -> dict[str, Any]:
    return {"key": key.public_key, **_given(hash=_unless(read_host_keys(key.public_key)[0].hash, key.hash))}


def _schedule(schedule: AirflowSchedule | FivetranSchedule) -> dict[str, Any] | None:
    return None if schedule == FivetranSchedule() else schedule.as_property()


def _sync(sync: Sync | None) -> dict[str, Any] | None:
    return None if sync is None else _given(**{**tables.inputs(sync), "others": _unless("keep", sync.others)})


def _awaiting(awaiting: Awaiting | None) -> dict[str, Any] | None:
    return None if awaiting is None else {"what": awaiting.what, "until": awaiting.until}


def _function(function: Function | None, environment: Environment) -> dict[str, Any] | None:
    if function is None:
        return None
    further = _given(
        project=_unless(environment.gcp_project, function.project), generation=_unless(1, function.generation)
    )
    return {"name": function.name, "region": function.region, **further}


def _adopt(adopt: Adopt | None) -> str | dict[str, Any] | None:
    if adopt is None:
        return None
    return {"connection": adopt.connection, "apply_changes": True} if adopt.apply_changes else adopt.connection


def _allow_resync(allowed: AllowResync | None) -> dict[str, Any] | None:
    if allowed is None:
        return None
    changes = _given(
        schema=_change(allowed.schema),
        service=_change(allowed.service),
        group=_change(allowed.group),
        config={key: _change(change) for key, change in allowed.config.items()},
    )
    return {**changes, "ticket": allowed.ticket, **_given(retire=_retire(allowed.retire))}


def _change(change: Change | None) -> dict[str, Any] | None:
    return None if change is None else {"from": change.old, "to": change.new}


def _expires(expires: date | Never | None) -> str | dict[str, Any] | None:
    if isinstance(expires, Never):
        return {"never": expires.never}
    return None if expires is None else expires.isoformat()


def _retire(retire: Retire | None) -> dict[str, Any] | None:
    return None if retire is None else {"ticket": retire.ticket, **_given(data=_unless("keep", retire.data))}


def _dataset(dataset: Dataset, unit: Unit, environment: Environment) -> dict[str, Any]:
    default = environment.labels.default
    return _given(
        location=_unless(environment.destination.location, dataset.location),
        friendly_name=dataset.friendly_name,
        description=_unless(unit.description, dataset.description),
        labels={key: value for key, value in dataset.labels.items() if default.get(key) != value},
        sensitive=dataset.sensitive or None,
        default_access=_unless(True, dataset.default_access),
        access=[_grant(grant) for grant in dataset.access],
        default_table_expiration_ms=dataset.default_table_expiration_ms,
        written_by=dataset.written_by,
        adopt=_dataset_adopt(dataset.adopt),
    )


def _dataset_adopt(adopt: DatasetAdopt) -> dict[str, Any]:
    return _given(apply_changes=adopt.apply_changes or None, revokes=list(adopt.revokes))


def _grant(grant: Grant) -> dict[str, Any]:
    until = None if grant.until is None else grant.until.isoformat()
    content = _given(ticket=grant.ticket, until=until, condition=_condition(grant.condition))
    return {"role": grant.role, "members": list(grant.members), **content}


def _condition(condition: Condition | None) -> dict[str, Any] | None:
    if condition is None:
        return None
    content = _given(description=condition.description)
    return {"title": condition.title, "expression": condition.expression, **content}


def _unless(default: T, value: T) -> T | None:
    """Return the value, or None where it is the default."""
    return None if value == default else value


def _given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are neither absent nor an empty mapping or list."""
    return {key: value for key, value in fields.items() if value is not None and value not in ({}, [])}


def may_stand_on_one_line(path: Path, value: Mapping[str, Any]) -> bool:
    """Return whether a mapping of a unit's file is written on one line where it fits."""
    if not holds_scalars(value):
        return False
    within = path[:2]
    if within in (("connector", "config"), ("connector", "auth")):
        return Reference.parse(value) is not None
    if within in (("connector", "sync"), ("connector", "allow_resync")):
        return len(path) > 2 and path[2:] != ("config",)
    return path[-1] in _IN_ONE_LINE


def _schema_from(folder: FilePath | None) -> str:
    schema = SCHEMAS / _SCHEMA
    start = SCHEMAS.parent / "connectors" / "environment" if folder is None else folder.resolve()
    return FilePath(os.path.relpath(schema, start)).as_posix()
