"""The plugin's three label maps: as written, with the plugin's own, and all that the dataset is to have."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.simulator.gcp.plugin import UNKNOWN, Properties, Scope
from reconciler.simulator.gcp.state import Json

_ATTRIBUTION = {"goog-pulumi-provisioned": "true"}


def label_maps(scope: Scope, state: Properties | None, inputs: Mapping[str, Json]) -> Properties:
    """`labels`, `pulumiLabels` and `effectiveLabels` for these inputs; state None: the dataset is to be created.

    Labels that others put on the dataset are kept as of `state`, not as of now. The attribution label comes with the
    creation and stays.
    """
    labels = inputs.get("labels") or {}
    if isinstance(labels, str):
        return {"labels": labels, "pulumiLabels": UNKNOWN, "effectiveLabels": UNKNOWN}
    before = state.get("pulumiLabels", {}) if state else {}
    attributed = scope.attribution if state is None else set(_ATTRIBUTION) <= set(before)
    ours = {**(_ATTRIBUTION if attributed else {}), **labels}
    foreign = {key: value for key, value in (state or {}).get("effectiveLabels", {}).items() if key not in before}
    return {"labels": dict(labels), "pulumiLabels": ours, "effectiveLabels": {**foreign, **ours}}
