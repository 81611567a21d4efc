"""Destination: the environment's Fivetran group with its BigQuery destination, and its setup tests."""
