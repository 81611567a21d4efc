"""Create Pulumi stacks in a local backend, for `reconciler simulate`, without writing to the checkout.

Pulumi stores a stack's salt in `Pulumi.<stack>.yaml`, on `stack init` or on the first run that does not find it.
`PULUMI_OPTION_CONFIG_FILE` makes commands read another file, but only one for all stacks, and `stack init` ignores it.
So this module creates the stacks in a copy of the project, with one salt, and runs use the copy of the settings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from reconciler.config import SPECS
from reconciler.model.errors import ReconcilerError
from reconciler.yaml_text.writer import format_yaml

PROJECT_FILE = "Pulumi.yaml"
#: How `pulumi` comes on PATH.
INSTALL = 'Put it on PATH with `eval "$(make -s env)"`.'
SPECS_VARIABLE = "RECONCILER_SPECS"
#: It encrypts only values of the simulators.
PASSPHRASE = "simulator"  # noqa: S105
_TIMEOUT_S = 60
#: The settings by which a stack's secrets are encrypted.
_ENCRYPTION = frozenset({"secretsprovider", "encryptedkey", "encryptionsalt"})


def make_home(folder: Path) -> Path:
    """Make a home for the CLI in which it keeps no log, on which it spends up to half of its time."""
    folder.mkdir()
    # The CLI wants a folder of this name, and goes on without a log where it cannot have it.
    (folder / "logs").symlink_to(os.devnull)
    return folder


def find_project(start: Path) -> Path | None:
    """Return the nearest folder from `start` upwards that has a Pulumi project, as Pulumi finds it."""
    return next((folder for folder in (start, *start.parents) if (folder / PROJECT_FILE).is_file()), None)


def specs_variable(specs: Path) -> dict[str, str]:
    """Return the variable that names the specs folder, unless the Pulumi program finds it anyway."""
    default = (find_project(Path.cwd()) or Path.cwd()) / SPECS
    return {} if specs.resolve() == default.resolve() else {SPECS_VARIABLE: str(specs.resolve())}


def shared_settings(project: Path, stacks: Iterable[str]) -> Mapping[str, object]:
    """Return the settings that all these stacks share, without what the key of each stack encrypts.

    Raises `ReconcilerError` if their files differ, since Pulumi reads only one.
    """
    files = [project / f"Pulumi.{stack}.yaml" for stack in stacks]
    contents = [_without_secrets(_read(file)) for file in files if file.is_file()]
    if any(content != contents[0] for content in contents):
        names = ", ".join(file.name for file in files)
        raise ReconcilerError(
            f"{names} differ, but the local stacks share one settings file: choose a stack with --stack"
        )
    return contents[0] if contents else {}


def create_stacks(
    project: Path,
    stacks: Iterable[str],
    state_dir: Path,
    environment: Mapping[str, str],
    config: Mapping[str, str] | None = None,
    *,
    inherited: Mapping[str, str] = os.environ,
) -> Path:
    """Create the stacks that the backend lacks, and return the settings file to run them with.

    Args:
        project: The folder of the Pulumi project.
        stacks: The names of the stacks.
        state_dir: The folder for the settings file.
        environment: The variables that name the backend. `pulumi` has to be on PATH.
        config: Values for the settings, by key; a key without a namespace is the project's.
        inherited: The variables that `pulumi` gets besides.

    Raises:
        ReconcilerError: Pulumi failed; with its message.
    """
    stacks = tuple(stacks)
    settings_file = state_dir / "settings.yaml"
    if not settings_file.exists():
        settings = _with_config(shared_settings(project, stacks), project, config or {})
        settings_file.write_text(format_yaml(settings), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="reconciler-stacks-") as scratch:
        copy = Path(scratch)
        shutil.copy(project / PROJECT_FILE, copy)
        # A Pulumi home of its own, so that the user's selected stack stays selected.
        variables = {**inherited, **environment, "PULUMI_HOME": str(make_home(copy / "home"))}
        variables.pop("PULUMI_STACK", None)
        for stack in stacks:
            own = copy / f"Pulumi.{stack}.yaml"
            shutil.copy(settings_file, own)
            _pulumi("stack", "select", "--create", stack, cwd=copy, environment=variables)
            shutil.copy(own, settings_file)
    return settings_file


def _without_secrets(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings without what is encrypted by a key of the real stacks."""
    config = settings.get("config")
    plain = {key: value for key, value in config.items() if not _is_secret(value)} if isinstance(config, dict) else {}
    kept = {key: value for key, value in settings.items() if key not in _ENCRYPTION}
    return {**kept, "config": plain} if plain else {key: value for key, value in kept.items() if key != "config"}


def _is_secret(value: object) -> bool:
    if isinstance(value, dict):
        return "secure" in value or any(_is_secret(each) for each in value.values())
    return isinstance(value, list) and any(_is_secret(each) for each in value)


def _with_config(settings: Mapping[str, object], project: Path, config: Mapping[str, str]) -> dict[str, object]:
    if not config:
        return dict(settings)
    name = _read(project / PROJECT_FILE).get("name")
    has = settings.get("config")
    named = {key if ":" in key else f"{name}:{key}": value for key, value in config.items()}
    return {**settings, "config": {**(has if isinstance(has, dict) else {}), **named}}


def _pulumi(*arguments: str, cwd: Path, environment: Mapping[str, str]) -> None:
    command = ["pulumi", *arguments, "--non-interactive"]
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ReconcilerError(f"{' '.join(command)}: no answer in {_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise ReconcilerError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")


def _read(file: Path) -> Mapping[str, object]:
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ReconcilerError(f"{file.name}: cannot be read: {error}") from None
    if content is not None and not isinstance(content, dict):
        raise ReconcilerError(f"{file.name}: not a mapping")
    return content or {}
