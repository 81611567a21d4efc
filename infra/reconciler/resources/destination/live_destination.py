"""A destination that exists, compared with what the environment's file says of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from reconciler.fivetran.api import Destination, NotFound
from reconciler.fivetran.config_diff import Difference, differences
from reconciler.model import DESTINATION_SETTINGS, Environment
from reconciler.resources.run.account import look_ahead
from reconciler.resources.run.run import run
from reconciler.resources.settings import default_settings, settings_field

logger = logging.getLogger(__name__)

#: The input that holds what the file says by the API's names.
SETTINGS: Final = "settings"

#: What the API says of them, for comparing.
FIELD: Final = settings_field(DESTINATION_SETTINGS)

_DESTINATION: Final = ("fivetran", "destination")

#: Where inputs stand in the environment's file.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "group": ("fivetran", "group"),
    "gcp_project": ("gcp_project",),
    "location": (*_DESTINATION, "location"),
    "region": (*_DESTINATION, "region"),
    "time_zone_offset": (*_DESTINATION, "time_zone_offset"),
}


def inputs(environment: Environment) -> dict[str, Any]:
    """Return the inputs of an environment's destination."""
    declared = environment.destination
    return {
        "file": environment.file,
        "group": environment.group,
        **({"formerly": environment.formerly} if environment.formerly else {}),
        "gcp_project": environment.gcp_project,
        "location": declared.location,
        "region": declared.region,
        "time_zone_offset": declared.time_zone_offset,
        **({SETTINGS: dict(declared.settings)} if declared.settings else {}),
    }


def rejections(props: Mapping[str, Any]) -> list[str]:
    """Return why the destination that the group has already is not adopted.

    Where Fivetran does not answer, nothing is rejected: an apply asks again before it writes. Raises `Unauthorized`
    and `Forbidden`.
    """

    def ask() -> list[str]:
        names = [props[key] for key in ("group", "formerly") if key in props]
        found = next((group for name in names for group in run.account.groups(name)), None)
        if found is None:
            return []
        try:
            rejected = rejection(run.account.client().get_destination(found.id), props)
        except NotFound:
            return []
        return [rejected] if rejected else []

    return look_ahead("the destination of the group", ask, [], warns_without_key=False)


def rejection(found: Destination, props: Mapping[str, Any]) -> str | None:
    """Return why a destination that exists is not adopted; None where it is as the file says."""
    differing = [
        Difference(key, props[key], value)
        for key, value in values(found).items()
        if not is_same(key, props[key], value)
    ]
    differing += differences(props.get(SETTINGS, {}), settings(found), field=FIELD)
    texts = [run.declared.at_line(str(each), props["file"], *_place(each.path)) for each in differing]
    if found.service not in ("", "big_query"):
        texts.insert(0, f"it is of service {found.service}, not big_query")
    if not texts:
        return None
    at = run.declared.locate(props["file"], *_DESTINATION)
    return (
        f"{at}: the destination of group {props['group']} ({found.id}) exists and differs from the file:"
        + "".join(f"\n    {text}" for text in texts)
        + "\n    Make the file match; a run changes no adopted destination."
    )


def report_undeclared(found: Destination, props: Mapping[str, Any]) -> None:
    """Log each setting of a destination that is not Fivetran's default and that the file does not say.

    Not the switches: what they are by default is not documented.
    """
    declared = props.get(SETTINGS, {})
    for name, value in settings(found).items():
        is_default = isinstance(value, bool) or value in (None, "", {}, DESTINATION_SETTINGS[name].default)
        if name not in declared and not is_default:
            logger.warning(
                "%s: the destination of group %s has %s: %s, which no file declares\n"
                "    Write it under `destination`, so that a new destination has it too.",
                run.declared.locate(props["file"], *_DESTINATION),
                props["group"],
                name,
                value,
            )


def values(live: Destination) -> dict[str, str]:
    """Return the live values of what every file declares about a destination, by the names of inputs."""
    found = {
        "gcp_project": live.config.get("project_id"),
        "location": live.config.get("data_set_location"),
        "region": live.region,
        "time_zone_offset": live.time_zone_offset,
    }
    return {key: str(value) for key, value in found.items() if value is not None}


def settings(live: Destination) -> dict[str, Any]:
    """Return a destination's settings, with Fivetran's defaults where the answer leaves them out."""
    in_config = {
        name: live.config[name] for name, each in DESTINATION_SETTINGS.items() if each.in_config and name in live.config
    }
    return {**default_settings(DESTINATION_SETTINGS), **live.settings, **in_config}


def is_same(key: str, declared: object, live: object) -> bool:
    """Return whether two values of an input mean the same."""
    if key == "time_zone_offset":
        return _offset(declared) == _offset(live)
    return str(declared).casefold() == str(live).casefold() if key in {"location", "region"} else declared == live


def _place(path: str) -> tuple[str, ...]:
    return KEYS.get(path, (*_DESTINATION, path))


def _offset(value: object) -> int | str:
    """`"0"`, `"+0"` and `0` are the same offset; a text that is not a number stays as it is."""
    try:
        return int(float(str(value)))
    except ValueError:
        return str(value)
