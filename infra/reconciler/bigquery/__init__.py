"""BigQuery's live datasets, read through Google's own client library (`Datasets`). Nothing is written here.

Importing it is cheap: the library is imported when it is first used.
"""

from reconciler.bigquery.datasets import Datasets, Listed, LiveDataset

__all__ = ["Datasets", "Listed", "LiveDataset"]
