"""`reconciler move`: move units to another stack of their environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import yaml

from reconciler.cli import Exit
from reconciler.cli.edit_files import is_terminal
from reconciler.cli.local_stacks import INSTALL, PROJECT_FILE, find_project
from reconciler.cli.masked_output import mask_google_message
from reconciler.cli.options import environment_option, specs_option, today_option
from reconciler.cli.output import print_note, print_text
from reconciler.cli.progress import progress
from reconciler.cli.run_program import run_to_end
from reconciler.cli.write_files import replace_file
from reconciler.config import Loaded, load
from reconciler.config.build.to_yaml import fit_schema_comment
from reconciler.git.repository import Repository
from reconciler.google.storage import StateBucket
from reconciler.lifecycle.airflow import variable_of
from reconciler.model import Fleet, Unit, commands
from reconciler.model.commands import count
from reconciler.model.errors import InvalidSpecs, ReconcilerError, RemoteError
from reconciler.state.move_units import Movable, State, move_units

#: How Pulumi reports a stack that was never created.
_UNKNOWN = ("no stack named", "unknown stack")


@dataclass(frozen=True)
class _File:
    """A unit's file, where it is and where it goes."""

    unit: Unit
    path: Path
    shown: str
    to: Path
    shown_to: str

    @property
    def stays(self) -> bool:
        """Whether it is there already."""
        return self.path == self.to


@click.command()
@specs_option
@today_option
@environment_option
@click.option("--to", "stack", required=True, metavar="STACK", help="The stack to move them to: prod, or prod.FOLDER.")
@click.option("--yes", "-y", is_flag=True, help="Move them without asking.")
@click.argument("units", nargs=-1, required=True)
def move(specs: Path, day: date, environment: str | None, stack: str, *, yes: bool, units: tuple[str, ...]) -> int:
    """Move units to another stack of their environment: their resources in state, and their files.

    Nothing is created, changed or deleted in Fivetran or BigQuery, and ids stay. The command first writes the state of
    the stack that gets the units, then that of the stack that had them, and then moves the files with git. If it is
    killed in between, no run of either stack creates or deletes the units. Run it again: it does what is left, also
    where only the files or only the states were changed.

    Needs access to the states of both stacks, as `pulumi stack export` and `pulumi stack import` do. No run of either
    stack may be under way.

    Exit codes: 0 done; 1 the files would have problems; 2 wrong usage, or a stack is locked or was never applied;
    3 Pulumi failed.
    """
    if environment not in (None, stack.partition(".")[0]):
        raise click.UsageError(f"{stack} is not a stack of {environment}: leave out --environment")
    loaded = load(specs, Path.cwd(), day)
    loaded.stack(stack)
    fleet = loaded.fleet(stack.partition(".")[0])
    files = [_file(specs, fleet, stack, name) for name in dict.fromkeys(units)]
    _require_valid(specs, day, loaded, files)
    _require_movable(files)
    with progress("Reading states"):
        exported = {stack: _export(stack)}
        if exported[stack] is None:
            step = commands.pulumi("stack init", stack, environment=stack).replace(f" --stack {stack}", "")
            raise ReconcilerError(f"there is no stack {stack}\n    Create it: {step}, then {commands.up(stack)}.")
        found = _find(fleet, stack, files, exported)
    moves = [each for each in files if not each.stays]
    if not moves and not any(found.values()):
        print_note(f"nothing to move: {stack} has {', '.join(each.unit.name for each in files)}")
        return Exit.FINE
    for source, held in found.items():
        print_text(f"state: {', '.join(each.name for each in held)}: {source} → {stack}")
    for each in moves:
        print_text(f"file: {each.shown} → {each.shown_to}")
    _require_unlocked([stack, *found])
    if not yes and not is_terminal():
        print_note("not moved: the command cannot ask, because stdin is not a terminal. Add --yes to move them")
        return Exit.FINE
    if not yes and not click.confirm("Move them?", default=False, err=True):
        print_note("not moved")
        return Exit.FINE
    for source, held in found.items():
        _move_state(source, stack, held, exported)
    for each in moves:
        _move_file(each)
    print_note(f"moved {count(len(files), 'unit')} to {stack}")
    previews = [commands.pulumi("preview", "--expect-no-changes", environment=each) for each in (stack, *found)]
    print_note(f"    Check that nothing is left to change: {' and '.join(previews)}.")
    return Exit.FINE


def _file(specs: Path, fleet: Fleet, stack: str, name: str) -> _File:
    environment, _, folder = stack.partition(".")
    stem = Path(name).name.removesuffix(".yaml")
    unit = next((unit for unit in fleet.units if unit.name == stem), None)
    if unit is None:
        raise click.UsageError(f"no unit {name!r} in {environment}: a unit's name is the stem of its file")
    own = specs / environment
    path = own / unit.folder / f"{stem}.yaml"
    to = path if fleet.stack_of(unit) == stack else own / folder / f"{stem}.yaml"
    top = Path(fleet.environment.file).parent
    return _File(unit, path, unit.file, to, unit.file if to == path else (top / folder / f"{stem}.yaml").as_posix())


def _require_valid(specs: Path, day: date, loaded: Loaded, files: Sequence[_File]) -> None:
    """Raise `InvalidSpecs` with the problems that the files would have where they go."""
    edited: dict[Path, bytes | None] = {}
    for each in files:
        if not each.stays:
            edited |= {each.path: None, each.to: each.path.read_bytes()}
    if edited and (problems := load(specs, Path.cwd(), day, edited).problems) != loaded.problems:
        raise InvalidSpecs(problems)


