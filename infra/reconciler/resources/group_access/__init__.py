"""Who has a role in the environment's Fivetran group."""
