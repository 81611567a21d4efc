"""The access list that a run writes to a new dataset."""

from reconciler.google.bigquery.access import AccessEntry, declared_entries, parse_entry, writer_entry
from reconciler.google.bigquery.access.changes import merge_entries
from reconciler.model import Dataset, Environment


def written_list(environment: Environment, dataset: Dataset, writer: str | None) -> tuple[AccessEntry, ...]:
    """The list as BigQuery has it. `writer` is Fivetran's service account where that writes the dataset."""
    writers = [writer_entry(writer)] if writer is not None else []
    listed = merge_entries([*declared_entries(environment, dataset), *writers], live=[], kept_as={})
    found = tuple(entry for each in listed if (entry := parse_entry(each)) is not None)
    assert len(found) == len(listed)
    return found
