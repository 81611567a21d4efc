"""The whole estate: who has access to which dataset, and every unit with what a reader asks about it.

Pure.
"""
