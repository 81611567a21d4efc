"""Dataset: a BigQuery dataset as a resource of pulumi-gcp."""
