"""The resources of a stack, a package a kind.

Paths and names of provider classes are stored in Pulumi's state.
"""
