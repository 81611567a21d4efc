"""Check keys of config, and settings, that Fivetran never changes.

Of a connection that exists, when a file declares such a key for the first time.

`rejections` compares keys that the last run declared. The values of all others only Fivetran knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.fivetran.config_diff import differences
from reconciler.model.reference import value_at
from reconciler.plan.inventory import Declared
from reconciler.resources.connection import api_fields
from reconciler.resources.connection.new_connections import Declarations
from reconciler.resources.run.account import look_ahead
from reconciler.resources.run.run import run
from reconciler.yaml_text.writer import format_on_one_line


def rejections(
    before: Mapping[str, Declared], after: Mapping[str, Declared], units: Declarations, group: str
) -> list[str]:
    """Return why such a key cannot be what the file says, one text each.

    A key that `allow_resync` names is not checked.

    Where Fivetran does not answer, nothing is rejected here: Fivetran itself rejects the apply. Raises `Unauthorized`
    and `Forbidden`.
    """
    known = {unit.connection: unit for unit in before.values() if unit.connection}
    new = {
        name: [path for path, named in unit.named_or_permanent.items() if not named and path not in old.permanent]
        for name, unit in after.items()
        if (old := known.get(unit.connection or "")) is not None and old.service == unit.service
    }
    new_settings = {
        name: sorted(key for key, value in unit.fixed.items() if known[str(unit.connection)].fixed.get(key) != value)
        for name, unit in after.items()
        if name in new and not unit.resync
    }
    if not any([*new.values(), *new_settings.values()]):
        return []

    def ask() -> list[str]:
        ids = [each.id for each in run.account.groups(group)]
        rejected: list[str] = []
        for name, paths in new.items():
            settings = new_settings.get(name, [])
            live = _live(str(after[name].connection), ids) if paths or settings else None
            if live is not None:
                props = units[name]["connection"]
                rejected += [*_rejections(after[name], props, paths, live), *_fixed_settings(props, settings, live)]
        return rejected

    return look_ahead("the live values of immutable keys", ask, [], warns_without_key=False)


def _live(connection: str, groups: list[str]) -> Connection | None:
    """Return a connection in full, by its name; None where no group has it."""
    found = next((live for id_ in groups if (live := run.account.find(id_, connection)) is not None), None)
    return run.account.client().get_connection(found.id) if found is not None else None


def _fixed_settings(props: Mapping[str, Any], names: list[str], live: Connection) -> list[str]:
    """Return why settings cannot be what the file says, one text each."""
    return [
        f"{run.declared.locate(props['file'], 'connector', each.path)}: {api_fields.fixed_setting(each)}"
        for each in api_fields.fixed_differences(props, live)
        if each.path in names
    ]


def _rejections(unit: Declared, props: Mapping[str, Any], paths: list[str], live: Connection) -> Iterator[str]:
    service = catalog.find(props["service"])
    for path in paths:
        wanted, has = value_at(props["config"], path), value_at(live.config, path)
        field = service.field(("config", *path.split("."))) if service else None
        if has is not None and list(differences(wanted, has, path, field=field)):
            old, new = (format_on_one_line(value, in_flow=True) for value in (has, wanted))
            step = format_on_one_line({path: {"from": has, "to": wanted}}, in_flow=True)
            allowed = f"allow_resync: {{config: {step}, ticket: …}}"
            place = run.declared.locate(unit.file, "connector", "config", path)
            yield (
                f"{place}: `config.{path}` is {new} in the file and {old} in Fivetran, which cannot change it in an "
                f"existing connection\n    Write {old}; or write `{allowed}` into `connector` to replace the "
                f"connection {unit.connection} by a new one that syncs its whole history again."
            )
