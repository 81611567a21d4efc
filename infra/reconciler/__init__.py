"""A declarative reconciler for Fivetran and BigQuery: YAML in, a Pulumi program and its provider out."""
