"""The resources of a stack, with one package for each kind.

Paths and names of provider classes are stored in Pulumi's state.
"""
