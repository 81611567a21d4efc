"""Find or install a Pulumi engine for this machine.

Standard library only: it runs before the installation.
"""
