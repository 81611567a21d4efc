"""Completion in a shell: what the tab key offers, and that it imports no command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli.completion import TABLE, describe
from reconciler.cli.main import COMMANDS, cli

UNIT = "description: x\nowners: [a@example.com]\n"
PROGRAM = """
import sys
from reconciler.cli.main import main
try:
    main()
finally:
    print(*(name for name in sys.modules if name.startswith("reconciler.")), file=sys.stderr)
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    for name, text in {
        "dev/environment": "",
        "dev/shop": f"{UNIT}connector:\n  service: stripe\n",
        "dev/sheet": f"{UNIT}connector: {{service: google_sheets}}\n",
        "dev/share": f"{UNIT}dataset: {{}}\n",
        "prod/environment": "",
        "prod/shop": f"{UNIT}connector: {{service: stripe}}\n",
        "prod/stripe": f"{UNIT}connector: {{service: stripe}}\n",
        "notes/readme": "",
    }.items():
        file = tmp_path / "connectors" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def completed(specs: Path, line: str) -> tuple[list[str], set[str]]:
    """Return what the tab key offers at the end of a command line, and the modules that were imported."""
    words = line.split(" ")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "RECONCILER_SPECS"},
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_RECONCILER_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=specs, env=environment, capture_output=True, text=True, check=False
    )
    return [each.partition(",")[2] for each in done.stdout.splitlines()], set(done.stderr.split())


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("reconciler stat", ["status"]),
        ("reconciler -e ", ["dev", "prod"]),
        ("reconciler status -e p", ["prod"]),
        ("reconciler status -e dev ", ["sheet", "shop"]),
        ("reconciler -e dev status sh", ["sheet", "shop"]),
        ("reconciler status -e dev shop ", ["sheet"]),
        ("reconciler status ", ["sheet", "shop", "stripe"]),
        ("reconciler extend -e dev sh", ["share", "sheet", "shop"]),
        ("reconciler status --format ", ["text", "json"]),
        ("reconciler status --wa", ["--wait"]),
        ("reconciler secret p", ["put"]),
        ("reconciler secret put ", []),
        ("reconciler services show stripe_t", ["stripe_test"]),
    ],
)
def test_completion_offers_what_can_follow(specs: Path, line: str, offered: list[str]):
    found, modules = completed(specs, line)
    assert [each for each in found if each] == offered
    assert modules <= {
        "reconciler.cli",
        "reconciler.cli.main",
        "reconciler.cli.completion",
        "reconciler.cli.interrupts",
    }


@pytest.mark.parametrize("name", ["/", "/etc", "**", "[", "..", "no"])
def test_completion_takes_what_is_typed_for_an_environment_as_no_pattern(specs: Path, name: str):
    (specs / "no" / "such").mkdir(parents=True)
    (specs / "no" / "such" / "unit.yaml").write_text(f"{UNIT}connector: {{service: stripe}}\n")
    offered, printed = completed(specs, f"reconciler status -e {name} ")
    assert completed(specs, f"reconciler status -e {specs / 'no'} ")[0] in ([], [""])
    assert offered in ([], [""])
    assert "Error:" not in printed


@pytest.mark.parametrize("command", ["validate", "extend", "pause"])
def test_completion_leaves_a_path_to_the_shell(specs: Path, command: str):
    words = f"reconciler {command} connectors/dev/sh"
    environment = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_RECONCILER_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=specs,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "file,connectors/dev/sh\n"


def test_completion_offers_every_command(specs: Path):
    assert set(completed(specs, "reconciler ")[0]) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_completion_knows_each_command_as_it_is(name: str):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    assert table.get(name) == json.loads(json.dumps(describe(command))), "run `make reference`"


#: What takes long to import, and no command needs that only reads files.
SLOW = {
    "asyncio",
    "google",
    "grpc",
    "httpx",
    "jinja2",
    "pulumi",
    "pulumi_gcp",
    "pyrate_limiter",
    "reconciler.fivetran.api",
    "reconciler.resources",
    "reconciler.secrets",
    "rich",
    "zipfile",
}

#: What reads the files, and is not needed to know what a command takes.
FILES = {"dataclasses", "jsonschema_rs", "reconciler.config", "reconciler.model", "yaml"}


@pytest.mark.parametrize(
    ("arguments", "variables", "unneeded"),
    [
        (["validate"], {}, SLOW),
        (["validate", "connectors/dev/shop.yaml"], {}, SLOW),
        (["--help"], {}, SLOW | FILES),
        ([], {"_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": "reconciler st", "COMP_CWORD": "1"}, SLOW | FILES),
    ],
    ids=["validate", "validate-a-file", "help", "completion"],
)
def test_commands_import_only_what_they_need(
    specs: Path, arguments: list[str], variables: dict[str, str], unneeded: set[str]
):
    program = PROGRAM.replace('(name for name in sys.modules if name.startswith("reconciler."))', "sys.modules")
    command = [sys.executable, "-c", program, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "RECONCILER_SPECS"}
    done = subprocess.run(
        command, cwd=specs, env={**environment, **variables}, capture_output=True, text=True, check=False
    )
    assert "reconciler.cli.main" in done.stderr.split()
    assert not unneeded & set(done.stderr.split())
