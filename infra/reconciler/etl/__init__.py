"""Cross-check a checkout of bigquery-etl with the units: its Fivetran tasks, and the datasets that its queries read."""
