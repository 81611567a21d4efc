"""The dynamic resources: thin create, read, update, delete over the client and the projection.

The path and name of each provider class is stored in Pulumi's state (it is pickled by reference), so neither may
change: `docs/decisions/` says what to do when one has to.
"""
