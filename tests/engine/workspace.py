"""One Pulumi project at work: specs in a folder of their own, a backend, and the simulators it talks to."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml
from tests.engine.keeper import PROVIDER
from tests.engine.prefork import forked_for, put_python

import environment
import recover
import stack_locks

ROOT = Path(__file__).resolve().parent.parent.parent
CONNECTION = "pulumi-python:dynamic/fivetran:Connection"
ACTIVATION = "pulumi-python:dynamic/fivetran:Activation"
DATASET = "gcp:bigquery/dataset:Dataset"
ACCESS = "pulumi-python:dynamic/bigquery:DatasetAccess"

#: What encrypts the secrets of a stack whose key is in no server.
PASSPHRASE: Mapping[str, str] = {"PULUMI_CONFIG_PASSPHRASE": "for tests"}

#: The CLI is short-lived and has little memory to collect: less often takes a sixth less CPU time.
CLI_SETTINGS: Mapping[str, str] = {"GOGC": "400"}

#: What the variable holds that the units of tests name.
KEY = "sk_live_canary_stripe"

ENVIRONMENT: Mapping[str, Any] = {
    "gcp_project": "dev-project",
    "fivetran": {
        "group": "Group_Dev",
        "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
    },
    "automation": [
        {"role": "roles/bigquery.dataOwner", "members": ["serviceAccount:robot@dev-project.iam.gserviceaccount.com"]}
    ],
    "default_access": [{"role": "roles/bigquery.dataViewer", "members": ["group:engineers@example.com"]}],
}


def database(**schemas: Any) -> dict[str, Any]:
    """A unit of a database, with a choice of its schemas and a dataset for one of them."""
    connector = {
        "service": "postgres",
        "destination": {"schema_prefix": "app"},
        "config": {"host": "h", "database": "d", "user": "u", "password": {"env": "STRIPE_KEY", "version": 1}},
        "sync": {"new": "allow_columns", "schemas": schemas},
    }
    return {"description": "App.", "owners": ["o@example.com"], "connector": connector, "datasets": {"public": {}}}


def stripe(schema: str = "stripe", **connector: Any) -> dict[str, Any]:
    """A unit with a Stripe connector and its dataset; keyword arguments go into `connector`."""
    return {
        "description": "Payments.",
        "owners": ["owner@example.com"],
        "connector": {
            "service": "stripe",
            "destination": {"schema": schema},
            "config": {"api_key": {"env": "STRIPE_KEY", "version": 1}},
            **connector,
        },
        "dataset": {"friendly_name": schema.capitalize()},
    }


def hashing(schema: str) -> dict[str, Any]:
    """The `sync` of a Stripe connector whose customers' addresses are hashed."""
    tables = {"customer": {"columns": {"email": "hashed"}}, "charge": "excluded"}
    return {"new": "allow_columns", "schemas": {schema: {"tables": tables}}}


#: A step of a preview with `--diff`: what is done, to a resource of which type and name.
_STEP = re.compile(r"\((create|update|replace|delete)\)\n(?: +\[id=.*\]\n)? +\[urn=.*[:/](\w+)::([\w-]+)\]")


@dataclass(frozen=True)
class Result:
    """What a Pulumi command did."""

    code: int
    out: str

    def ok(self) -> Result:
        """The result itself; fails the test, with the output, when the command failed."""
        assert self.code == 0, self.out
        return self

    def steps(self) -> set[str]:
        """What a preview with `--diff` would do, as `update Activation stripe`."""
        return {" ".join(step) for step in _STEP.findall(self.out)}


