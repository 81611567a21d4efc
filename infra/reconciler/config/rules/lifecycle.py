"""Check expiry, retirement and `allow_resync`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from reconciler.config.specs import Specs, declared_datasets, destination, read_expires
from reconciler.config.yaml.document import Document, shown
from reconciler.fivetran import catalog
from reconciler.lifecycle import expiry
from reconciler.model.errors import Problem

_EXPIRES = ("expires",)
_POLICY = ("policy", "expiry")
_RESYNC = ("connector", "allow_resync")
_DOTTED = re.compile(r"[A-Za-z0-9_.]+")


def check_expiry(specs: Specs) -> Iterator[Problem]:
    """Check `expires` against the environment's policy: forbidden, required, or limited in length."""
    for environment, document in specs.environments.items():
        policy, where = specs.policy(environment).expiry, document.where(_POLICY)
        for unit in specs.units[environment].values():
            end = read_expires(unit)
            if policy.forbidden and isinstance(end, date):
                message = f"`expires` is not allowed in {shown(environment)}"
                yield unit.on_value(_EXPIRES, message, f"remove it, and use `retire` to remove a unit there: {where}")
            elif policy.longest is not None and isinstance(end, date) and end - specs.today > policy.longest:
                message = f"`expires`: {end} is more than {policy.longest.days}d from today"
                yield unit.on_value(
                    _EXPIRES, message, f"write an earlier date, as {where} requires, or {{never: <reason>}}"
                )
            elif policy.required and not _has_expiry(specs, unit) and () not in unit.incomplete:
                longest = f" at most {policy.longest.days}d from today" if policy.longest is not None else ""
                hint = f"write the last day{longest}, as in `expires: 2026-12-31`, or {{never: <reason>}}: {where}"
                yield unit.on_key((), "`expires` is missing", hint)


def _has_expiry(specs: Specs, unit: Document) -> bool:
    """Return whether a unit declares its expiry. A dataset may take it from the connectors that write it."""
    if unit.has("expires") or unit.has("retire"):
        return True
    return not unit.has("connector") and bool(specs.writers(unit))


def check_dataset_expiry(specs: Specs) -> Iterator[Problem]:
    """Find a dataset with a later date than every connector that writes it."""
    for environment in specs.environments:
        for unit in specs.units[environment].values():
            own, writers = read_expires(unit), specs.writers(unit)
            last = expiry.latest_expiry(read_expires(writer) for writer in writers)
            if unit.has("connector") or not isinstance(own, date) or last is None or own <= last:
                continue
            writer = next(each for each in writers if read_expires(each) == last)
            message = f"`expires`: the dataset would outlive its last connector, {writer.where(_EXPIRES)}"
            yield unit.on_value(_EXPIRES, message, "remove it, and the dataset is removed with that connector")


def check_retire_and_expires(specs: Specs) -> Iterator[Problem]:
    """Reject `retire` beside a date: expiry deletes the data, `retire` may keep it."""
    for unit in specs.all_units():
        if unit.has("retire") and isinstance(read_expires(unit), date):
            message = "`retire` and `expires` exclude each other"
            hint = "keep `expires` to have the unit and its data removed after that day, or `retire` to delete the file"
            yield unit.on_key(("retire",), message, hint)


def check_retired_data(specs: Specs) -> Iterator[Problem]:
    """Reject `data: delete` in environments where nothing expires."""
    for environment, document in specs.environments.items():
        if not specs.policy(environment).expiry.forbidden:
            continue
        for unit in specs.units[environment].values():
            for path in (("retire", "data"), (*_RESYNC, "retire", "data")):
                if unit.at(*path) == "delete":
                    message = f"`data`: datasets in {shown(environment)} are never deleted with their contents"
                    hint = f"write keep, and delete the dataset by hand: {document.where(_POLICY)}"
                    yield unit.on_value(path, message, hint)


def check_retired_datasets(specs: Specs) -> Iterator[Problem]:
    """Find a retired dataset that a connector without `retire` writes."""
    for unit in specs.all_units():
        at_work = [writer for writer in specs.writers(unit) if not writer.has("retire")]
        if unit.has("retire") and at_work:
            message = f"`retire`: a connector without `retire` writes this unit's dataset: {at_work[0].file}"
            yield unit.on_key(("retire",), message, "retire that connector first, or delete its file")


