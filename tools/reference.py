"""Write the reference pages from schemas, commands and code (`make reference`).

`make check` fails for a stale page.

- `unit.md` and `environment.md`: every key of a YAML file, from `schemas/`.
- `commands.md`: every command of `reconciler`, from click.
- `environment-variables.md`: the table below, compared with the variables in the code.
- `schemas/unit.schema.json`: the schema of units for editors (`editor_schema`).
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import editor_schema
from reconciler.cli import Exit, completion
from reconciler.cli.main import COMMANDS, cli
from reconciler.config.schema import schemas
from reconciler.yaml_text.writer import format_on_one_line

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make reference`; do not edit. -->"

#: The description of each variable by its reader, in the order of the page.
VARIABLES: Mapping[str, Mapping[str, str]] = {
    "Fivetran": {
        "FIVETRAN_APIKEY": "The API key. A read-only one is enough for previews.",
        "FIVETRAN_APISECRET": "The secret of that key.",
        "FIVETRAN_API_URL": "The API, `/v1` included. Default: Fivetran's own. Any server that speaks the API will do.",
        "RECONCILER_FIVETRAN_SECRET": "A secret in Secret Manager that holds both, for `reconciler with-fivetran-key`.",
        "FIVETRAN_REQUESTS_PER_HOUR": "The most requests of one run in an hour. Default: the account's quota, as "
        "Fivetran's answers name it.",
    },
    "Google": {
        "GOOGLE_CREDENTIALS": "The content of a credentials file for the bucket of the state. Pulumi and "
        "`make recover` read it before the application-default credentials.",
        "GOOGLE_OAUTH_ACCESS_TOKEN": "An access token for that bucket, read after `GOOGLE_CREDENTIALS`.",
        "BIGQUERY_EMULATOR_HOST": "The address of a local BigQuery, for tests.",
        "STORAGE_EMULATOR_HOST": "The address of a local Cloud Storage, as `host:port`; `reconciler simulate` sets it.",
        "GOOGLE_KMS_CUSTOM_ENDPOINT": "The address of a local Cloud KMS, for tests.",
        "GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT": "The address of a local Secret Manager, for tests.",
        "GOOGLE_IAM_CUSTOM_ENDPOINT": "The address of a local service for IAM policies, for tests.",
    },
    "Airflow": {
        "AIRFLOW_TOKEN": "The bearer token with which `reconciler airflow-variables --push` changes variables.",
        "AIRFLOW_USERNAME": "In place of a token: the name of an Airflow user.",
        "AIRFLOW_PASSWORD": "The password of that user.",
    },
    "GitHub": {
        "GITHUB_TOKEN": "The token for GitHub: `reconciler comment`, `agrees`, `doctor --ci`, `make recover`.",
        "GITHUB_REPOSITORY": "The repository, as OWNER/NAME. GitHub Actions sets it.",
        "GITHUB_API_URL": "The address of GitHub's REST API. Default: `https://api.github.com`.",
        "RECONCILER_GITHUB_APP": "The id of the GitHub App whose check runs `reconciler agrees` counts.",
    },
    "A run": {
        "RECONCILER_SPECS": "The folder that holds the environments' folders. Default: `connectors`.",
        "RECONCILER_STATE_IS_DISPOSABLE": "`true`: the state is thrown away after the run, so that with "
        "`PULUMI_SKIP_CHECKPOINTS` it needs no recorded intents and may delete. For measurements alone.",
        "RECONCILER_REMOVALS": "`allow`: this run may remove what no file declares any more. `allow:N`: it may "
        "also remove N at once, more than the environment's `delete_guard` allows. Each connection and each dataset "
        "counts.",
        "RECONCILER_SETUP_TESTS_DEADLINE": "Seconds that a run waits for the setup tests of one connection. Default: "
        "600. The next run reads tests that take longer.",
        "RECONCILER_TODAY": "An ISO date in place of today's, to see what a later run will do.",
        "RECONCILER_DEBUG": "With any value, unexpected errors of `reconciler` and failed operations of `pulumi` runs "
        "show their traceback, masked.",
        "RECONCILER_LOOK_AT": "Set by `reconciler review --changed` alone: a file with the units that its preview "
        "looks at. With it, a run applies nothing.",
        "RECONCILER_SDK_AS_IS": "With any value, Pulumi's SDK runs as it is: slower, and with its debug messages.",
    },
    "Setting up the checkout": {
        "RECONCILER_CACHE": "Where the engine is kept. Default: `$XDG_CACHE_HOME/reconciler`, else "
        "`~/.cache/reconciler`.",
        "RECONCILER_ENGINE_FROM": "`path`, `release` or `go`: only this way. Default: the first that works.",
        "RECONCILER_ENGINE_RELEASES": "A mirror of https://get.pulumi.com/releases/sdk.",
        "RECONCILER_ENGINE_CHECKSUMS": "A mirror of https://github.com/pulumi/pulumi/releases/download.",
    },
}
OTHERS = """\
## Of others

