"""`reconciler simulate`: a local Fivetran, Google Cloud and Secret Manager, and the variables that point to them."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.local_stacks import PASSPHRASE, find_project, make_stacks
from reconciler.cli.options import specs_option
from reconciler.cli.placeholder_values import MadeUp
from reconciler.config import load
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError
from simulator.process import DidNotStart, Simulators, starting

_PORT = click.IntRange(0, 65535)


class _Stop(BaseException):
    """A signal asked to stop; no error, so nothing that handles errors sees it."""


@click.command()
@specs_option
@click.option("--stack", help="Make and select this stack only.  [default: one stack per environment, none selected]")
@click.option("--fivetran-port", type=_PORT, default=0, help="Port of the local Fivetran.  [default: a free one]")
@click.option("--gcp-port", type=_PORT, default=0, help="Port of the local gcp provider.  [default: a free one]")
@click.option(
    "--secret-manager-port", type=_PORT, default=0, help="Port of the local Secret Manager.  [default: a free one]"
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="ID",
    help="A GCP project that exists beside those that the files name; repeatable.",
)
@click.option("--latency-ms", type=click.IntRange(0), default=0, show_default=True, help="Added to every call.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep Pulumi's state here; what the simulators remember ends with them all the same.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write addresses and variables here, as JSON, once everything is ready.",
)
def simulate(
    *,
    specs: Path,
    stack: str | None,
    fivetran_port: int,
    gcp_port: int,
    secret_manager_port: int,
    projects: tuple[str, ...],
    latency_ms: int,
    state_dir: Path | None,
    ready_file: Path | None,
) -> int:
    """Serve a local Fivetran, Google Cloud and Secret Manager until Ctrl-C.

    Prints the variables to export. With them, plain `pulumi preview` and `pulumi up` in the repository's root work
    against the simulators: on stacks of their own, without credentials, without a network, and without a change in
    the checkout. In one line, for this shell: eval "$(reconciler simulate &)"
    """
    _require_simulator()
    with contextlib.ExitStack() as cleanup:
        try:
            _stop_on_signals()
            folder = _state_dir(state_dir, cleanup)
            server = cleanup.enter_context(
                starting(
                    fivetran_port=fivetran_port,
                    gcp_port=gcp_port,
                    secret_manager_port=secret_manager_port,
                    latency_ms=latency_ms,
                )
            )
            loaded = load(specs, Path.cwd())
            for problem in loaded.problems:
                click.echo(str(problem), err=True)
            made_up = MadeUp.of(loaded.fleets.values(), os.environ)
            variables = _pulumi_variables(loaded.environments, stack, folder, made_up.config)
            simulators = server.ready()
            made_up.make_projects(simulators.admin_url, projects)
            made_up.put_secrets(simulators.admin_url)
            made_up.deploy_functions(simulators.admin_url)
            variables = {**simulators.environment, **variables, **_specs_variable(specs), **made_up.variables}
            if ready_file is not None:
                _write_ready_file(ready_file, simulators, variables)
            _print(variables)
            click.echo(f"Serving until Ctrl-C, or kill {os.getpid()}.", err=True)
            _end_stdout()
            server.process.wait()
            click.echo("Error: the simulators ended unexpectedly", err=True)
        except DidNotStart:
            pass  # the server has said why on stderr
        except _Stop:
            return Exit.FINE
    return Exit.OTHER_SIDE_FAILED


def _stop_on_signals() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the cleaning up
        raise _Stop

    for number in numbers:
        # What the shell has ignored stays ignored: a background job shall outlive Ctrl-C at the prompt.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def _require_simulator() -> None:
    try:
        importlib.import_module("aiohttp")
    except ImportError:
        raise ReconcilerError(
            "the local services are not installed: install the extra `simulator` (pip install 'reconciler[simulator]')"
        ) from None


def _state_dir(given: Path | None, cleanup: contextlib.ExitStack) -> Path:
    if given is None:
        return Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-simulate-")))
    given.mkdir(parents=True, exist_ok=True)
    return given.resolve()


def _pulumi_variables(
    environments: Iterable[str], stack: str | None, folder: Path, config: Mapping[str, str]
) -> dict[str, str]:
    """What Pulumi and the program need besides the simulators; makes the stacks, with `config` in their settings."""
    backend = folder / "backend"
    backend.mkdir(exist_ok=True)
    variables = {
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_CONTINUE_ON_ERROR": "true",
    }
    stacks = (stack,) if stack else tuple(environments)
    project = find_project(Path.cwd())
    if project is None or shutil.which("pulumi") is None:
        missing = "no Pulumi project here" if project is None else "pulumi is not on PATH"
        init = commands.shell("pulumi", "stack", "init", "NAME")
        click.echo(f"{missing}, so no stacks were made: each needs its {init} first", err=True)
    elif stacks:
        settings = make_stacks(project, stacks, folder, variables, config)
        variables["PULUMI_OPTION_CONFIG_FILE"] = str(settings)
    if stack:
        variables["PULUMI_STACK"] = stack
    return variables


def _specs_variable(specs: Path) -> dict[str, str]:
    """Where Pulumi's program finds `specs`; nothing for the folder where it looks by itself."""
    default = (find_project(Path.cwd()) or Path.cwd()) / "connectors"
    return {} if specs.resolve() == default.resolve() else {"RECONCILER_SPECS": str(specs.resolve())}


def _write_ready_file(file: Path, simulators: Simulators, variables: Mapping[str, str]) -> None:
    """All at once: whoever waits for the file never sees half of it."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.write_text(json.dumps({**dataclasses.asdict(simulators), "environment": variables}, indent=2) + "\n")
    partial.replace(file)


def _print(variables: Mapping[str, str]) -> None:
    """The exports, for a shell to evaluate."""
    for name, value in variables.items():
        quoted = value.replace("'", "'\\''")
        click.echo(f"export {name}='{quoted}'")
    sys.stdout.flush()


def _end_stdout() -> None:
    """Nothing more is printed: a shell that reads stdout sees its end and can go on, while this process serves."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
