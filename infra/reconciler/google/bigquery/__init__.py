"""BigQuery: live datasets, how one is adopted, and who has access to it."""
