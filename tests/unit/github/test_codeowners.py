"""Matching of CODEOWNERS, by the examples of GitHub's documentation."""

import pytest

from reconciler.github.codeowners import CodeOwners

DOCUMENTED = """\
# a comment
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/scripts/ @doctocat @octocat
**/logs @octocat-logs
/apps/github
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", ("@global-owner1", "@global-owner2")),
        ("deep/down/x.js", ("@js-owner",)),
        ("x.go", ("docs@example.com",)),
        ("docs/getting-started.md", ("docs@example.com",)),
        ("docs/build-app/troubleshooting.md", ("@global-owner1", "@global-owner2")),
        ("a/apps/x.yaml", ("@octocat",)),
        ("scripts/x", ("@doctocat", "@octocat")),
        ("a/scripts/x", ("@global-owner1", "@global-owner2")),
        ("deeply/nested/logs/x", ("@octocat-logs",)),
        ("logs/x", ("@octocat-logs",)),
        ("apps/github", ()),
        ("apps/github/x", ()),
        ("apps/githubber", ("@octocat",)),
    ],
)
def test_codeowners_match_as_githubs_documentation_says(path: str, owners: tuple[str, ...]):
    assert CodeOwners(DOCUMENTED).of(path) == owners


@pytest.mark.parametrize("line", ["!x.yaml @eve", "[a-z].yaml @eve", "\\#x @eve"])
def test_codeowners_skip_a_line_that_github_skips(line: str):
    assert CodeOwners(f"* @octocat\n{line}").of("x.yaml") == ("@octocat",)
