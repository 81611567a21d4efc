"""Load a specs folder: a fleet for each environment without a problem, and the problems of the others."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from reconciler.config import rules
from reconciler.config.build import fleet as build
from reconciler.config.build import trust
from reconciler.config.build.packages import named_packages, read_packages, valid_packages
from reconciler.config.folder import ENVIRONMENT_FILE, Folder, SpecFile
from reconciler.config.places import Places
from reconciler.config.schema.check import check, check_kind, limit_problems
from reconciler.config.schema.schemas import Kind
from reconciler.config.specs import Specs
from reconciler.config.yaml.document import START, Document
from reconciler.config.yaml.read import parse
from reconciler.model import Fleet, Package, commands
from reconciler.model.errors import InvalidSpecs, Problem, ReconcilerError
from reconciler.model.today import today

#: The name of the specs folder, unless an option or a variable names another.
SPECS = "connectors"

#: The name that a document of an environment has, beside those of units.
_STEM = Path(ENVIRONMENT_FILE).stem


@dataclass(frozen=True)
class Loaded:
    """The result of reading a specs folder. An environment with a problem of its own has no fleet."""

    fleets: Mapping[str, Fleet]
    problems: tuple[Problem, ...]
    """Sorted by place; of a file with very many the first, and one that says how many more there are."""
    notices: tuple[Problem, ...]
    """Warnings, sorted by place; no run fails for them."""
    environments: tuple[str, ...]
    """Every environment's folder, sorted, with or without problems."""
    files: int
    """How many files were read."""
    left_out: Mapping[str, int]
    """How many problems a file has that `problems` only counts; no entry where it holds them all."""
    _folders: Mapping[str, str] = field(repr=False)
    places: Places
    """The lines of declared values in these files."""
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """By environment and name of a file, a hash of its bytes and of the files that it names."""
    named_files: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """By path below the specs folder, the names of the units that name this file: code, certificates and keys."""

    def stack(self, stack: str) -> Fleet:
        """Return what a stack declares: its environment, with the units of that stack only.

        Raises as `fleet` does, and ReconcilerError for a subfolder that its environment does not list in `stacks`.
        """
        environment, _, folder = stack.partition(".")
        fleet = self.fleet(environment)
        if folder and folder not in fleet.environment.stacks:
            known = ", ".join(fleet.environment.all_stacks)
            raise ReconcilerError(
                f"{environment} has no stack {stack!r}: its stacks are {known}\n"
                f"    Add {folder} to `stacks` in {fleet.environment.file}."
            )
        return fleet.of_stack(stack)

    @property
    def stacks(self) -> tuple[str, ...]:
        """Every stack, each environment's own before those of its subfolders."""
        fleets = ((name, self.fleets.get(name)) for name in self.environments)
        return tuple(stack for name, fleet in fleets for stack in (fleet.environment.all_stacks if fleet else (name,)))

    def problems_of(self, environment: str) -> tuple[Problem, ...]:
        """Return the problems in the environment's folder."""
        return self._in(environment, self.problems)

    def notices_of(self, environment: str) -> tuple[Problem, ...]:
        """Return the notices in the environment's folder."""
        return self._in(environment, self.notices)

    def notices_of_stack(self, stack: str) -> tuple[Problem, ...]:
        """Return the notices in the files of a stack. The environment's own one has environment.yaml."""
        environment = stack.partition(".")[0]
        others = {unit.file for unit in self.fleet(environment).units} - {unit.file for unit in self.stack(stack).units}
        others |= set() if stack == environment else {self.fleet(environment).environment.file}
        return tuple(one for one in self.notices_of(environment) if one.file not in others)

    def _in(self, environment: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        folder = self._folders.get(environment)
        return tuple(one for one in problems if folder and one.file.startswith(f"{folder}/"))

    def fleet(self, environment: str) -> Fleet:
        """Return what an environment declares.

        Raises InvalidSpecs with the environment's problems, or ReconcilerError when there is no such environment.
        """
        if environment in self.fleets:
            return self.fleets[environment]
        if environment in self.environments:
            raise InvalidSpecs(self.problems_of(environment))
        if not self.environments:
            raise InvalidSpecs(self.problems)
        raise ReconcilerError(
            f"there is no environment {environment!r}: the environments are {', '.join(self.environments)}"
        )


def load(
    specs_dir: Path,
    display_root: Path,
    day: date | None = None,
    edited: Mapping[Path, bytes | None] | None = None,
) -> Loaded:
    """Read every environment under `specs_dir`, as of a day: today by default.

    Files are named relative to `display_root` in problems and in the model when they are below it, otherwise as
    `specs_dir` was given. Another `connectors` folder, such as one with the files of a pull request, stands for the one
    in `display_root`, and its files are named like those. `edited` has the bytes of files that are not written yet, by
    their paths below `specs_dir`, with None for a deleted one. Never raises for what the files hold.
    """
    if _stands_for_own(specs_dir, display_root):
        display_root = specs_dir.absolute().parent
    folder = Folder(specs_dir, display_root, edited)
    environments, units, problems = _read_documents(folder)
    names = {
        name: frozenset(file.name for file in folder.files if file.environment == name and file.name != _STEM)
        for name in units
    }
    every_unit = [unit for of_one in units.values() for unit in of_one.values()]
    packages = read_packages(specs_dir, every_unit, edited)
    trust_files = trust.read_files(specs_dir, every_unit, edited)
    specs = Specs(environments, units, names, day or today(), packages, trust_files)
    problems += rules.problems(specs)
    notices = tuple(sorted(rules.notices(specs), key=_place))
    folders = {name: folder.shown(specs_dir / name) for name in folder.environments}
    faulty = {name for name, path in folders.items() if any(p.file.startswith(f"{path}/") for p in problems)}
    fleets = {
        name: build.fleet(environments[name], units[name], valid_packages(packages, name), trust_files)
        for name in folder.environments
        if name not in faulty
    }
    for fleet in fleets.values():
        for unit in fleet.units:
            if unit.folder:
                commands.remember_subfolder(unit.file, fleet.environment.name, fleet.stack_of(unit))
    shown, left_out = limit_problems(sorted(problems, key=_place))
    sources: dict[str, dict[str, str]] = {name: {} for name in folder.environments}
    for file in folder.files:
        read = units[file.environment].get(file.name)
        sources[file.environment][file.name] = _hash(file, read, packages, trust_files)
    return Loaded(
        fleets,
        shown,
        notices,
        tuple(folder.environments),
        len(folder.files),
        left_out,
        folders,
        Places(display_root),
        sources,
        _named_files(every_unit),
    )


def _read_documents(folder: Folder) -> tuple[dict[str, Document], dict[str, dict[str, Document]], list[Problem]]:
    """Return the environments, their units by name, and what is wrong with each file alone."""
    problems = list(folder.problems)
    environments: dict[str, Document] = {}
    units: dict[str, dict[str, Document]] = {name: {} for name in folder.environments}
    files: dict[tuple[str, str], str] = {}
    for file in folder.files:
        document, found = parse(
            file.raw, environment=file.environment, name=file.name, file=file.file, folder=file.folder
        )
        problems += found
        first = files.setdefault((file.environment, file.name), file.file)
        if first != file.file:
            message = f"{file.environment} has another unit of this name: {first}"
            problems.append(Problem(file.file, *START, message, "rename one of the files"))
            continue
        if document is None:
            continue
        kind: Kind = "environment" if file.name == _STEM else "unit"
        if problem := check_kind(document, kind):
            problems.append(problem)
            continue
        problems += check(document, kind)
        if kind == "environment":
            environments[file.environment] = document
        else:
            units[file.environment][file.name] = document
    return environments, units, problems


def _hash(
    file: SpecFile,
    unit: Document | None,
    packages: Mapping[tuple[str, str], object],
    trust_files: Mapping[tuple[str, str], object],
) -> str:
    """Return a hash of a file's bytes, and of those of the files that its unit names."""
    digest = hashlib.sha256(file.raw)
    if unit is not None and isinstance(connector := unit.at("connector"), dict):
        package = packages.get((file.environment, str(connector.get("package"))))
        if isinstance(package, Package):
            digest.update(package.sha256.encode())
        for name in sorted(trust.named_files([unit])) if "trust" in connector else ():
            digest.update(str(trust_files[name]).encode())
    return digest.hexdigest()


def _named_files(units: Iterable[Document]) -> Mapping[str, frozenset[str]]:
    """Return the files beside units that they name, with the names of those units."""
    named: dict[str, set[str]] = defaultdict(set)
    for unit in units:
        for environment, path in (*named_packages([unit]), *trust.named_files([unit])):
            named[f"{environment}/{path}"].add(unit.name)
    return {path: frozenset(names) for path, names in named.items()}


def _stands_for_own(specs_dir: Path, display_root: Path) -> bool:
    """Return whether a specs folder outside the checkout takes the place of the checkout's own."""
    outside = not specs_dir.absolute().is_relative_to(display_root.absolute())
    return outside and specs_dir.absolute().name == SPECS and (display_root / SPECS).is_dir()


def _place(problem: Problem) -> tuple[str, int, int, str, str]:
    return problem.file, problem.line, problem.column, problem.message, problem.hint or ""
