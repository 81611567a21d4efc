"""Check connectors: destination, schedule, adopted connection, function and package."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from reconciler.config.files import UnreadableFile
from reconciler.config.rules.ownership import Claim, find_conflicts
from reconciler.config.specs import Specs, destination
from reconciler.config.yaml.document import shown
from reconciler.model import DESTINATION_KEYS
from reconciler.model.errors import Problem

_DESTINATION = ("connector", "destination")
_CALLS_A_FUNCTION = "google_cloud_function"
_SDK = "connector_sdk"
_PACKAGE = ("connector", "package")
_TASK = ("connector", "schedule", "task_id")


def check_destinations_unique(specs: Specs) -> Iterator[Problem]:
    """Find two connectors with one destination in a group, which Fivetran identifies a connection by.

    A prefix counts as a name like any other: the API rejects a second connection of the same name.
    """
    claims = (
        Claim((specs.group(unit.environment), target.connection_name), unit, _DESTINATION)
        for unit in specs.all_units()
        if (target := destination(unit)) is not None
    )
    for claim, other in find_conflicts(claims):
        message = f"another connector in the group writes to {shown(claim.key[1])}: {other.where}"
        yield claim.document.on_value(_DESTINATION, message, "choose another destination")


def check_config_without_destination(specs: Specs) -> Iterator[Problem]:
    """Find keys of `destination` in `config`, where the API takes them.

    `schema` beside a `schema_prefix` is allowed: a database service reads that schema of the source.
    """
    for unit in specs.all_units():
        config = unit.at("connector", "config")
        if not isinstance(config, dict):
            continue
        target = destination(unit)
        reads_a_schema = target is not None and target.schema_prefix is not None
        for key in DESTINATION_KEYS:
            if key in config and not (key == "schema" and reads_a_schema):
                message = f"{shown(key)} belongs in `destination`, not in `config`"
                yield unit.on_key(("connector", "config", key), message, "move it into `destination`")


def check_task_id_keywords(specs: Specs) -> Iterator[Problem]:
    """Reject Python keywords: bigquery-etl writes the task id into a DAG as a Python name."""
    for unit in specs.all_units():
        task_id = unit.at(*_TASK)
        if isinstance(task_id, str) and keyword.iskeyword(task_id):
            yield unit.on_value(
                _TASK,
                f"{shown(task_id)} is a Python keyword, which Airflow cannot use as a task_id",
                "choose another task_id",
            )


def check_task_ids_unique(specs: Specs) -> Iterator[Problem]:
    """Find a task id that is used twice.

    All environments share one Airflow, with one connection id a variable.
    """
    claims = (Claim(task_id, unit, _TASK) for unit in specs.all_units() if isinstance(task_id := unit.at(*_TASK), str))
    for claim, other in find_conflicts(claims):
        message = f"{shown(claim.key)} is the task_id of another connector too: {other.where}"
        hint = (
            f"choose another task_id: the Airflow variable {shown(claim.key + '_connector_id')} holds one connection id"
        )
        yield claim.document.on_value(_TASK, message, hint)


def check_adopted_connections_unique(specs: Specs) -> Iterator[Problem]:
    """Find two files that adopt one connection and would overwrite each other's changes."""
    claims = (
        Claim(connection, unit, ("connector", "adopt"))
        for unit in specs.all_units()
        for connection in (unit.at("connector", "adopt"), unit.at("connector", "adopt", "connection"))
        if isinstance(connection, str)
    )
    for claim, other in find_conflicts(claims):
        message = f"another connector adopts {shown(claim.key)}: {other.where}"
        yield claim.document.on_value(claim.path, message, "remove `adopt` from one of the two files")


def check_functions(specs: Specs) -> Iterator[Problem]:
    """Reject `function` for services that call none."""
    for unit in specs.all_units():
        service = unit.at("connector", "service")
        if unit.at("connector", "function") is not None and service not in (None, _CALLS_A_FUNCTION):
            message = f"{shown(service)} does not accept `function`"
            yield unit.on_key(("connector", "function"), message, f"remove it, or write `service: {_CALLS_A_FUNCTION}`")


def check_packages(specs: Specs) -> Iterator[Problem]:
    """Reject `package` for services that run none, and packages that cannot be read."""
    for unit in specs.all_units():
        service, path = unit.at("connector", "service"), unit.at(*_PACKAGE)
        package = specs.packages.get((unit.environment, path)) if isinstance(path, str) else None
        if path is not None and service not in (None, _SDK):
            yield unit.on_key(
                _PACKAGE, f"{shown(service)} does not accept `package`", f"remove it, or write `service: {_SDK}`"
            )
        elif isinstance(package, UnreadableFile):
            yield unit.on_value(_PACKAGE, f"{shown(path)}: {package.problem}", package.hint)
        if path is not None and unit.at("connector", "config", "package_id") is not None:
            message = "`package_id` is set by `package`"
            yield unit.on_key(("connector", "config", "package_id"), message, "remove one of them")
