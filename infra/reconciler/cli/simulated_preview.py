"""Preview files against local services that hold what other files declare, without any credential.

For a pull request of a stranger: its files are compared with those of the base branch. The processes get no variable of
this one that could be a credential, and find none in a home folder. References stand for placeholder values.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import Any

from reconciler.cli.clean_up import CleanUp, cleaning_up, kill_session
from reconciler.cli.local_stacks import PASSPHRASE, create_stacks, find_project, make_home
from reconciler.cli.placeholder_values import PlaceholderValues
from reconciler.cli.simulate import require_simulator, stop_on_signals
from reconciler.cli.simulated_sources import create_sources
from reconciler.config import SPECS, Loaded, load
from reconciler.config.folder import ENVIRONMENT_FILE
from reconciler.config.yaml.read import MAX_BYTES, parse
from reconciler.model.errors import ReconcilerError, printable
from reconciler.model.today import VARIABLE as TODAY
from reconciler.yaml_text.writer import format_yaml
from simulator.process import DidNotStart, starting

#: The only variables that the engine gets from this process.
_PASSED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PULUMI_PARALLEL", "RECONCILER_REMOVALS")

#: References may name any variable. With a placeholder in one of these, a process would not start.
_NOT_REPLACED = ("PULUMI_", "PYTHON", "LD_", "DYLD_", "PIP_")

_SETTINGS = {
    "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
    "PULUMI_SKIP_UPDATE_CHECK": "1",
    "PULUMI_CONTINUE_ON_ERROR": "true",
    # The state is thrown away, so it need not be written after each step.
    "PULUMI_EXPERIMENTAL": "1",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "RECONCILER_STATE_IS_DISPOSABLE": "true",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}

_HELD = {"held_by": "fivetran"}

_TIMEOUT_S = 600
_STOP_S = 10
_MOST_LINES = 20


def preview_simulated(stack: str, specs: Path, base: Path, day: date) -> str:
    """Return the output of `pulumi preview --json`, after a run with the files of the base.

    Args:
        stack: The name of the environment, which the base need not have; or of a subfolder's stack.
        specs: The specs folder to preview.
        base: The specs folder that the local services are filled from.
        day: The date to use as today.

    Raises:
        ReconcilerError: The files of the base have problems, or the engine failed.
    """
    require_simulator()
    environment = stack.partition(".")[0]
    project = find_project(Path.cwd())
    if project is None:
        raise ReconcilerError("no Pulumi project here\n    Run the command in the repository.")
    with contextlib.ExitStack() as cleanup:
        stop_on_signals()
        folder = Path(tempfile.mkdtemp(prefix="reconciler-review-"))
        watcher = cleanup.enter_context(cleaning_up(folder))
        try:
            server = cleanup.enter_context(starting())
            # What stands for a value that Fivetran keeps. No file of a stranger can name it.
            kept = {"env": f"KEPT_BY_FIVETRAN_{token_hex(8).upper()}"}
            head_files, base_files = (
                _stage(files, folder / of, kept) for files, of in ((specs, "head"), (base, "base"))
            )
            head, before = (load(each, each.parent, day) for each in (head_files, base_files))
            has_base = environment in before.environments
            if has_base:
                _require_valid(before, environment)
            placeholders = PlaceholderValues.of([*before.fleets.values(), *head.fleets.values()], {})
            simulators = server.ready()
            placeholders.create_projects(simulators.admin_url)
            placeholders.store_secrets(simulators.admin_url)
            placeholders.create_members(simulators.admin_url)
            placeholders.deploy_functions(simulators.admin_url)
            create_sources(simulators.admin_url, [*before.fleets.values(), *head.fleets.values()])
        except DidNotStart:
            raise ReconcilerError("the local services did not start") from None
        variables = _variables(folder, day, placeholders, simulators.environment)
        engine = _Engine(project, variables, watcher)
        others = _other_stacks(before, head, stack) if has_base else frozenset()
        stacks = tuple(dict.fromkeys((environment, *sorted(others), stack)))
        settings = create_stacks(project, stacks, folder, variables, placeholders.config, inherited={})
        variables["PULUMI_OPTION_CONFIG_FILE"] = str(settings)
        for each in stacks if has_base else ():
            if each == environment and each != stack and each not in others:
                # What a subfolder's stack shares; the units of the environment's own stack take part in nothing here.
                engine.apply(_without_units(base_files, environment), each)
            elif each in before.fleet(environment).environment.all_stacks:
                engine.apply(base_files, each)
        return _with_kept_values(engine.preview(head_files, stack), kept)


class _Engine:
    """The engine, with these variables and no others."""

    def __init__(self, project: Path, variables: dict[str, str], watcher: CleanUp) -> None:
        self._project = project
        self.variables = variables
        self._watcher = watcher

    def apply(self, specs: Path, stack: str) -> None:
        """Apply the files of a specs folder to a stack."""
        code, out, err = self._run(stack, specs, "up", "--yes", "--skip-preview", "--suppress-outputs")
        if code != 0:
            lines = printable_lines(f"{out}\n{err}")[-_MOST_LINES:]
            text = "\n".join(f"    {line}" for line in lines)
            raise ReconcilerError(f"the files of --base could not be applied to the local services\n{text}")

    def preview(self, specs: Path, stack: str) -> str:
        """Return the preview of the files of a specs folder on a stack, as JSON."""
        code, out, err = self._run(stack, specs, "preview", "--json")
        if not out.lstrip().startswith("{"):
            lines = printable_lines(err or out)[-_MOST_LINES:] or [f"exit code {code}"]
            text = "\n".join(f"    {line}" for line in lines)
            raise ReconcilerError(f"the preview against the local services failed\n{text}")
        return out

    def _run(self, stack: str, specs: Path, *arguments: str) -> tuple[int, str, str]:
        command = ["pulumi", *arguments, "--stack", stack, "--non-interactive", "--color", "never"]
        variables = {**self.variables, "RECONCILER_SPECS": str(specs)}
        try:
            # A session of its own: what it starts can be found and ended with it.
            process = subprocess.Popen(
                command,
                cwd=self._project,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise ReconcilerError(
                f'pulumi: {error.strerror}\n    Put it on PATH with `eval "$(make -s env)"`.'
            ) from None
        self._watcher.watch(process.pid)
        with process:
            try:
                out, err = process.communicate(timeout=_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                raise ReconcilerError(f"pulumi {arguments[0]}: no end in {_TIMEOUT_S} s") from None
            finally:
                kill_session(process.pid)
                self._watcher.watch(None)
        return process.returncode, out, err


def printable_lines(text: str) -> list[str]:
    """Return the lines of a text that have anything in them, with control characters escaped."""
    return [printable(line.rstrip()) for line in text.splitlines() if line.strip()]


def _variables(
    folder: Path, day: date, placeholders: PlaceholderValues, simulators: Mapping[str, str]
) -> dict[str, str]:
    home, backend = folder / "home", folder / "backend"
    for each in (home, backend):
        each.mkdir()
    values = {key: value for key, value in placeholders.variables.items() if not key.startswith(_NOT_REPLACED)}
    return {
        **values,
        **{name: os.environ[name] for name in _PASSED if name in os.environ},
        **simulators,
        **_SETTINGS,
        "HOME": str(home),
        "PULUMI_HOME": str(make_home(home / "pulumi")),
        "PULUMI_BACKEND_URL": backend.as_uri(),
        TODAY: day.isoformat(),
    }


def _other_stacks(base: Loaded, head: Loaded, stack: str) -> frozenset[str]:
    """Return the other stacks of the base whose units this one gets, or whose line it removes.

    A run of this stack is rejected while they have those units.
    """
    environment = stack.partition(".")[0]
    old, new = base.fleet(environment), head.fleets.get(environment)
    if new is None:
        return frozenset()
    own = new.of_stack(stack).units
    names = {unit.name for unit in own}
    datasets = {dataset.id for unit in own for dataset in unit.all_datasets}
    ended = set(old.environment.all_stacks) - set(new.environment.all_stacks) if stack == environment else set()
    return frozenset(
        at
        for unit in old.units
        if (at := old.stack_of(unit)) != stack
        and (at in ended or unit.name in names or any(dataset.id in datasets for dataset in unit.all_datasets))
    )


def _require_valid(base: Loaded, environment: str) -> None:
    problems = base.problems_of(environment)
    if environment not in base.fleets:
        text = "\n".join(
            f"    {each.file}:{each.line}:{each.column}: {each.message}" for each in problems[:_MOST_LINES]
        )
        raise ReconcilerError(f"the files of --base have problems, so there is nothing to compare with\n{text}")


def _stage(specs: Path, folder: Path, kept: Mapping[str, str]) -> Path:
    """Copy a specs folder, so that both are named alike, and return the copy.

    Nothing exists yet that could be adopted, and Fivetran keeps no value. So units adopt nothing, and a placeholder
    stands for a value that Fivetran keeps, before and after.
    """
    staged = folder / SPECS
    shutil.copytree(specs, staged, symlinks=True)
    for file in (*staged.glob("*/*.yaml"), *staged.glob("*/*/*.yaml")):
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_BYTES:
            continue
        document, problems = parse(file.read_bytes(), environment="", name="", file=file.name)
        if document is None or problems or not isinstance(connector := document.at("connector"), dict):
            continue
        changed = _without_adoption(connector, kept)
        if changed != connector:
            file.write_text(format_yaml({**document.data, "connector": changed}), encoding="utf-8")
    return staged


def _without_units(specs: Path, environment: str) -> Path:
    """Return a copy of a specs folder that has the environment's file alone."""
    folder = specs.parent.parent / "shared" / SPECS / environment
    folder.mkdir(parents=True)
    shutil.copy(specs / environment / ENVIRONMENT_FILE, folder)
    return folder.parent


def _without_adoption(connector: Mapping[str, Any], kept: Mapping[str, str]) -> dict[str, Any]:
    return {key: _replace(value, _HELD, kept) for key, value in connector.items() if key != "adopt"}


def _with_kept_values(preview: str, kept: Mapping[str, str]) -> str:
    return json.dumps(_replace(json.loads(preview), kept, _HELD))


def _replace(node: Any, old: Mapping[str, str], new: Mapping[str, str]) -> Any:
    if node == old:
        return dict(new)
    if isinstance(node, Mapping):
        return {key: _replace(value, old, new) for key, value in node.items()}
    return [_replace(each, old, new) for each in node] if isinstance(node, list) else node
