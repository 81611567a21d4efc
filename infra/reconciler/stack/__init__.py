"""The Pulumi program of one environment, and its outputs."""
