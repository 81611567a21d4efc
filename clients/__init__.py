"""Real clients on the local services; see README.md."""