| variable | what it is |
|---|---|
| Google's application-default credentials | for the `gcp` provider, for access lists, for Secret Manager |
| `PULUMI_CONTINUE_ON_ERROR=true` | one rejected connector does not stop the others; `make env` sets it |
| `PULUMI_PARALLEL_DIFF=true` | the engine asks for several differences at once. `reconciler review` sets it for its \
previews. Not for `pulumi up`: one failed resource would end the run for all others (decision 61) |
| `PULUMI_PARALLEL` | how many resources the engine works on at once; `make env` sets 16 |
| `PULUMI_HOME`, `PULUMI_CREDENTIALS_PATH` | where the engine keeps plugins and logins. `make env` names links to \
yours, without the engine's log, which takes up to half of its time; set `PULUMI_HOME` before to keep the log |
| `PULUMI_PYTHON_CMD` | what the engine starts as Python. `make env` names `tools/engine-python`, \
which answers its question for packages without pip; set it before to keep yours |
| `GOGC` | how often Go programs collect garbage; `make env` sets 200, which is half as often as usual |
| each variable that a reference `{env: NAME}` names | the secret, only in runs that write |

`reconciler simulate` prints the variables that point Pulumi and the program at the local services.
"""


def main(arguments: Sequence[str]) -> int:
    """Write the pages and the schema, or with `--check` report stale ones."""
    stale = stale_files()
    if "--check" in arguments and stale:
        names = ", ".join(str(file.relative_to(ROOT)) for file, _ in stale)
        print(f"stale: {names}\n    Run `make reference`", file=sys.stderr)
        return 1
    for file, text in stale:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return 0


def stale_files() -> list[tuple[Path, str]]:
    """Return the pages and schemas that are not what the code says, with their new text."""
    files = {REFERENCE / name: text for name, text in pages().items()}
    files |= {editor_schema.FILE: editor_schema.editor_schema_text(), completion.TABLE: completion_text()}
    return [
        (file, text) for file, text in files.items() if not file.exists() or file.read_text(encoding="utf-8") != text
    ]


def completion_text() -> str:
    """Return what the shell's completion knows of the commands."""
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in COMMANDS}
    table = {name: completion.describe(found) for name, found in commands.items() if found is not None}
    lines = (f"  {json.dumps(name)}: {json.dumps(content)}" for name, content in table.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def pages() -> dict[str, str]:
    """Return the text of every page."""
    return {
        "unit.md": schema_page("unit", "Keys of a unit's file", "connectors/<environment>/<unit>.yaml"),
        "environment.md": schema_page(
            "environment", "Keys of environment.yaml", "connectors/<environment>/environment.yaml"
        ),
        "commands.md": commands_page(),
        "environment-variables.md": variables_page(),
    }


# Schemas


def schema_page(kind: schemas.Kind, title: str, file: str) -> str:
    """Return the page of a schema: a table for each mapping, the outermost first."""
    schema = schemas.schema(kind)
    parts = [f"# {title}", NOTE, f"`{file}`. {schema['description']}"]
    for path, mapping in _mappings(schema, schema, ()):
        required = set(mapping.get("required", ()))
        heading = f"## `{'.'.join(path)}`" if path else "## Top level"
        text = mapping.get("description", "") if path else ""
        rows = ["| key | value | what it is |", "|---|---|---|"]
        for key, value in _keys(schema, mapping):
            name = f"`{key}`" + (", required" if key in required else "")
            rows.append(f"| {name} | {_value(schema, value)} | {_cell(_text(value))} |")
        parts += [heading, *([text] if text else []), "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _resolve(schema: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with the target of its `$ref`. Its own keys override those of the target."""
    resolved = dict(part)
    while (reference := resolved.pop("$ref", None)) is not None:
        target = schema["$defs"][reference.removeprefix("#/$defs/")]
        resolved = {**target, **resolved}
    return resolved


def _keys(schema: Mapping[str, Any], mapping: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in mapping.get("properties", {}).items():
        yield key, _resolve(schema, value)
    for value in mapping.get("patternProperties", {}).values():
        yield "<name>", _resolve(schema, value)
    if isinstance(mapping.get("additionalProperties"), dict):
        yield "<name>", _resolve(schema, mapping["additionalProperties"])


def _mappings(
    schema: Mapping[str, Any], part: Mapping[str, Any], path: tuple[str, ...], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every mapping with keys, with its path; recursive types once."""
    here = _resolve(schema, part)
    references = above + ((part["$ref"],) if "$ref" in part else ())
    if part.get("$ref") in above:
        return
    if any(True for _ in _keys(schema, here)):
        yield path, here
    children = {**here.get("properties", {})}
    for value in here.get("patternProperties", {}).values():
        children["<name>"] = value
    if isinstance(here.get("additionalProperties"), dict):
        children["<name>"] = here["additionalProperties"]
    for key, value in children.items():
        yield from _mappings(schema, value, (*path, key), references)
    if isinstance(here.get("items"), dict):
        yield from _mappings(schema, here["items"], (*path[:-1], f"{path[-1]}[]"), references)


def _value(schema: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """Describe the allowed values in a few words."""
    if "enum" in part:
        words = [f"`{format_on_one_line(each)}`" for each in part["enum"]]
        return ", ".join(words) if len(words) <= 12 else f"{words[0]} to {words[-1]}"
    types = part.get("type", "any")
    names = [types] if isinstance(types, str) else list(types)
    plain = {"object": "mapping", "array": "list", "string": "text", "integer": "whole number"}
    shown = " or ".join(plain.get(each, each) for each in names)
    if names == ["array"] and isinstance(part.get("items"), dict):
        item = _resolve(schema, part["items"])
        kind = item.get("type", "any")
        shown = f"list of {plain.get(kind, kind)}s" if isinstance(kind, str) else "list"
    return shown


def _text(part: Mapping[str, Any]) -> str:
    text = str(part.get("description", part.get("title", "")))
    if "default" in part:
        text += f" Default: `{format_on_one_line(part['default'])}`."
    examples = [each for each in part.get("examples", ()) if not isinstance(each, str) or "\n" not in each]
    if examples:
        text += f" Example: `{format_on_one_line(examples[0])}`."
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# Commands


def commands_page() -> str:
    """Return the page of the command line."""
    parts = [
        "# Commands",
        NOTE,
        "`-e` and `--specs` may stand before a command too. `-e` may be left out where there is one environment.",
        "## Exit codes",
        "\n".join(["| code | meaning |", "|---|---|", *_exit_codes()]),
    ]
    for name in COMMANDS:
        found = cli.get_command(click.Context(cli), name)
        assert found is not None  # noqa: S101 (it is in COMMANDS)
        parts += _command(name, found)
    return "\n\n".join(parts) + "\n"


def _exit_codes() -> Iterator[str]:
    meanings = {
        Exit.FINE: "done, nothing found",
        Exit.FINDINGS: "findings: something needs attention",
        Exit.USAGE: "wrong usage",
        Exit.REMOTE_FAILED: "Fivetran or Google failed",
        Exit.TIMED_OUT: "`status --wait`: not ready in time",
    }
    for code in Exit:
        yield f"| {int(code)} | {meanings[code]} |"


def _command(name: str, command: click.Command) -> list[str]:
    parts = [f"## `reconciler {name}`"]
    arguments = [_metavar(each) for each in command.params if isinstance(each, click.Argument)]
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    parts += [" ".join(each.split()) for each in paragraphs]
    parts.append("Usage: `" + " ".join(["reconciler", name, "[OPTIONS]", *arguments]) + "`")
    rows = [_option(each) for each in command.params if isinstance(each, click.Option)]
    if rows:
        parts.append("\n".join(["| option | what it does |", "|---|---|", *rows]))
    if isinstance(command, click.Group):
        for sub, each in command.commands.items():
            parts += _command(f"{name} {sub}", each)
    return parts


def _metavar(argument: click.Argument) -> str:
    return argument.make_metavar(click.Context(cli))


def _option(option: click.Option) -> str:
    shown = ", ".join(f"`{each}`" for each in sorted(option.opts, key=len))
    if not option.is_flag:
        shown += f" `{option.make_metavar(click.Context(cli))}`"
    text = (option.help or "").replace("  [default:", " [default:")
    found = re.search(r" \[default: (.*)\]$", text)
    if found:
        text = text[: found.start()] + f" Default: {found[1]}."
    elif isinstance(option.show_default, str):
        text += f" Default: {option.show_default}."
    elif option.show_default and option.default is not None:
        text += f" Default: `{option.default}`."
    if option.show_envvar and option.envvar:
        text += f" Variable: `{option.envvar}`."
    return f"| {_cell(shown)} | {_cell(text)} |"


# Variables


def variables_page() -> str:
    """Return the page of environment variables. Raises ValueError if the table and the code differ."""
    described = {name for group in VARIABLES.values() for name in group}
    named = named_variables()
    if described != named:
        raise ValueError(f"VARIABLES in {Path(__file__).name} and the code differ: {sorted(described ^ named)}")
    parts = ["# Environment variables", NOTE]
    for group, variables in VARIABLES.items():
        rows = [f"| `{name}` | {_cell(text)} |" for name, text in variables.items()]
        parts += [f"## {group}", "\n".join(["| variable | what it is |", "|---|---|", *rows])]
    return "\n\n".join([*parts, OTHERS])


_VARIABLE = re.compile(
    r"^(?:RECONCILER|FIVETRAN)_(?!NAMING|SERVICE)[A-Z_]+$|^GOOGLE_[A-Z_]+_CUSTOM_ENDPOINT$|^BIGQUERY_EMULATOR_HOST$"
    r"|^GITHUB_(?:TOKEN|REPOSITORY|API_URL)$|^AIRFLOW_(?:TOKEN|USERNAME|PASSWORD)$"
    r"|^STORAGE_EMULATOR_HOST$|^GOOGLE_(?:CREDENTIALS|OAUTH_ACCESS_TOKEN)$"
)
#: How such a name begins. Most files have none, and need not be parsed.
_PREFIX = re.compile("(RECONCILER|FIVETRAN|GOOGLE|BIGQUERY|GITHUB|AIRFLOW|STORAGE)_")


def named_variables() -> set[str]:
    """Return the variables of ours, Fivetran's, Airflow's, GitHub's and for local Google services."""
    found: set[str] = set()
    for folder in (ROOT / "infra" / "reconciler", ROOT / "tools"):
        for file in folder.rglob("*.py"):
            if file == Path(__file__).resolve():
                continue
            text = file.read_text(encoding="utf-8")
            if not _PREFIX.search(text):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found |= set(_VARIABLE.findall(node.value))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
