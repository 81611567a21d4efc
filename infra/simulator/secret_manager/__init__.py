"""A local Secret Manager: Google's REST API (version 1) over HTTP, with an admin API for tests.

`app.build_apps` creates the web applications; `state.Store` is their state, `vault.Vault` has the operations. Requests
that are not simulated (IAM policies, locations, rotation, filters) answer 501. Requests are not authenticated: the
admin API denies permissions.
"""
