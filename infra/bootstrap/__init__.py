"""The Google side of continuous integration, as a Pulumi program of its own.

It imports nothing of the reconciler.
"""
