"""Find every consequence of a preview, the important ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from reconciler.config import Loaded
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.review import (
    access,
    connections,
    datasets,
    destinations,
    fivetran_access,
    lifecycle,
    project_access,
    requests,
    rules,
)
from reconciler.review.consequence import Consequence
from reconciler.review.context import Context
from reconciler.review.preview import Preview

_FINDERS: tuple[Callable[[Context], Iterator[Consequence]], ...] = (
    datasets.datasets,
    datasets.moved_datasets,
    connections.connections,
    access.sensitivity,
    access.dataset_access,
    project_access.project_access,
    project_access.function_access,
    fivetran_access.fivetran_access,
    rules.rules,
    lifecycle.endings,
    lifecycle.airflow_variables,
    lifecycle.units,
    connections.activations,
    connections.packages,
    destinations.destinations,
    requests.quota,
    requests.unchecked,
)

#: The resource types that the finders above read, and those that change nothing that people notice.
_KNOWN = frozenset(
    {
        *("Activation", "Connection", "Dataset", "DatasetAccess", "Destination", "FunctionIamMember", "IAMMember"),
        *("GroupAccess", "Package", "Preflight", "ServiceIamMember"),
        *("AppliedFiles", "DestinationTests", "Outcome", "ServiceAccount", "SharedDestination"),
    }
)

_SEVERITIES = ("stop", "note", "detail")


def find_consequences(
    preview: Preview, loaded: Loaded, stack: str, today: date, tables: Mapping[str, int]
) -> list[Consequence]:
    """Return what a run would do: what needs a review first, and then by file.

    Args:
        preview: The preview of the stack.
        loaded: The files that it was made of.
        stack: The stack's name: the environment's, or that of a subfolder with a stack of its own.
        today: The day of the preview.
        tables: How many tables those of `deleted_datasets` hold, as far as it is known.
    """
    context = Context(preview, apply_expiry(loaded.stack(stack), today), loaded, tables)
    found = [each for find in (*_FINDERS, _unknown) for each in find(context)]
    return sorted(found, key=lambda each: (_SEVERITIES.index(each.severity), each.unit, each.kind, each.object))


def _unknown(context: Context) -> Iterator[Consequence]:
    """Return the changes of resources that no finder reads. What cannot be described needs approval."""
    for step in context.preview.steps:
        if step.type in _KNOWN or step.is_provider:
            continue
        text = f"{step.operation}s {step.type} {step.name}, which a review cannot describe: read Pulumi's diff"
        value = {"old": dict(step.old), "new": dict(step.new)}
        yield Consequence("stop", "undescribed", text, f"{step.type} {step.name}", value=value)
