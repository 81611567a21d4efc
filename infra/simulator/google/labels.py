"""The plugin's three label maps: as written, with the plugin's own, and all that the dataset is to have."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.google.plugin import UNKNOWN, Properties, Scope, is_unknown
from simulator.google.state import Json

#: What the plugin marks with what it creates, unless it is told not to.
ATTRIBUTION = "goog-pulumi-provisioned"


def label_maps(scope: Scope, state: Properties | None, inputs: Mapping[str, Json]) -> Properties:
    """`labels`, `pulumiLabels` and `effectiveLabels` for these inputs; state None: the dataset is to be created.

    Labels that others put on the dataset are kept as of `state`, not as of now. The attribution label comes with the
    creation, stays while the configuration wants it, and goes when it does not any more.
    """
    labels = inputs.get("labels") or {}
    if is_unknown(labels):
        return {"labels": labels, "pulumiLabels": UNKNOWN, "effectiveLabels": UNKNOWN}
    before = (state or {}).get("pulumiLabels") or {}
    effective = (state or {}).get("effectiveLabels") or {}
    attributed = scope.attribution and (state is None or ATTRIBUTION in effective)
    ours = {**({ATTRIBUTION: "true"} if attributed else {}), **labels}
    foreign = {key: value for key, value in effective.items() if key not in before}
    return {"labels": dict(labels), "pulumiLabels": ours, "effectiveLabels": {**foreign, **ours}}
