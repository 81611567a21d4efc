"""Where a live connection differs from the file in what its activation manages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fivetran.api import Connection
from reconciler.fivetran.config_diff import Difference
from reconciler.resources.activation import schedule, tables


def schedule_differences(props: Mapping[str, Any], live: Connection) -> list[Difference]:
    """Return where a live connection's schedule and pause differ. A pause by hand is no difference."""
    found = []
    described = schedule.live_schedule(props["schedule"], live)
    if described != props["schedule"]:
        found.append(Difference("schedule", props["schedule"], described))
    if "paused" in props and live.paused is False:
        found.append(Difference("paused", props["paused"], "not paused"))
    return found


def activation_differences(props: Mapping[str, Any], live: Connection) -> list[Difference]:
    """Return where a live connection differs from the file in its schedule, pause and tables."""
    found = tables.differences(live.id, props["sync"]) if "sync" in props else ()
    return [*schedule_differences(props, live), *found]
