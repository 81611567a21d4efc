"""Complete commands, options, environments, units and services in a shell, in a tenth of a second.

Click would import each command, with everything that it needs, to read its options. `completion.json` has the options
instead: `make reference` writes it from the commands.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import click
from click.shell_completion import CompletionItem

#: The table of all commands with their parameters.
TABLE = Path(__file__).with_name("completion.json")

_ENVIRONMENT_FILE = "environment.yaml"
_SPECS = "connectors"
_SERVICES = Path(__file__).resolve().parents[3] / "schemas" / "services"

_Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]] | list[str]"]

#: What the values of a parameter are, by its name.
_KINDS = {
    "environment": "environment",
    "environments": "environment",
    "named": "environment",
    "to": "environment",
    "name": "unit",
    "unit": "connector",
    "units": "connector",
    "service": "service",
}

#: The arguments that may be a unit's file.
_PATHS = frozenset({"name", "named"})

#: Commands in which `name` is a unit with a connector, or is not a unit.
_NAMES = {"pause": "connector", "resume": "connector", "rotate": "connector", "put": ""}


def describe(command: click.Command) -> dict[str, Any]:
    """Return what completion needs to know of a command, as JSON."""
    if isinstance(command, click.Group):
        return {"commands": {name: describe(inner) for name, inner in command.commands.items()}}
    parameters = [
        _describe_parameter(each, command.name or "") for each in command.params if not getattr(each, "hidden", False)
    ]
    return {"parameters": parameters, "interspersed": command.allow_interspersed_args}


def _describe_parameter(parameter: click.Parameter, command: str) -> dict[str, Any]:
    kind = _KINDS.get(parameter.name or "", "")
    if parameter.name == "name":
        kind = _NAMES.get(command, kind)
    if isinstance(parameter.type, click.Choice):
        kind = "choice"
    elif isinstance(parameter.type, click.Path | click.File):
        folders_only = isinstance(parameter.type, click.Path) and not parameter.type.file_okay
        kind = "folder" if folders_only else "file"
    found: dict[str, Any] = {"name": parameter.name, "kind": kind}
    if isinstance(parameter.type, click.Choice):
        found["choices"] = list(parameter.type.choices)
    if isinstance(parameter, click.Option):
        found |= {"options": [*parameter.opts, *parameter.secondary_opts], "multiple": parameter.multiple}
        found |= {"flag": parameter.is_flag, "help": parameter.help or ""}
    else:
        found["nargs"] = parameter.nargs
    return found


def stand_in(name: str, text: str) -> click.Command | None:
    """Return a command that only completes, with its line of help `text`; None if it is unknown."""
    found = _table().get(name)
    return None if found is None else _build(name, found, text)


@cache
def _table() -> Mapping[str, Any]:
    try:
        table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table


def environments(context: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Return the environments as items, for an option that stands before the command."""
    return [CompletionItem(name) for name in _environments(context, None, incomplete)]


def _build(name: str, described: Mapping[str, Any], text: str = "") -> click.Command:
    if "commands" in described:
        inner = {each: _build(each, content) for each, content in described["commands"].items()}
        return click.Group(name, commands=inner, help=text)
    settings = {"allow_interspersed_args": described["interspersed"]}
    parameters = [_parameter(each) for each in described["parameters"]]
    return click.Command(name, params=parameters, help=text, context_settings=settings)


def _parameter(described: Mapping[str, Any]) -> click.Parameter:
    kind = described["kind"]
    types: dict[str, click.ParamType[Any]] = {
        "choice": click.Choice(described.get("choices", [])),
        "file": click.Path(),
        "folder": click.Path(file_okay=False),
    }
    complete: _Completer | None = _COMPLETERS.get(kind)
    if "options" not in described:
        complete = _or_files(complete) if complete and described["name"] in _PATHS else complete
        return click.Argument(
            [described["name"]], required=False, nargs=described["nargs"], type=types.get(kind), shell_complete=complete
        )
    names = [described["name"], *described["options"]]
    if described["flag"]:
        return click.Option(names, is_flag=True, help=described["help"])
    return click.Option(
        names, multiple=described["multiple"], help=described["help"], type=types.get(kind), shell_complete=complete
    )


def _or_files(complete: _Completer) -> _Completer:
    """Return a function that offers names, or files once a path is begun: commands take a unit's file too."""

    def complete_path(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]] | list[str]:
        if "/" in incomplete:
            return [CompletionItem(incomplete, type="file")]
        return complete(context, parameter, incomplete)

    return complete_path


def _environments(context: click.Context, _parameter: click.Parameter | None, incomplete: str) -> list[str]:
    found = (file.parent.name for file in _specs(context).glob(f"*/{_ENVIRONMENT_FILE}"))
    return sorted(name for name in found if name.startswith(incomplete))


def _units(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return sorted({file.stem for file in _unit_files(context) if file.stem.startswith(incomplete)})


def _connectors(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    files = (file for file in _unit_files(context) if file.stem.startswith(incomplete))
    given = _given(context, _parameter)
    return sorted({file.stem for file in files if file.stem not in given and _has_connector(file)})


def _services(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return sorted(file.stem for file in _SERVICES.glob("*.yaml") if file.stem.startswith(incomplete))


def _unit_files(context: click.Context) -> Iterator[Path]:
    """Yield the files of the environment that the command line names, or of all."""
    environment, specs = context.params.get("environment"), _specs(context)
    # What is typed may be anything: it is compared, and neither a pattern nor a path.
    name = (environment or "").partition(".")[0]
    folders = [folder for folder in specs.glob("*/") if not environment or folder.name == name]
    for file in (file for folder in folders for pattern in ("*.yaml", "*/*.yaml") for file in folder.glob(pattern)):
        if file.name != _ENVIRONMENT_FILE:
            yield file


def _given(context: click.Context, parameter: click.Parameter) -> tuple[str, ...]:
    value = context.params.get(parameter.name or "")
    return tuple(value) if isinstance(value, tuple) else ()


def _has_connector(file: Path) -> bool:
    try:
        return "\nconnector:" in f"\n{file.read_text(encoding='utf-8', errors='replace')}"
    except OSError:
        return False


def _specs(context: click.Context) -> Path:
    return Path(context.params.get("specs") or os.environ.get("RECONCILER_SPECS") or _SPECS)


_COMPLETERS = {"environment": _environments, "unit": _units, "connector": _connectors, "service": _services}
