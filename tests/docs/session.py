"""A reader at work: a copy of what a run needs, and a shell whose variables last from command to command."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.docs.pages import ROOT
from tests.engine.admin import Admin
from tests.engine.keeper import PROVIDER, running_keeper
from tests.engine.prefork import preforked_python
from tests.engine.workspace import CLI_SETTINGS, without_log

import environment

BASH = shutil.which("bash") or "/bin/bash"
TIMEOUT_S = 180

#: Commands that pages show and that would set up or look at the real checkout.
STANDS_FOR = {
    'eval "$(make -s env)"': ":",
    "make recover STACK=dev": f"python {ROOT}/tools/recover.py dev",
}


def apply_diff(folder: Path, lines: list[str]) -> None:
    """Apply a change that a page shows as a diff: what it removes and keeps stands exactly once in the file."""
    file = folder / lines[0].removeprefix("--- ")
    hunks: list[list[str]] = []
    for line in lines[2:]:
        if line.startswith("@@"):
            hunks.append([])
        else:
            hunks[-1].append(line)
    text = file.read_text(encoding="utf-8")
    for hunk in hunks:
        old = "".join(f"{line[1:]}\n" for line in hunk if not line.startswith("+"))
        new = "".join(f"{line[1:]}\n" for line in hunk if not line.startswith("-"))
        assert text.count(old) == 1, f"{file.name} has not exactly once:\n{old}\nIt is:\n{text}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


class Session:
    """The commands of pages, one after another, in a folder with the specs, the program and the stacks' settings."""

    def __init__(self, folder: Path, python: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder / "checkout"
        self._scratch = folder
        (self.folder / "infra").mkdir(parents=True)
        shutil.copy(ROOT / "infra" / "__main__.py", self.folder / "infra")
        shutil.copytree(ROOT / "connectors", self.folder / "connectors")
        (self.folder / "schemas").symlink_to(ROOT / "schemas")
        for file in ROOT.glob("Pulumi*.yaml"):
            shutil.copy(file, self.folder)
        self.env = {
            **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
            "PATH": os.pathsep.join([str(python), os.environ["PATH"]]),
            "PULUMI_HOME": str(without_log(folder / "pulumi-home")),
            "TMPDIR": str(folder),
            **environment.SETTINGS,
            **CLI_SETTINGS,
            **variables,
        }
        self._admin: Admin | None = None
        self._serving: list[int] = []
        self.applied = self._files()

    @property
    def admin(self) -> Admin:
        """The admin side of the local services, which a page has started."""
        if self._admin is None:
            self._admin = Admin(self.env["FIVETRAN_API_URL"].removesuffix("/v1") + "/_admin")
        return self._admin

    def run(self, command: str) -> tuple[str, int]:
        """Run a command line of a page. Return what it printed, and its exit code."""
        variables, printed = self._scratch / "variables", self._scratch / "printed"
        script = f'{STANDS_FOR.get(command, command)}\ncode=$?\nenv -0 >"{variables}"\nexit $code\n'
        with printed.open("wb") as out:
            done = subprocess.run(
                [BASH, "-c", script],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                check=False,
            )
        text = printed.read_text(encoding="utf-8")
        pairs = (item.partition("=") for item in variables.read_text(encoding="utf-8").split("\0") if item)
        self.env = {name: value for name, _, value in pairs if name not in ("_", "SHLVL", "PWD", "OLDPWD")}
        self._serving += [int(pid) for pid in re.findall(r"^Serving until Ctrl-C, or kill (\d+)\.", text, re.MULTILINE)]
        if "pulumi up" in command:
            self.applied = self._files()
        return text, done.returncode

    def write(self, name: str, content: str) -> None:
        """Write a file that a page shows."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def change(self, lines: list[str]) -> None:
        """Apply a change that a page shows as a diff."""
        apply_diff(self.folder, lines)

    def restore(self) -> None:
        """Put the specs back as they were last applied."""
        shutil.rmtree(self.folder / "connectors")
        for name, content in self.applied.items():
            self.write(name, content)

    def _files(self) -> dict[str, str]:
        found = (file for file in (self.folder / "connectors").rglob("*") if file.is_file())
        return {str(file.relative_to(self.folder)): file.read_text(encoding="utf-8") for file in found}

    def close(self) -> None:
        """Stop the services that pages have started."""
        if self._admin is not None:
            self._admin.close()
        for pid in self._serving:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


@contextlib.contextmanager
def session(folder: Path, *, with_passphrases: bool) -> Iterator[Session]:
    """A session for as long as the block lasts.

    Args:
        folder: An empty folder.
        with_passphrases: Whether stacks have a passphrase, as for a reader. Deriving its key takes a fourth of the
            CPU time of a command, so another session has a server for its key.
    """
    with contextlib.ExitStack() as stack:
        python = stack.enter_context(preforked_python(folder / "bin"))
        keeper = {} if with_passphrases else stack.enter_context(running_keeper())
        # A flag of `pulumi stack`, with which the page need not name it.
        variables = {**keeper, "PULUMI_OPTION_SECRETS_PROVIDER": PROVIDER} if keeper else {}
        opened = Session(folder, python, variables)
        stack.callback(opened.close)
        yield opened
