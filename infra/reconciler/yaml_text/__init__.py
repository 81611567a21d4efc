"""The text of YAML files: how plain scalars are read, and the one way to write a file."""
