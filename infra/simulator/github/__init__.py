"""A local GitHub: pull requests, issues, check runs, workflows and Apps over bare git repositories."""
