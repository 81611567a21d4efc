"""`reconciler simulate`: serve a local Fivetran, Google Cloud and Secret Manager."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.local_stacks import PASSPHRASE, create_stacks, find_project, specs_variable
from reconciler.cli.options import specs_option
from reconciler.cli.output import close_stdout, print_note, print_text
from reconciler.cli.placeholder_values import PlaceholderValues
from reconciler.cli.write_files import write_file
from reconciler.config import load
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError
from simulator.process import DidNotStart, Simulators, starting

_PORT = click.IntRange(0, 65535)


class Stop(BaseException):
    """A signal ends the command. It is not an Exception, so that nothing handles it as an error."""


@click.command()
@specs_option
@click.option(
    "--stack",
    help="Create and select only this stack.  [default: create all stacks, select none]",
)
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
    help="A GCP project that exists besides those that the files name; repeatable.",
)
@click.option("--latency-ms", type=click.IntRange(0), default=0, show_default=True, help="The delay of every answer.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep Pulumi's state in this folder. The simulators keep theirs in memory only.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the addresses and variables to this file, as JSON, once everything is ready.",
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

    Prints the variables to export. With them, `pulumi preview` and `pulumi up` in the repository's root use the
    simulators: with stacks of their own, no credentials, no network and no change to the checkout. In one line, for
    this shell: eval "$(reconciler simulate &)"

    Exit codes: 0 ended by a signal; 2 wrong usage; 3 the simulators failed.
    """
    require_simulator()
    with contextlib.ExitStack() as cleanup:
        try:
            stop_on_signals()
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
                print_note(str(problem))
            placeholders = PlaceholderValues.of(loaded.fleets.values(), os.environ)
            variables = _pulumi_variables(loaded.stacks, stack, folder, placeholders.config)
            simulators = server.ready()
            placeholders.create_projects(simulators.admin_url, projects)
            placeholders.store_secrets(simulators.admin_url)
            placeholders.create_members(simulators.admin_url)
            placeholders.deploy_functions(simulators.admin_url)
            variables = {**simulators.environment, **variables, **specs_variable(specs), **placeholders.variables}
            if ready_file is not None:
                _write_ready_file(ready_file, simulators, variables)
            _print_exports(variables)
            print_note(f"Serving until Ctrl-C, or kill {os.getpid()}.")
            close_stdout()
            server.process.wait()
            print_note("Error: the simulators ended unexpectedly")
        except DidNotStart:
            pass  # the server has printed the reason to stderr
        except Stop:
            return Exit.FINE
    return Exit.REMOTE_FAILED


def stop_on_signals() -> None:
    """Raise `Stop` on the first signal that ends a process, so that what it started is ended too."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the cleanup
        raise Stop

    for number in numbers:
        # A signal that the shell ignores stays ignored: a background job must survive Ctrl-C at the prompt.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def require_simulator() -> None:
    """Check that the local services are installed. Raises `ReconcilerError`."""
    try:
        importlib.import_module("aiohttp")
    except ImportError:
        raise ReconcilerError(
            "the local services are not installed. Install the extra `simulator`: pip install 'reconciler[simulator]'"
        ) from None


def _state_dir(given: Path | None, cleanup: contextlib.ExitStack) -> Path:
    if given is None:
        return Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-simulate-")))
    given.mkdir(parents=True, exist_ok=True)
    return given.resolve()


def _pulumi_variables(
    all_stacks: Iterable[str], stack: str | None, folder: Path, config: Mapping[str, str]
) -> dict[str, str]:
    """Create the stacks, with `config` in their settings, and return the variables for Pulumi."""
    backend = folder / "backend"
    backend.mkdir(exist_ok=True)
    variables = {
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_CONTINUE_ON_ERROR": "true",
    }
    stacks = (stack,) if stack else tuple(all_stacks)
    project = find_project(Path.cwd())
    if project is None or shutil.which("pulumi") is None:
        missing = "no Pulumi project here" if project is None else "pulumi is not on PATH"
        init = commands.shell("pulumi", "stack", "init", "NAME")
        print_note(f"{missing}, so no stacks were created: run {init} for each first")
    elif stacks:
        settings = create_stacks(project, stacks, folder, variables, config)
        variables["PULUMI_OPTION_CONFIG_FILE"] = str(settings)
    if stack:
        variables["PULUMI_STACK"] = stack
    return variables


def _write_ready_file(file: Path, simulators: Simulators, variables: Mapping[str, str]) -> None:
    """Write the addresses and variables for the process that started this one."""
    write_file(file, json.dumps({**dataclasses.asdict(simulators), "environment": variables}, indent=2) + "\n")


def _print_exports(variables: Mapping[str, str]) -> None:
    """Print the variables for a shell to evaluate."""
    for name, value in variables.items():
        quoted = value.replace("'", "'\\''")
        print_text(f"export {name}='{quoted}'")