def check_resyncs(specs: Specs) -> Iterator[Problem]:
    """Check that `allow_resync` names the change which the file makes."""
    for unit in specs.all_units():
        target = destination(unit)
        is_now = {
            "schema": target.connection_name if target is not None else None,
            "service": unit.at("connector", "service"),
            "group": specs.setting(unit.environment, "fivetran", "group"),
        }
        for key, now in is_now.items():
            old, new = unit.at(*_RESYNC, key, "from"), unit.at(*_RESYNC, key, "to")
            if not all(isinstance(name, str) for name in (old, new, now)):
                continue
            if new != now:
                message = f"`to`: {shown(new)} is not what the file declares"
                yield unit.on_value((*_RESYNC, key, "to"), message, f"write {shown(now)}")
            elif old == new:
                message = f"`from` and `to` are both {shown(new)}"
                yield unit.on_value((*_RESYNC, key, "from"), message, "write the former value in `from`")
        yield from _check_config_resyncs(unit)


def _check_config_resyncs(unit: Document) -> Iterator[Problem]:
    named = unit.at(*_RESYNC, "config")
    service = catalog.find(str(unit.at("connector", "service")))
    for key in filter(_DOTTED.fullmatch, named if isinstance(named, dict) else ()):
        path, config = (*_RESYNC, "config", key), ("connector", "config", *key.split("."))
        if service is not None and key not in service.permanent_keys:
            message = f"{shown(key)} can be changed in an existing connection"
            yield unit.on_key(path, message, "remove it here, and change it in `config` only")
        elif config not in unit.values:
            yield unit.on_key(path, f"{shown(key)} is not in `config`", "declare its new value there")
        elif unit.at(*path, "to") not in (None, unit.at(*config)):
            yield unit.on_value((*path, "to"), "`to` is not what the file declares", f"correct it, or `config.{key}`")
        elif unit.at(*path, "from") == unit.at(*path, "to") is not None:
            yield unit.on_value((*path, "from"), "`from` and `to` are the same", "write the former value in `from`")


def check_expiry_label(specs: Specs) -> Iterator[Problem]:
    """Reject the expiry label in files: other tools delete datasets by it."""
    message = f"`{expiry.LABEL}` is written from `expires`"
    hint = "remove it: other tools delete datasets by this label"
    for environment, document in specs.environments.items():
        if document.at("labels", "default", expiry.LABEL) is not None:
            yield document.on_key(("labels", "default", expiry.LABEL), message, hint)
        for unit in specs.units[environment].values():
            for _, path in declared_datasets(unit):
                if unit.at(*path, "labels", expiry.LABEL) is not None:
                    yield unit.on_key((*path, "labels", expiry.LABEL), message, hint)


def warn_expiry(specs: Specs) -> Iterator[Problem]:
    """Warn for each unit that expires soon or has expired."""
    for environment in specs.environments:
        policy = specs.policy(environment).expiry
        for unit in specs.units[environment].values():
            writers = () if unit.has("connector") else specs.writers(unit)
            own = [] if writers and not unit.has("expires") else [read_expires(unit)]
            end = expiry.compute_expiry(expiry.latest_expiry([*own, *map(read_expires, writers)]), policy, specs.today)
            shared = expiry.latest_expiry([end.last_day, *map(read_expires, specs.writers(unit))])
            data = expiry.fate_of_data(end.last_day, [shared], elsewhere=isinstance(unit.at("dataset"), str))
            if text := expiry.describe_expiry(
                end, specs.today, connects=unit.has("connector"), data=data, environment=unit.environment
            ):
                yield unit.on_key(_EXPIRES if unit.has("expires") else (), text)


def warn_resyncs(specs: Specs) -> Iterator[Problem]:
    """Warn for each `allow_resync`: it has to be removed after the run that uses it."""
    for unit in specs.all_units():
        whole = any(isinstance(unit.at(*_RESYNC, key, "to"), str) for key in ("schema", "service", "group"))
        if whole or unit.at(*_RESYNC, "config"):
            message = "`allow_resync` allows its change once: remove it after the run that makes the change"
            kept = "write `retire` under it if that run may also remove the old dataset"
            yield unit.on_key(_RESYNC, message, kept if unit.at(*_RESYNC, "schema") is not None else None)
