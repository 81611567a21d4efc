"""Fivetran: its REST API, the catalogue of services, tables, and how a declared config is compared."""
