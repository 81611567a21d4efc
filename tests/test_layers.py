"""Imports run one way, between packages and between modules. CONTRIBUTING.md describes each package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter

from tests.sources import ROOT, Source, sources, tree

#: The packages from the bottom up. A module imports from its own package and from those before it.
ORDER = (
    "reconciler.model",
    "reconciler.yaml_text",
    "reconciler.lifecycle",
    "reconciler.http",
    "reconciler.google.rest",
    "reconciler.secrets",
    "reconciler.airflow",
    "reconciler.fivetran.api",
    "reconciler.fivetran.enum_spelling",
    "reconciler.fivetran.catalog",
    "reconciler.fivetran.config_diff",
    "reconciler.fivetran",
    "reconciler.google.iam",
    "reconciler.google.bigquery.access",
    "reconciler.google",
    "reconciler.health",
    "reconciler.config",
    "reconciler.estate",
    "reconciler.etl",
    "reconciler.importer",
    "reconciler.sdk",
    "reconciler.resources.run",
    "reconciler.resources.operation",
    "reconciler.resources.adoption",
    "reconciler.resources.settings",
    "reconciler.resources.failures",
    "reconciler.resources.package",
    "reconciler.resources.activation",
    "reconciler.resources.connection",
    "reconciler.resources.destination",
    "reconciler.resources.access",
    "reconciler.resources.dataset",
    "reconciler.resources.iam",
    "reconciler.resources",
    "reconciler.plan",
    "reconciler.stack",
    "reconciler.state",
    "reconciler.review",
    "reconciler.edits",
    "reconciler.git",
    "reconciler.github",
    "simulator",
    "reconciler.cli",
    "bootstrap",
)

#: The packages that may import Pulumi. The simulator speaks its provider protocol, with Pulumi's generated messages.
PULUMI = ("reconciler.sdk", "reconciler.resources", "reconciler.plan", "reconciler.stack", "simulator", "bootstrap")


@cache
def imports() -> tuple[tuple[str, str], ...]:
    """Every import in `infra`, wherever it stands in a file: the module that imports, and what."""
    return tuple(_imports())


def _imports() -> Iterator[tuple[str, str]]:
    for source in sources("infra"):
        module = module_of(source)
        for node in source.imports if module != "__main__" else ():
            if isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)
            else:
                assert node.level == 0, f"{source.path}: imports are absolute"
                yield from ((module, f"{node.module}.{alias.name}") for alias in node.names)


def module_of(source: Source) -> str:
    """Return the dotted name of a file of `infra`."""
    return source.path.removeprefix("infra/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def imported_modules() -> dict[str, set[str]]:
    """Return the modules of `infra` that each of them imports, in functions and for types too."""
    found: dict[str, set[str]] = {module_of(source): set() for source in sources("infra")}
    for module, imported in imports():
        other = imported
        while other and other not in found:
            other = other.rpartition(".")[0]
        if other not in ("", module):
            found[module].add(other)
    return found


def package_of(module: str) -> str | None:
    """The entry of `ORDER` that a module belongs to: the longest that it begins with."""
    found = [package for package in ORDER if f"{module}.".startswith(f"{package}.")]
    return max(found, key=len) if found else None


def test_imports_run_one_way():
    wrong = []
    for module, imported in imports():
        package, other = package_of(module), package_of(imported)
        if other is None or package == other or module == "reconciler":
            continue
        assert package is not None, f"{module} is in no package of ORDER"
        apart = package in {"simulator", "bootstrap"} or (other == "simulator" and package != "reconciler.cli")
        if apart or ORDER.index(other) > ORDER.index(package):
            wrong.append(f"{module} imports {imported}")
    try:
        TopologicalSorter(imported_modules()).prepare()
    except CycleError as error:
        wrong.append(" is imported by ".join(error.args[1]))
    assert wrong == []


def test_pulumi_is_imported_only_where_resources_are():
    users = {module for module, imported in imports() if imported.split(".")[0] in {"pulumi", "pulumi_gcp"}}
    assert {module for module in users if not f"{module}.".startswith(tuple(f"{each}." for each in PULUMI))} == set()


def test_unit_tests_have_a_folder_for_each_package():
    packages = {file.parent.name for file in (ROOT / "infra" / "reconciler").glob("*/__init__.py")}
    folders = {
        file.parent.relative_to(ROOT / "tests" / "unit").parts[0]
        for file in (ROOT / "tests" / "unit").glob("*/**/*.py")
    }
    assert folders == packages | {"bootstrap", "simulator", "tools"}


def test_http_server_is_imported_by_the_simulator_alone():
    users = {module.split(".")[0] for module, imported in imports() if imported.split(".")[0] == "aiohttp"}
    assert users == {"simulator"}, "a production install has no aiohttp"


def test_yaml_is_written_by_one_module():
    dumpers = "dump|dump_all|safe_dump|safe_dump_all|emit|serialize|serialize_all"
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources("infra")
        if source.path.startswith("infra/reconciler/")
        if re.search(rf"\byaml\s*\.\s*({dumpers})\b", source.text)
        for node in ast.walk(tree(source))
        if isinstance(node, ast.Attribute) and node.attr in dumpers.split("|")
        if isinstance(node.value, ast.Name) and node.value.id == "yaml"
    ]
    assert found == []
