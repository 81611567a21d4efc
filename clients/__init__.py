"""Real clients on the local services: README.md beside this file."""
