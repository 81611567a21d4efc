"""Which commands on pages are reported: those that do not exist, and their options."""

import pytest
from tests.docs.commands import problems, problems_in_prose


@pytest.mark.parametrize(
    "line",
    [
        "RECONCILER_REMOVALS=allow pulumi up --stack dev",
        "pulumi stack init dev --secrets-provider passphrase",
        "pulumi stack output --json --stack dev | reconciler status -e dev --from-outputs -",
        "make recover STACK=dev",
    ],
)
def test_commands_that_exist_are_accepted(line: str):
    assert problems(line) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("pulumi frobnicate", "there is no pulumi frobnicate"),
        ("pulumi frobnicate --stack dev", "there is no pulumi frobnicate"),
        ("pulumi stack frobnicate dev", "there is no pulumi stack frobnicate"),
        ("pulumi up --frobnicate", "pulumi up has no option --frobnicate"),
        ("cd infra && reconciler frobnicate", "there is no reconciler frobnicate"),
        ("reconciler status --frobnicate", "reconciler status has no option --frobnicate"),
        ("make frobnicate", "make has no target frobnicate"),
    ],
)
def test_command_or_option_that_does_not_exist_is_reported(line: str, problem: str):
    assert problems(line) == [problem]


def test_line_that_is_not_shell_is_reported():
    assert problems("pulumi up --stack 'dev") == ["`pulumi up --stack 'dev` is no shell: No closing quotation"]
    assert problems_in_prose("it isn't") == []
