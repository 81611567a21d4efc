"""Google: BigQuery's datasets with their access lists, and IAM."""
