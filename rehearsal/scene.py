"""Set the scene: a repository on a local GitHub, its workflows, and the local services."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.engine.admin import Admin
from tests.engine.workspace import ENVIRONMENT, KEY, PASSPHRASE, stripe
from tests.hub import Hub, hub

from rehearsal.actions import ROOT, Actions, Ran, Running, install_act
from simulator.github.state import WorkflowRun
from simulator.process import Simulators

#: The App that writes what was reviewed.
APP = "recorder"

#: Who owns every file, and who writes the pull requests.
OWNER, AUTHOR = "bob", "ann"

#: What it may do.
APP_MAY = {"checks": "write", "contents": "write", "members": "read", "pull_requests": "write"}

POLICY: Mapping[str, Any] = {"expiry": {"required": True, "longest": "400d", "warn": "2d", "grace": "3d"}}


@dataclass(frozen=True)
class Job:
    """A run of a workflow that has begun, and what GitHub knows of it."""

    running: Running
    record: WorkflowRun
    hub: Hub

    def wait(self) -> Ran:
        """Return what the run did, once it is over."""
        ran = self.running.wait()
        self.end("success" if ran.code == 0 else "failure")
        return ran

    def lose(self) -> None:
        """Lose the run's machine. GitHub notices later: `end`."""
        self.running.lose()

    def end(self, conclusion: str) -> None:
        """Let GitHub know that the run is over."""
        self.record.status, self.record.conclusion = "completed", conclusion
        self.record.updated = self.hub.state.timestamp()


