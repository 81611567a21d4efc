"""Edit a file of YAML at the place of one value, and keep every other byte. Text in, text out."""