@dataclass(frozen=True)
class Tools:
    """What workspaces share: what is made once because it is the same for each."""

    pulumi_home: Path
    """Where the CLI keeps its own things, apart from the user's."""
    path: str
    """PATH, with a python in front that spares each command what is the same each time."""
    python: str
    """That python. It starts scripts of `tools/` without imports."""
    new_stack: Path
    """A folder with a backend, `state`, with a stack `dev` in which nothing was deployed, and its `settings.yaml`."""
    keeper: Mapping[str, str]
    """The variables by which Pulumi gets the key of the stack."""

    @classmethod
    def make(
        cls,
        folder: Path,
        pulumi_home: Path,
        *,
        preforked: Path | None = None,
        keeper: Mapping[str, str] | None = None,
    ) -> Tools:
        """Make them in an empty folder.

        Args:
            folder: The folder.
            pulumi_home: Where the CLI keeps its own things.
            preforked: A directory with a python whose programs and plugins start without imports.
            keeper: The variables of a server that has the key of the stack. Without it the stack has a passphrase.
        """
        first = preforked or put_python(folder / "bin")
        path = os.pathsep.join([str(first), os.environ["PATH"]])
        stack = _new_stack(folder / "stack", pulumi_home, keeper)
        return cls(pulumi_home, path, str(first / "python3"), stack, keeper or PASSPHRASE)


def without_log(pulumi_home: Path) -> Path:
    """Let the CLI keep no log in its home, as `make env` does: it is a fifth of the CPU time of a small run."""
    pulumi_home.mkdir(exist_ok=True)
    (pulumi_home / "logs").symlink_to(os.devnull)
    return pulumi_home


def _new_stack(folder: Path, pulumi_home: Path, keeper: Mapping[str, str] | None) -> Path:
    backend = folder / "state"
    backend.mkdir(parents=True)
    # `stack init` writes into the stack file beside Pulumi.yaml, so it gets a copy of its own.
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    shutil.copy(ROOT / "Pulumi.dev.yaml", folder)
    variables = {
        "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
        **(keeper or PASSPHRASE),
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }
    command = [
        "pulumi",
        "stack",
        "init",
        "dev",
        "--secrets-provider",
        PROVIDER if keeper else "passphrase",
        "--non-interactive",
    ]
    subprocess.run(command, cwd=folder, env={**os.environ, **variables}, check=True, capture_output=True, timeout=180)
    (folder / "Pulumi.dev.yaml").rename(folder / "settings.yaml")
    return folder


