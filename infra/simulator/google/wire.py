"""Convert between Pulumi's wire format and plain values.

Protobuf structs, in which every number is a float.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from simulator.google.plugin import Change, Kind, Properties
from simulator.google.state import Json

_KINDS = {
    (Kind.ADD, False): pb.PropertyDiff.ADD,
    (Kind.ADD, True): pb.PropertyDiff.ADD_REPLACE,
    (Kind.UPDATE, False): pb.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): pb.PropertyDiff.UPDATE_REPLACE,
    (Kind.DELETE, False): pb.PropertyDiff.DELETE,
    (Kind.DELETE, True): pb.PropertyDiff.DELETE_REPLACE,
}


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Read plain values from a struct: whole numbers as ints, without nulls."""
    values = _plain(json_format.MessageToDict(struct))
    return {key: value for key, value in values.items() if value is not None}


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def to_struct(values: Mapping[str, Json]) -> struct_pb2.Struct:
    """Write plain values to a struct."""
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def to_diff(changes: Mapping[str, Change], *, deletes_first: bool = False) -> pb.DiffResponse:
    """Write differences with their details: the engine replaces the resource if one of them requires it.

    `deletes_first` asks the engine to delete the old resource before it creates a replacement.
    """
    replaces = sorted({root(path) for path, change in changes.items() if change.replaces})
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME if changes else pb.DiffResponse.DIFF_NONE,
        diffs=sorted({root(path) for path in changes}),
        replaces=replaces,
        deleteBeforeReplace=deletes_first and bool(replaces),
        detailedDiff={
            path: pb.PropertyDiff(kind=_KINDS[change.kind, change.replaces]) for path, change in changes.items()
        },
        hasDetailedDiff=True,
    )


def root(path: str) -> str:
    """Return the first property of a path."""
    return path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]


def steps(path: str) -> list[str]:
    """Split a path into its steps: `labels["a-b"]`, `labels.team`, `accesses[2]`."""
    return [quoted or plain for quoted, plain in re.findall(r'\["([^"]+)"\]|([^.\[\]]+)', path)]
