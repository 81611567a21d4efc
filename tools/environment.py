"""Print the shell commands that put this checkout's tools first on PATH (`make env`).

Installs the Pulumi engine if there is none (`tools/install.py`). Stdout has the commands only, so that
`eval "$(make -s env)"` works in every POSIX shell, also a second time, and with spaces in paths.

With `--github`, which is `make github-env`, it appends the same to the files in which GitHub Actions takes PATH and
variables for later steps. `--without-engine` installs no engine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import install
from installer import home
from installer.versions import CLI

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"

#: Settings of every run: no check for updates, neither by the CLI nor by the language host's `pip list`; a failed unit
#: does not stop the others. The engine's default of four operations per core is low, because most operations wait for
#: an answer. BigQuery's quota is 100 reads of datasets per second and user. The engine is short-lived and small, so it
#: collects garbage less often than Go does by itself.
SETTINGS = {
    "PULUMI_SKIP_UPDATE_CHECK": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PULUMI_CONTINUE_ON_ERROR": "true",
    "PULUMI_PARALLEL": "16",
    "GOGC": "200",
}

#: What the engine starts as Python: a file of each checkout, by its whole path.
PYTHON, OUR_PYTHON = "PULUMI_PYTHON_CMD", Path("tools", "engine-python")


def own_settings() -> dict[str, str]:
    """Return the variables apart from PATH. A user who chose a Python for the engine keeps it."""
    chosen = os.environ.get(PYTHON)
    python = chosen if chosen and not chosen.endswith(f"/{OUR_PYTHON}") else str(ROOT / OUR_PYTHON)
    return {"VIRTUAL_ENV": str(VENV), **SETTINGS, PYTHON: python, **home.variables()}


def path_with(engine: Path, path: str) -> str:
    """Return PATH with the virtual environment first, then the engine, each once.

    The directory of a `pulumi` that PATH finds first stays in its place: a directory such as /usr/bin at the front
    would change which other programs are found.
    """
    tools = str(VENV / "bin")
    rest = [entry for entry in path.split(os.pathsep) if entry != tools]
    found = shutil.which(CLI, path=os.pathsep.join(rest))
    if found is None or Path(found).absolute().parent != engine:
        rest = [str(engine), *(entry for entry in rest if entry != str(engine))]
    return os.pathsep.join([tools, *rest])


def commands() -> str:
    """Return the lines that a shell evaluates."""
    settings = {"PATH": path_with(install.engine(), os.environ.get("PATH", os.defpath)), **own_settings()}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    # With it each command would compile what it imports anew, which takes half as long as a `reconciler validate`.
    return "\n".join(["unset PYTHONDONTWRITEBYTECODE", *exports])


def for_github(*, with_engine: bool) -> str:
    """Append to the files of GITHUB_PATH and GITHUB_ENV, and return what was appended."""
    settings = own_settings()
    # The last line of GITHUB_PATH comes first on PATH.
    paths = [*([str(install.engine())] if with_engine else []), str(VENV / "bin")]
    variables = [f"{name}={value}" for name, value in settings.items()]
    for name, lines in (("GITHUB_PATH", paths), ("GITHUB_ENV", variables)):
        with Path(os.environ[name]).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    return "\n".join([*paths, *variables])


if __name__ == "__main__":
    if "--github" in sys.argv:
        sys.exit(install.report(lambda: for_github(with_engine="--without-engine" not in sys.argv)))
    sys.exit(install.report(commands))
