"""Fivetran: its REST API, the catalogue of services, table selection, and the comparison of configs."""
