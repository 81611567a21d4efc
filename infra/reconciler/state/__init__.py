"""Pulumi's state, as `pulumi stack export` prints it."""
