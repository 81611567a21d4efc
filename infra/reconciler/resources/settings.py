"""The settings of connections and destinations, for comparing them with what the API returns."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.fivetran.catalog import Field
from reconciler.model import Json
from reconciler.model.connection_settings import Setting
from reconciler.resources.run.run import run


def settings_field(settings: Mapping[str, Setting]) -> Field:
    """Return what the API says of settings, in the catalogue's form."""
    kinds = {
        name: Field("choice", choices=each.choices) if each.choices else Field("any") for name, each in settings.items()
    }
    return Field("object", fields=kinds)


def default_settings(settings: Mapping[str, Setting]) -> dict[str, Json]:
    """Return the values that Fivetran documents for settings which a request leaves out."""
    return {name: each.default for name, each in settings.items() if each.default is not None}


def left_setting_warning(file: str, at: tuple[str, ...], name: str, default: object) -> str:
    """Return the warning for a setting that left the file; `at` is the path of the mapping that had it."""
    remedy = "Change it in Fivetran to reset it."
    if default is not None:
        value = str(default).lower() if isinstance(default, bool) else default
        remedy = f"Write `{name}: {value}` into `{at[-1]}`, run, and remove it again to reset the value."
    place = run.declared.locate(file, *at, name)
    return f"{place}: {name} is no longer in the file; Fivetran keeps its value\n    {remedy}"
