"""A local Cloud Storage: the part of its APIs in which Pulumi keeps a state, and a bucket's settings and policy."""
