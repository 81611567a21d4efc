"""A local Secret Manager: Google's REST API of version 1 over HTTP, with an admin side for tests.

`app.build_apps` makes the web applications; `state.Store` is what they remember, `vault.Vault` what may be done to it.
What is not simulated (IAM policies, locations, rotation, filters) answers 501 and says so. No request is authenticated:
permissions are what the admin side denies.
"""
