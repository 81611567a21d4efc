"""Replacements for slow functions of Pulumi's SDK, for one version of it."""
