"""What a write of a dataset takes away because the plugin does not know it: said before it happens, previews included.

The engine calls the hook only where it updates a dataset, so that an ordinary preview reads none.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable
from pathlib import Path

import pulumi

from reconciler.bigquery import Datasets
from reconciler.datasets import dataset_path
from reconciler.datasets.settings import describe_losses
from reconciler.errors import OtherSideFailed
from reconciler.model import Environment, Unit
from reconciler.specs.places import Places


def losses_hook(environment: Environment, units: Iterable[Unit], root: Path) -> pulumi.ResourceHook:
    """Return the hook for updates of datasets. Its name is state format, so every run registers it."""
    places = Places(root)
    declared = {each.id: (unit.file, dataset_path(unit, each)) for unit in units for each in unit.all_datasets}

    @functools.cache
    def datasets() -> Datasets:
        return Datasets(environment.gcp_project)

    def lines(dataset: str) -> list[str]:
        where = places.find(*declared.get(dataset, (environment.file,)))
        try:
            resource = datasets().resource(dataset)
        except OtherSideFailed as error:
            return [f"{where}: cannot say what this write takes away from the dataset {dataset}: {error}"]
        return [f"{where}: {text}" for text in describe_losses(dataset, resource or {})]

    async def warn(asked: pulumi.ResourceHookArgs) -> None:
        # In a thread, so that the other resources go on while BigQuery answers.
        for line in await asyncio.to_thread(lines, asked.name):
            pulumi.log.warn(line)

    return pulumi.ResourceHook("warn-of-losses", warn, pulumi.ResourceHookOptions(on_dry_run=True))
