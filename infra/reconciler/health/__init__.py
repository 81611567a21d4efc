"""Judge live resources: unit status, expiring and unmanaged resources, checks. Pure."""
