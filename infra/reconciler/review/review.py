"""Find every consequence of a preview, the important ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

from reconciler.config import Loaded
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.review import access, connections, datasets, fivetran_access, lifecycle, requests
from reconciler.review.consequence import Consequence
from reconciler.review.context import Context
from reconciler.review.preview import Preview

_FINDERS: tuple[Callable[[Context], Iterator[Consequence]], ...] = (
    datasets.datasets,
    connections.connections,
    access.sensitivity,
    access.dataset_access,
    access.project_access,
    access.function_access,
    fivetran_access.fivetran_access,
    lifecycle.endings,
    lifecycle.airflow_variables,
    connections.activations,
    connections.packages,
    connections.destinations,
    requests.quota,
)

_SEVERITIES = ("stop", "note", "detail")


def find_consequences(
    preview: Preview, loaded: Loaded, environment: str, today: date, tables: Mapping[str, int] = MappingProxyType({})
) -> list[Consequence]:
    """Return what a run would do: what needs a review first, and then by file.

    Args:
        preview: The preview of the environment's stack.
        loaded: The files that it was made of.
        environment: The environment's name.
        today: The day of the preview.
        tables: How many tables those of `deleted_datasets` hold, as far as it is known.
    """
    context = Context(preview, apply_expiry(loaded.fleet(environment), today), loaded, tables)
    found = [each for find in _FINDERS for each in find(context)]
    return sorted(found, key=lambda each: (_SEVERITIES.index(each.severity), each.unit, each.kind, each.object))
