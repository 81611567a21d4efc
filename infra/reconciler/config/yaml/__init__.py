"""YAML with positions: reading, scalars, syntax errors, writing."""
