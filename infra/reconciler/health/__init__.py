"""Judge live resources: unit status and next step, expiring and unmanaged resources, an environment's checks. Pure."""
