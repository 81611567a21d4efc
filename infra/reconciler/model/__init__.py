"""The content of the YAML files, as frozen data. No I/O, no Pulumi, no YAML.

The names are those of the files (`schemas/*.schema.json`): Fivetran's for its objects, and BigQuery's for datasets.
Config trees stay plain JSON: a reference is a mapping inside them (`Reference.parse`).
"""

from __future__ import annotations

from reconciler.model.connection_settings import CONNECTION_SETTINGS, DESTINATION_SETTINGS, Setting
from reconciler.model.connector import (
    DESTINATION_KEYS,
    INTERVAL_NAMES,
    SYNC_INTERVALS,
    Adopt,
    AirflowSchedule,
    Awaiting,
    Connector,
    DestinationSchema,
    FivetranSchedule,
    Function,
    Package,
    SchemaSync,
    Sync,
    TableSync,
)
from reconciler.model.dataset import Condition, Dataset, DatasetAdopt, Grant
from reconciler.model.environment import (
    BigqueryEtl,
    DagByHand,
    Destination,
    Environment,
    Fleet,
    Ignore,
    Labels,
    ReadsElsewhere,
    TaskElsewhere,
    Unit,
)
from reconciler.model.reference import FIVETRAN, REFERENCE_KEYS, Json, Reference, references
from reconciler.model.trust import ANY, Certificate, HostKey, Trust

__all__ = [
    "ANY",
    "CONNECTION_SETTINGS",
    "DESTINATION_KEYS",
    "DESTINATION_SETTINGS",
    "FIVETRAN",
    "INTERVAL_NAMES",
    "REFERENCE_KEYS",
    "SYNC_INTERVALS",
    "Adopt",
    "AirflowSchedule",
    "Awaiting",
    "BigqueryEtl",
    "Certificate",
    "Condition",
    "Connector",
    "DagByHand",
    "Dataset",
    "DatasetAdopt",
    "Destination",
    "DestinationSchema",
    "Environment",
    "FivetranSchedule",
    "Fleet",
    "Function",
    "Grant",
    "HostKey",
    "Ignore",
    "Json",
    "Labels",
    "Package",
    "ReadsElsewhere",
    "Reference",
    "SchemaSync",
    "Setting",
    "Sync",
    "TableSync",
    "TaskElsewhere",
    "Trust",
    "Unit",
    "references",
]
