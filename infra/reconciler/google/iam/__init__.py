"""IAM: who has which role on a project, and which roles read data."""
