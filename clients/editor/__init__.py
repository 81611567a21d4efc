"""The server of YAML that editors use, on the files of the repository."""
