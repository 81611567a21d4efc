"""One file against its JSON Schema, in messages that say what to change."""
