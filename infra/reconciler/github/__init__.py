"""GitHub's REST API, as far as a pull request needs it: comments, check runs, reviews, files and code owners."""
