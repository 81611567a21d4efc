"""The plugin's three label maps: declared labels, with the plugin's own, and all labels of the dataset."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.google.plugin import UNKNOWN, Properties, Scope, is_unknown
from simulator.google.state import Json

#: The label that the plugin adds to new resources, unless the configuration forbids it.
ATTRIBUTION = "goog-pulumi-provisioned"


def label_maps(scope: Scope, state: Properties | None, inputs: Mapping[str, Json]) -> Properties:
    """Return `labels`, `pulumiLabels` and `effectiveLabels` for inputs; state None is a create.

    Labels from outside are kept as in `state`, not as they are now. The attribution label is added by the create, and
    removed once the configuration no longer wants it.
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
