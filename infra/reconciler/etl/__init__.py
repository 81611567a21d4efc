"""Check a checkout of bigquery-etl against the units: its Fivetran tasks, the datasets that it reads."""
