"""Finds or makes a Pulumi engine for this machine. Standard library only: it runs before anything is installed."""