def _require_movable(files: Sequence[_File]) -> None:
    """Check that the files are committed, so that git can undo the move, and that nothing is in their way."""
    for each in files:
        if each.stays:
            continue
        if each.to.exists() or each.to.is_symlink():
            raise ReconcilerError(f"{each.shown_to}: the file exists already\n    Rename one of the two units.")
        state = Repository(each.path.parent).state_of(each.path.name)
        if state in {"changed", "untracked"}:
            raise ReconcilerError(
                f"{each.shown}: the file has changes that are not committed\n    Commit or undo them first."
            )


def _find(
    fleet: Fleet, stack: str, files: Sequence[_File], exported: dict[str, Mapping[str, Any] | None]
) -> dict[str, list[Movable]]:
    """Return the units by the stack whose state has them; those that the target alone has are in none."""
    found: dict[str, list[Movable]] = {}
    left = {each.unit.name: each for each in files}
    likely = [fleet.stack_of(each.unit) for each in files]
    for source in dict.fromkeys([*likely, *fleet.environment.all_stacks]):
        if source == stack or not left:
            continue
        exported[source] = content = _export(source)
        if content is None:
            continue
        state = State(source, content)
        for name, file in list(left.items()):
            if (held := _held(file.unit, state)) is not None:
                found.setdefault(source, []).append(_movable(left.pop(name), held))
    has = State(stack, exported[stack] or {})
    missing = [name for name, file in left.items() if _held(file.unit, has) is None]
    if missing:
        raise ReconcilerError(
            f"no state has {', '.join(missing)}: {'it was' if len(missing) == 1 else 'they were'} never applied\n"
            "    Move the file by hand; the next run creates what it declares."
        )
    return found


def _held(unit: Unit, state: State) -> str | None:
    """Return the name that a state has a unit under: its former one until a run has renamed it."""
    return next((name for name in (unit.name, unit.formerly) if name in state.units), None)


def _movable(file: _File, name: str) -> Movable:
    connector = file.unit.connector
    function, variable = (connector.function, variable_of(connector)) if connector else (None, None)
    functions = {f"{function.project}/{function.region}/{function.name}"} if function else set()
    return Movable(name, file.shown_to, frozenset(functions), frozenset({variable} if variable else ()))


def _move_state(
    source: str, target: str, units: Sequence[Movable], exported: dict[str, Mapping[str, Any] | None]
) -> None:
    """Write both states, unless another process has written one of them meanwhile."""
    losing, getting = (State(each, exported[each] or {}) for each in (source, target))
    with_units, without = move_units(losing, getting, units)
    for stack, content in ((target, with_units), (source, without)):
        if _export(stack) != exported[stack]:
            raise ReconcilerError(f"another run changed the state of {stack} just now\n    Run the command again.")
        with progress(f"Writing the state of {stack}"):
            _pulumi("stack", "import", "--stack", stack, stdin=json.dumps(content))
        exported[stack] = _export(stack)


def _export(stack: str) -> Mapping[str, Any] | None:
    """Return a stack's state with its secrets, which stay in this process; None if there is no such stack."""
    try:
        printed = _pulumi("stack", "export", "--show-secrets", "--stack", stack)
    except RemoteError as error:
        if any(text in str(error) for text in _UNKNOWN):
            return None
        raise
    try:
        content = json.loads(printed)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RemoteError(f"{commands.pulumi('stack export', environment=stack)} printed no JSON")
    return content


def _require_unlocked(stacks: Sequence[str]) -> None:
    project = find_project(Path.cwd())
    if project is None:
        raise ReconcilerError("no Pulumi project here\n    Run the command in the repository.")
    name = str(yaml.safe_load((project / PROJECT_FILE).read_text(encoding="utf-8"))["name"])
    url = str(json.loads(_pulumi("whoami", "--json"))["url"])
    locked = [stack for stack in stacks if any(_locks(url, f".pulumi/locks/organization/{name}/{stack}"))]
    if locked:
        raise ReconcilerError(
            f"{' and '.join(locked)} {'is' if len(locked) == 1 else 'are'} locked by a run\n    Wait for it to end, or "
            f"after a killed run: {' and '.join(f'`make recover STACK={stack}`' for stack in locked)}."
        )


def _locks(url: str, folder: str) -> Iterator[str]:
    """Yield the locks in a folder of the backend. Of Pulumi Cloud none: it rejects the import itself."""
    if url.startswith("file://"):
        root = Path(url.removeprefix("file://").partition("?")[0]).expanduser()
        yield from (each.name for each in (root / folder).glob("*.json"))
    elif url.startswith("gs://"):
        with StateBucket(url) as bucket:
            yield from (each.name for each in bucket.list(folder))


def _move_file(file: _File) -> None:
    file.to.parent.mkdir(exist_ok=True)
    raw = file.path.read_bytes()
    is_free = Repository(file.path.parent).state_of(file.path.name) == "free"
    if is_free:
        file.path.replace(file.to)
    else:
        Repository(Path.cwd()).run("mv", "--", str(file.path), str(file.to))
    if (fitted := fit_schema_comment(raw, file.path.parent, file.to.parent)) != raw:
        replace_file(file.to, fitted)
        if not is_free:
            Repository(Path.cwd()).run("add", "--", str(file.to))


def _pulumi(*arguments: str, stdin: str = "") -> str:
    words = ["pulumi", *arguments, "--non-interactive"] if arguments[0] == "stack" else ["pulumi", *arguments]
    command = commands.shell(*words)
    try:
        done = run_to_end(words, stdin=stdin, capture=True, errors=True)
    except OSError as error:
        raise ReconcilerError(f"{command}: {error.strerror}\n    {INSTALL}") from None
    if done.returncode != 0:
        raise RemoteError(f"{command} failed: {mask_google_message(done.stderr.strip() or done.stdout.strip())}")
    return done.stdout