@dataclass
class Workspace:
    """A stack `dev` over specs that a test writes. Every command is the real CLI."""

    folder: Path
    environment: Mapping[str, str]
    tools: Tools
    stack: str = "dev"
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.specs = self.folder / "specs"
        self.backend = self.folder / "state"
        shutil.copytree(self.tools.new_stack / "state", self.backend)
        self.printed = self.folder / "printed.txt"
        self.settings = self.folder / "settings.yaml"
        shutil.copy(self.tools.new_stack / "settings.yaml", self.settings)
        self.env = {
            **{name: os.environ[name] for name in ("HOME",) if name in os.environ},
            "PATH": self.tools.path,
            **self.environment,
            # Without files for metadata beside its own: those it does not write atomically, and a killed CLI may leave
            # an empty one, with which it reads its state as ended too early. Buckets have no such files.
            "PULUMI_BACKEND_URL": f"file://{self.backend}?metadata=skip",
            **self.tools.keeper,
            **environment.SETTINGS,
            **CLI_SETTINGS,
            "PULUMI_HOME": str(self.tools.pulumi_home),
            "PULUMI_OPTION_CONFIG_FILE": str(self.settings),
            "RECONCILER_SPECS": str(self.specs),
            "STRIPE_KEY": KEY,
            **self.env,
        }
        self.write("environment", ENVIRONMENT)

    def write(self, name: str, content: Mapping[str, Any] | str) -> Path:
        """Write `<stack>/<name>.yaml`."""
        file = self.specs / self.stack / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(dict(content), sort_keys=False))
        return file

    def remove(self, name: str) -> None:
        """Remove `<stack>/<name>.yaml`."""
        (self.specs / self.stack / f"{name}.yaml").unlink()

    def command(self, *arguments: str, stack: bool = True) -> list[str]:
        """A Pulumi command line for this stack."""
        return [
            "pulumi",
            *arguments,
            "--non-interactive",
            "--color",
            "never",
            *(["--stack", self.stack] if stack else []),
        ]

    def pulumi(self, *arguments: str, stack: bool = True, **env: str) -> Result:
        """Run a Pulumi command in the repository's root, with more environment variables if given."""
        done = subprocess.run(
            self.command(*arguments, stack=stack),
            cwd=ROOT,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        return Result(done.returncode, done.stdout)

    def up(self, *arguments: str, **env: str) -> Result:
        """`pulumi up`, without the preview before it."""
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, stack=True, **env)

    def preview(self, *arguments: str, **env: str) -> Result:
        """`pulumi preview`."""
        return self.pulumi("preview", *arguments, stack=True, **env)

    def assert_settled(self) -> None:
        """A preview that looks at what is live is empty."""
        self.preview("--expect-no-changes", "--refresh").ok()

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        """A Pulumi command in a session of its own, for a test to kill or to look at while it runs.

        What it prints, and what a plugin process prints that outlives it, is added to `printed`.
        """
        with self.printed.open("ab") as printed:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=ROOT,
                env={**self.env, **env},
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_up(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        """`pulumi up` in a session of its own."""
        return self.start("up", "--yes", "--skip-preview", *arguments, **env)

    def unlock(self) -> None:
        """What `make recover` does to files, and that alone: what the killed run left running goes on."""
        project = recover.Project("fivetran-reconciler", ROOT)
        backend = stack_locks.FileBackend(self.env["PULUMI_BACKEND_URL"])
        for lock in stack_locks.read_locks(backend, project.name, self.stack):
            backend.delete(lock.stored)
        recover.mend(backend, project, self.stack)

    def plugins(self) -> list[int]:
        """The processes of the dynamic provider that serve this workspace, orphans too."""
        found = []
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                mine = each.environ().get("PULUMI_BACKEND_URL") == self.env["PULUMI_BACKEND_URL"]
                if mine and "pulumi.dynamic" in each.cmdline() and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each.pid)
        return found

    def recover(self) -> None:
        """What `make recover` runs after a kill."""
        done = subprocess.run(
            [self.tools.python, str(ROOT / "tools" / "recover.py"), self.stack],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def state(self) -> dict[str, Any]:
        """The stack's state as the backend holds it."""
        return json.loads(next(self.backend.rglob(f"stacks/**/{self.stack}.json")).read_text())

    def resources(self, kind: str) -> dict[str, Any]:
        """The resources of a type in state, by logical name."""
        listed = self.state()["checkpoint"]["latest"].get("resources", [])
        return {each["urn"].rsplit("::", 1)[1]: each for each in listed if each["type"] == kind}

    def outcomes(self) -> dict[str, str]:
        """What became of each unit's connection, as state has it."""
        return {name: held["outputs"]["outcome"] for name, held in self.resources(ACTIVATION).items()}

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, as state has them; `test_by_hand` asks the CLI for them."""
        (stack,) = self.resources("pulumi:pulumi:Stack").values()
        return stack["outputs"]


def everything_written(*folders: Path) -> bytes:
    """All bytes of all files under some folders."""
    return b"".join(file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file())


def kill(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """SIGKILL the CLI alone, which leaves its plugins running, or everything it started.

    The engine gives each plugin a process group of its own; what they all share is the session.
    """
    process.kill()
    process.wait(timeout=30)
    if not group:
        return
    session = set()
    for each in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getsid(each) == process.pid:
                session.add(each)
    forked = {forked_for(each) for each in session}
    killed = []
    for found in psutil.process_iter(["name"]):
        if found.pid in session or found.info["name"] in forked:
            with suppress(psutil.NoSuchProcess):
                found.kill()
                killed.append(found)
    psutil.wait_procs(killed, timeout=30)
