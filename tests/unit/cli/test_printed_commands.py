"""Every command in a message runs as printed: it names the environment and quotes its words."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.main import COMMANDS, main
from reconciler.model import commands

from .workspace import ENVIRONMENT, Workspace

INFRA = Path(__file__).parents[3] / "infra" / "reconciler"
#: A command of reconciler's or Pulumi's that a message spells instead of formatting it.
WRITTEN_OUT = re.compile(
    rf"\breconciler ({'|'.join(COMMANDS)})\b"
    r"|\bpulumi (up|preview|refresh|destroy|cancel|stack|state|config (set|get))\b"
)
PRINTED = re.compile(r"`((?:reconciler|pulumi|gcloud) [^`]+)`")
#: Their messages name the output of a command, and advise none.
NAMES_ONLY = {"health/last_run.py", "cli/sweep.py", "config/rules/references.py", "review/quick.py"}


def messages(tree: ast.Module) -> Iterator[ast.Constant]:
    """Return the texts of a module that are neither docstrings nor the help of an option."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(node.value)
        elif isinstance(node, ast.keyword) and node.arg in ("help", "short_help"):
            skipped |= set(ast.walk(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node


def test_messages_format_commands_with_the_helper():
    found = [
        f"{file.relative_to(INFRA)}:{text.lineno}: {text.value!r}"
        for file in sorted(INFRA.rglob("*.py"))
        if file.relative_to(INFRA).parts[0] != "simulator" and str(file.relative_to(INFRA)) not in NAMES_ONLY
        for text in messages(ast.parse(file.read_text(encoding="utf-8")))
        if file.name != "main.py" and WRITTEN_OUT.search(str(text.value))
    ]
    assert found == [], "\n".join(found)


#: Commands that look at one environment. `import` is left out: pages name it without anything to import.
OF_ONE = re.compile(r"`(reconciler (?:status|authorise|doctor|report|unmanaged)[^`]*)`")


def test_pages_name_the_environment_of_each_command():
    root = INFRA.parents[1]
    pages = [
        root / "README.md",
        *(root / "docs").glob("*.md"),
        *(root / "docs" / "how-to").glob("*.md"),
        root / "connectors" / "README.md",
    ]
    found = [f"{page.name}: {text}" for page in pages for text in OF_ONE.findall(page.read_text(encoding="utf-8"))]
    assert [each for each in found if " -e " not in each] == []
    assert found


@pytest.fixture
def two_environments(workspace: Workspace) -> Workspace:
    """Write two environments with pending and unmanaged units, in a folder whose name needs quotes."""
    workspace.specs.rename(workspace.specs.parent / "my connectors")
    workspace.specs = workspace.specs.parent / "my connectors"
    other = {**ENVIRONMENT, "gcp_project": "prod-project", "fivetran": {**ENVIRONMENT["fivetran"], "group": "Prod"}}
    workspace.write("environment", other, "prod")
    workspace.unit("ads", service="google_ads")
    workspace.unit("gone")
    workspace.connection("google_ads", {"schema": "ads"}, setup_state="incomplete", paused=True)
    workspace.connection("stripe", {"schema": "stray"})
    workspace.dataset("Marketing")
    return workspace


def run_printed(workspace: Workspace, text: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Run every reconciler command in a text and return their names; none may be wrong usage."""
    ran = set()
    for printed in PRINTED.findall(text):
        words = shlex.split(printed)
        if words[0] == "pulumi":
            assert words[words.index("--stack") + 1] in ("dev", "prod"), printed
        elif words[0] == "reconciler":
            with pytest.raises(SystemExit) as exit_:
                main(words[1:])
            output = capsys.readouterr()
            assert exit_.value.code in (0, 1), (printed, output.err)
            ran.add(words[1])
    return ran


@pytest.mark.parametrize(
    ("arguments", "prints"),
    [
        (["status", "-e", "dev"], {"authorise"}),
        (["unmanaged", "-e", "dev"], {"import"}),
        (["import", "-e", "dev", "nothing_like_it"], {"unmanaged"}),
        (["import", "-e", "dev", "--all"], {"validate"}),
        (["authorise", "-e", "dev", "gone"], set()),
        (["doctor", "-e", "prod"], set()),
    ],
)
def test_printed_commands_run_when_there_are_two_environments(
    two_environments: Workspace, arguments: list[str], prints: set[str], capsys: pytest.CaptureFixture[str]
):
    ran = two_environments.run(*arguments)
    text = ran.out + ran.err
    assert PRINTED.search(text), text
    assert run_printed(two_environments, text, capsys) == prints


def test_printed_commands_name_the_folder_only_when_the_user_did(
    two_environments: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert f"--specs '{two_environments.specs}'" in two_environments.run("status", "-e", "dev").out
    monkeypatch.setenv("RECONCILER_SPECS", str(two_environments.specs))
    with pytest.raises(SystemExit):
        main(["status", "-e", "dev"])
    assert "`reconciler authorise -e dev ads`" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["a b", "*", "it's", "$HOME", "a;b", "`x`"])
def test_printed_commands_quote_what_a_shell_would_expand(word: str):
    printed = commands.reconciler("import", "--datasets", word, environment="dev").removeprefix("`").removesuffix("`")
    assert shlex.split(printed) == ["reconciler", "import", "-e", "dev", "--datasets", word]


def test_environment_of_returns_the_folder_of_a_file():
    assert commands.environment_of("connectors/dev/crm.yaml") == "dev"
    assert commands.environment_of("prod/environment.yaml") == "prod"
    assert commands.up("dev", refresh=True) == "`pulumi up --stack dev --refresh`"


def test_printed_commands_forget_the_folder_of_a_command_with_wrong_usage(tmp_path: Path):
    with pytest.raises(SystemExit):
        main(["revoke", "--specs", str(tmp_path)])
    assert commands.reconciler("status", environment="dev") == "`reconciler status -e dev`"
