"""BigQuery's live datasets, through Google's own client library (`Datasets`). Of them only access lists are written.

Importing it is cheap: the library is imported when it is first used.
"""

from reconciler.bigquery.datasets import AccessList, AccessRefused, Datasets, ListChanged, Listed, LiveDataset

__all__ = ["AccessList", "AccessRefused", "Datasets", "ListChanged", "Listed", "LiveDataset"]
