"""The scene of the story: a repository on a local GitHub, its workflows, and the local services that they talk to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from tests.engine.admin import Admin
from tests.engine.workspace import ENVIRONMENT, KEY, PASSPHRASE, stripe
from tests.hub import Hub, hub

from rehearsal.actions import ROOT, Actions, Ran, install_act
from simulator.process import Simulators

#: The App that writes what was reviewed.
APP = "recorder"

#: Who owns every file, and who writes the pull requests.
OWNER, AUTHOR = "bob", "ann"

_APP_MAY = {"checks": "write", "contents": "write", "members": "read", "pull_requests": "write"}

POLICY: Mapping[str, Any] = {"expiry": {"required": True, "longest": "400d", "warn": "2d", "grace": "3d"}}


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
        return self._run("pull-request.yml", "pull_request_target", self.hub.main, payload)

    def run_merge(self, before: str) -> Ran:
        """Run the workflow of a push to the default branch."""
        payload = {"ref": "refs/heads/main", "before": before, "after": self.hub.main, **self._about()}
        return self._run("merge.yml", "push", self.hub.main, payload)

    def dispatch(self, environment: str, *fingerprints: str) -> Ran:
        """Run the merge by hand, with what a code owner approves now."""
        inputs = {"environment": environment, "fingerprints": ",".join(fingerprints)}
        return self._run("merge.yml", "workflow_dispatch", self.hub.main, {"inputs": inputs, **self._about()})

    def run_daily(self, today: date) -> Ran:
        """Run the daily workflow on a day."""
        self.today = today
        return self._run("daily.yml", "schedule", self.hub.main, {"schedule": "40 4 * * *", **self._about()})

    def comments(self, number: int) -> list[str]:
        """Return the texts of the comments on a pull request."""
        found = self.hub.done("GET", f"/issues/{number}/comments", self.hub.people["carol"])
        return [str(each["body"]) for each in found]

    def _run(self, workflow: str, event: str, commit: str, payload: Mapping[str, Any]) -> Ran:
        return self.actions.run(workflow, event, commit, payload, {"RECONCILER_TODAY": self.today.isoformat()})

    def _about(self) -> dict[str, Any]:
        return {
            "repository": {"full_name": "example/data", "default_branch": "main", "name": "data"},
            "sender": {"login": AUTHOR, "type": "User"},
        }


@contextmanager
def set_up(simulators: Simulators, admin: Admin, folder: Path) -> Iterator[Scene]:
    """Serve a repository with this checkout's code, an empty `dev` and `prod`, and stacks without resources."""
    with hub(folder / "github") as found:
        origin = found.repository.git.folder
        subprocess.run(["git", "-C", str(ROOT), "push", "--quiet", "--force", str(origin), "HEAD:main"], check=True)
        files = _first_files(found)
        found.commit(files, message="Declare two empty environments")
        app = found.state.add_app(APP, "example", _APP_MAY)
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
        _apply_first(scene, files)
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


def _apply_first(scene: Scene, files: Mapping[str, str | None]) -> None:
    """Create what an environment without units has, as an administrator does before the workflows take over."""
    folder = scene.actions.folder / "first"
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
    for stack in ("dev", "prod"):
        # A copy, since the engine may write into the stack's file.
        settings = folder / f"Pulumi.{stack}.yaml"
        settings.write_bytes((ROOT / settings.name).read_bytes())
        env["PULUMI_OPTION_CONFIG_FILE"] = str(settings)
        command = ["pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive"]
        subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)


def _create_stack(stack: str, actions: Actions) -> None:
    folder = actions.folder / f"stack-{stack}"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
    env = {**os.environ, **actions.variables, **actions.vars, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    subprocess.run(["pulumi", "stack", "init", stack, "--non-interactive"], cwd=folder, env=env, check=True)