@dataclass
class Scene:
    """The repository, and what people and the clock do."""

    hub: Hub
    actions: Actions
    admin: Admin
    today: date

    def unit(self, name: str, expires: str, **more: Any) -> str:
        """Return the text of a unit's file."""
        return yaml.safe_dump({**stripe(name, **more), "expires": expires}, sort_keys=False)

    def deploy(self, environment: str, files: Mapping[str, str | None]) -> None:
        """Push files to the default branch, and apply them as an administrator, before the story begins."""
        self.hub.commit(files, message="Declare what is there")
        _apply(self, files, environment)

    def split(self, folder: str) -> None:
        """Give a subfolder of dev a stack of its own, as an administrator does before a pull request uses it."""
        stack = f"dev.{folder}"
        content = yaml.safe_dump({**ENVIRONMENT, "policy": POLICY, "stacks": [folder]}, sort_keys=False)
        # Each stack has a key of its own.
        own = _create_stack(stack, self.actions).read_text()
        settings = (ROOT / "Pulumi.dev.yaml").read_text()
        files = {"connectors/dev/environment.yaml": content, f"Pulumi.{stack}.yaml": settings + own}
        self.hub.commit(files, message="Split dev")
        _apply(self, files, "dev", stack)

    def open(self, branch: str, files: Mapping[str, str | None]) -> int:
        """Open a pull request with some files, and return its number."""
        self.hub.branch(branch, files)
        return self.hub.open(branch, login=AUTHOR)

    def push(self, branch: str, files: Mapping[str, str | None]) -> str:
        """Push a further commit to a branch."""
        return self.hub.commit(files, branch, login=AUTHOR)

    def run_pull_request(self, number: int, action: str = "opened", *, is_stranger: bool = False) -> Ran:
        """Run the workflow that reviews a pull request, which may be from a stranger's fork."""
        pull = self.hub.pull(number)
        if is_stranger:
            pull["head"]["repo"]["full_name"] = "stranger/data"
        payload = {"action": action, "number": number, "pull_request": pull, **self._about()}
        return self._start("pull-request.yml", "pull_request_target", self.hub.main, payload).wait()

    def run_merge(self, before: str) -> Ran:
        """Run the workflow of the push to the default branch that followed a commit."""
        return self.start_merge(before).wait()

    def start_merge(self, before: str, after: str = "") -> Job:
        """Start the workflow of a push to the default branch: of the last one, unless another commit is named."""
        commit = after or self.hub.main
        payload = {"ref": "refs/heads/main", "before": before, "after": commit, **self._about()}
        return self._start("merge.yml", "push", commit, payload)

    def dispatch(self, stack: str, *fingerprints: str, refresh: bool = False) -> Ran:
        """Run the merge by hand, with what a code owner approves now, or to correct drift too."""
        environment, _, folder = stack.partition(".")
        inputs = {"environment": environment, "folder": folder}
        inputs |= {"fingerprints": ",".join(fingerprints), "refresh": str(refresh).lower()}
        payload = {"inputs": inputs, **self._about()}
        return self._start("merge.yml", "workflow_dispatch", self.hub.main, payload).wait()

    def run_daily(self, today: date) -> Ran:
        """Run the daily workflow on a day."""
        self.today = today
        payload = {"schedule": "40 4 * * *", **self._about()}
        return self._start("daily.yml", "schedule", self.hub.main, payload).wait()

    def leave_machine(self, stack: str) -> None:
        """Move a stack's lock, and the record of its run, to another machine, as GitHub's jobs do."""
        state = self.actions.folder / "state" / ".pulumi"
        for file in (*state.glob(f"locks/**/{stack}/*.json"), *state.glob(f"runs/**/{stack}.json")):
            file.write_text(json.dumps({**json.loads(file.read_text()), "hostname": "runner-of-github"}))

    def use_up_quota(self, left: int) -> None:
        """Let other users of the Fivetran account send requests until this number of the hour is left."""
        variables = self.actions.variables
        key = (variables["FIVETRAN_APIKEY"], variables["FIVETRAN_APISECRET"])
        with httpx.Client(base_url=variables["FIVETRAN_API_URL"], auth=key, trust_env=False) as other:
            while int(other.get("/account/info").headers["X-Rate-Limit-Remaining"]) > left:
                pass

    def wait_until_held(self, fault: str, job: Job) -> None:
        """Return when a request of a run waits at a `hold` fault.

        Fails with the run's log if the run ends before.
        """
        while not self.admin.held(fault):
            assert job.running.process.poll() is None, job.wait().log
            time.sleep(0.1)

    def issues(self, environment: str) -> list[dict[str, Any]]:
        """Return the issues of an environment, open or closed."""
        found = self.hub.done("GET", "/issues", self.hub.people["carol"], state="all")
        return [each for each in found if each["title"] == f"{environment}: what needs attention"]

    def comments(self, number: int) -> list[str]:
        """Return the texts of the comments on a pull request."""
        found = self.hub.done("GET", f"/issues/{number}/comments", self.hub.people["carol"])
        return [str(each["body"]) for each in found]

    def _start(self, workflow: str, event: str, commit: str, payload: Mapping[str, Any]) -> Job:
        record = self._record(workflow, event, commit)
        variables = {"RECONCILER_TODAY": self.today.isoformat(), "GITHUB_RUN_ID": str(record.id)}
        return Job(self.actions.start(workflow, event, commit, payload, variables), record, self.hub)

    def _record(self, workflow: str, event: str, commit: str) -> WorkflowRun:
        """Let GitHub know of a run, as it does of each."""
        runs, now = self.hub.repository.runs, self.hub.state.timestamp()
        number, path = self.hub.state.next_id(), f".github/workflows/{workflow}"
        runs[number] = WorkflowRun(number, len(runs) + 1, path, workflow, event, commit, "main", AUTHOR, now, now)
        runs[number].status = "in_progress"
        return runs[number]

    def _about(self) -> dict[str, Any]:
        return {
            "repository": {"full_name": "example/data", "default_branch": "main", "name": "data"},
            "sender": {"login": AUTHOR, "type": "User"},
        }


