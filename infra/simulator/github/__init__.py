"""A local GitHub: comments of issues, over HTTP, as GitHub's REST documentation describes them."""
