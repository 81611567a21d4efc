"""Every command with `--format json` prints valid JSON also when it fails."""

from __future__ import annotations

import importlib
import json
import keyword
from collections.abc import Callable
from typing import Any

import click
import pytest

from reconciler.cli.main import COMMANDS

from .workspace import Ran, Workspace

#: What a command needs beside `--format json` to begin its work.
ARGUMENTS = {
    "head-files": ("--commit", "0" * 40, "--into", "head"),
    "sweep": ("--resources", "resources"),
    "who-can-read": ("stripe",),
    "check-etl": (".",),
    "review": ("-e", "dev", "--preview", "missing.json"),
}
KINDS = {"files": 1, "usage": 2, "remote": 3}


def _command(name: str) -> click.Command:
    identifier = name.replace("-", "_") + ("_" if keyword.iskeyword(name) else "")
    found: click.Command = getattr(importlib.import_module(COMMANDS[name][0]), identifier)
    return found


def commands() -> list[str]:
    """Return every command that has `--format`, with the commands of groups."""
    found = []
    for name in COMMANDS:
        command = _command(name)
        inner = command.commands.items() if isinstance(command, click.Group) else [("", command)]
        for second, each in inner:
            choices = [param.type.choices for param in each.params if param.name == "reporter"]  # type: ignore[attr-defined]
            if choices and "json" in choices[0]:
                found.append(f"{name} {second}".strip())
    return found


def run(workspace: Workspace, name: str, *more: str) -> Ran:
    first, *rest = name.split()
    return workspace.run(first, *rest, *ARGUMENTS.get(name, ()), "--format", "json", *more)


def error_of(ran: Ran) -> dict[str, Any]:
    """Return the error that a command printed; without one it has to have succeeded or to list what it found."""
    found = json.loads(ran.out)
    if isinstance(found, dict) and "error" in found:
        error: dict[str, Any] = found["error"]
        assert set(error) == {"kind", "exit_code", "message", "problems"}
        assert error["exit_code"] == ran.code
        assert KINDS[error["kind"]] == ran.code
        return error
    return {}


def wrong_option(workspace: Workspace) -> tuple[str, ...]:
    return ("--no-such-option",)


def unknown_environment(workspace: Workspace) -> tuple[str, ...]:
    return ("-e", "nowhere")


def broken_file(workspace: Workspace) -> tuple[str, ...]:
    workspace.write("stripe", "description: [")
    return ()


def no_specs(workspace: Workspace) -> tuple[str, ...]:
    return ("--specs", "nowhere")


def fivetran_fails(workspace: Workspace) -> tuple[str, ...]:
    workspace.unit()
    workspace.admin("POST", "/faults", {"kind": "status", "status": 401, "count": None})
    return ()


SITUATIONS = [wrong_option, unknown_environment, broken_file, no_specs, fivetran_fails]


def test_commands_with_json_are_found():
    assert len(commands()) > 10


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", commands())
def test_command_prints_json_when_it_fails(
    workspace: Workspace, name: str, situation: Callable[[Workspace], tuple[str, ...]]
):
    ran = run(workspace, name, *situation(workspace))
    found = error_of(ran)
    if situation in (wrong_option, no_specs):
        assert ran.code == 2
    if ran.code == 2:
        assert found["kind"] == "usage"
        assert found["message"]


def test_json_error_has_the_places_of_problems(workspace: Workspace):
    workspace.write("stripe", {"description": "x", "owners": []})
    ran = run(workspace, "status")
    found = error_of(ran)
    assert found["kind"] == "files"
    assert {"file", "line", "column", "message", "hint"} == set(found["problems"][0])
    assert found["problems"][0]["file"] == "connectors/dev/stripe.yaml"


def test_json_error_of_fivetran_is_the_masked_text_of_stderr(workspace: Workspace):
    ran = run(workspace, "status", *fivetran_fails(workspace))
    found = error_of(ran)
    assert found["kind"] == "remote"
    assert f"Error: {found['message']}\n" in ran.err
