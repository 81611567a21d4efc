"""Call GitHub's REST API for pull requests.

Comments, check runs, reviews, files and code owners.
"""
