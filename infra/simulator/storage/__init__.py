"""Simulate Cloud Storage: a state of Pulumi, and a bucket's settings and policy."""