@contextmanager
def set_up(simulators: Simulators, admin: Admin, folder: Path) -> Iterator[Scene]:
    """Serve a repository with this checkout's code, an empty `dev` and `prod`, and empty stacks."""
    with hub(folder / "github") as found:
        origin = found.repository.git.folder
        subprocess.run(["git", "-C", str(ROOT), "push", "--quiet", "--force", str(origin), "HEAD:main"], check=True)
        files = _first_files(found)
        found.commit(files, message="Declare two empty environments")
        app = found.state.add_app(APP, "example", APP_MAY)
        found.state.install(app, "example/data")
        token = found.state.app_token(app, "example/data", token="ghs_app")
        backend = folder / "state"
        backend.mkdir()
        variables = {
            **simulators.environment,
            "HOME": os.environ["HOME"],
            "STRIPE_KEY": KEY,
            **PASSPHRASE,
            "GITHUB_API_URL": found.url.rstrip("/"),
            "GITHUB_REPOSITORY": "example/data",
            "RUNNER_NAME": "rehearsal",
            "REHEARSAL_APP_TOKEN": token,
        }
        actions = Actions(
            install_act(Path.home() / ".cache" / "reconciler" / "act"),
            origin,
            folder,
            variables,
            {
                "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
                "RECONCILER_APP_ID": str(app.id),
                "RECONCILER_APP_CLIENT_ID": "1",
                "PROTECTED": "true",
            },
            {"GITHUB_TOKEN": found.bot, "RECONCILER_APP_KEY": "none"},
        )
        for stack in ("dev", "prod"):
            _create_stack(stack, actions)
        scene = Scene(found, actions, admin, date(2027, 1, 1))
        # What an environment without units has is created before the first workflow runs.
        _apply(scene, files, "dev", "prod")
        yield scene


def _first_files(found: Hub) -> dict[str, str | None]:
    listed = subprocess.run(
        ["git", "-C", str(found.repository.git.folder), "ls-tree", "-r", "--name-only", "main", "connectors"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    files: dict[str, str | None] = dict.fromkeys(name for name in listed if name.endswith(".yaml"))
    dev = {**ENVIRONMENT, "policy": POLICY}
    prod = {**ENVIRONMENT, "gcp_project": "prod-project", "fivetran": {**ENVIRONMENT["fivetran"], "group": "Prod"}}
    prod["automation"] = [{"role": "roles/bigquery.dataOwner", "members": ["user:owner@example.com"]}]
    files["connectors/dev/environment.yaml"] = yaml.safe_dump(dev, sort_keys=False)
    files["connectors/prod/environment.yaml"] = yaml.safe_dump(prod, sort_keys=False)
    files[".github/CODEOWNERS"] = f"* @{OWNER}\n"
    return files


def _apply(scene: Scene, files: Mapping[str, str | None], *stacks: str) -> None:
    """Add files to those that were applied by hand so far, and apply them as an administrator does."""
    folder = scene.actions.folder / "by-hand"
    for name, text in files.items():
        if text is not None:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    env = {
        **os.environ,
        **scene.actions.variables,
        **scene.actions.vars,
        "RECONCILER_SPECS": str(folder / "connectors"),
        "RECONCILER_TODAY": scene.today.isoformat(),
    }
    for stack in stacks:
        # A copy, since the engine may write into the stack's file.
        settings = folder / f"Pulumi.{stack}.yaml"
        if not settings.is_file():
            settings.write_bytes((ROOT / settings.name).read_bytes())
        env["PULUMI_OPTION_CONFIG_FILE"] = str(settings)
        command = ["pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive"]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _create_stack(stack: str, actions: Actions) -> Path:
    """Create a stack, and return its settings, in which Pulumi wrote its key."""
    folder = actions.folder / f"stack-{stack}"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    env = {**os.environ, **actions.variables, **actions.vars, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    subprocess.run(["pulumi", "stack", "init", stack, "--non-interactive"], cwd=folder, env=env, check=True)
    return folder / f"Pulumi.{stack}.yaml"
