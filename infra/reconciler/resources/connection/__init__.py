"""Connection: one Fivetran connection, created once, adopted where it exists."""
