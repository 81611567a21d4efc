"""Make an estate of units, change it as people do, and judge what the workflows do with it."""

from __future__ import annotations

import copy
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from tests.engine.admin import Admin
from tests.engine.workspace import ENVIRONMENT, ROOT, Result, Workspace, kill, stripe
from tests.hub import REPOSITORY, Hub

from simulator.github.state import App

#: Days between a unit's last day and its removal.
GRACE = timedelta(days=3)

RULES: Mapping[str, Any] = {
    **ENVIRONMENT,
    "policy": {
        "expiry": {"required": True, "longest": "400d", "warn": "2d", "grace": f"{GRACE.days}d"},
        "delete_guard": {"share": "100%", "at_least": 100},
    },
}

#: The command of this environment.
COMMAND = str(Path(sys.executable).with_name("reconciler"))

#: What a consequence says that a unit loses for good.
DELETIONS = {"connection_deleted", "connection_replaced", "dataset_deleted", "dataset_replaced"}

#: What a user changes by hand in Fivetran or BigQuery: the methods of `Estate` are called so.
BY_HAND = ("pause", "configure", "schedule", "delete", "create", "share", "let_tables_expire")

Files = dict[str, dict[str, Any]]


def _path(unit: str) -> str:
    return f"connectors/dev/{unit}.yaml"


class Stopped(Exception):
    """A run would do what was not reviewed.

    `reconciler agrees` printed what, with the fingerprints to approve.
    """

    def __init__(self, printed: str) -> None:
        super().__init__(printed)
        self.fingerprints = set(re.findall(r"\[([0-9a-f]{16})\]", printed))


@dataclass
class Estate:
    """The files of the default branch, the day, and what was approved so far."""

    workspace: Workspace
    admin: Admin
    hub: Hub
    app: App
    """The App that records reviews."""
    chance: random.Random
    day: date
    files: Files = field(default_factory=dict)
    since: str = ""
    """The commit that was last applied without a failure, as `make order` finds it."""
    approved: set[str] = field(default_factory=set)
    """The fingerprints that a code owner approved since then, for a run that had stopped."""
    may_be_deleted: set[tuple[str, str]] = field(default_factory=set)
    """Kind and object of each deletion that was approved or scheduled before a run did it."""
    paused_by_hand: set[str] = field(default_factory=set)
    """Units that a user paused or started by hand: a run leaves such a pause alone."""
    drift: dict[str, str] = field(default_factory=dict)
    """What a user changed by hand since the last daily run, by words of the review that has to name it."""
    undeclared: dict[str, Any] = field(default_factory=dict)
    """Connections that a user created by hand, as they were then."""
    diary: list[str] = field(default_factory=list)
    """What happened, which is what a failed month prints."""
    dealt: set[str] = field(default_factory=set)
    """The kinds of edits by hand that there were so far, without those that a merge meets."""
    _cards: list[str] = field(default_factory=list)
    _made: int = 0
    _proposed: int = 0

    def note(self, text: str) -> None:
        """Add to the diary, which is also a file, so that a long month can be watched."""
        self.diary.append(f"{self.day}: {text}")
        (self.workspace.folder / "diary.txt").write_text("\n".join([*self.diary, ""]))

    # What people do to files.

    def new_unit(self, days: int) -> str:
        """Add a unit that expires after a number of days, and return its name."""
        self._made += 1
        name = f"unit_{self._made:03}"
        config = {"api_key": {"env": "STRIPE_KEY", "version": 1}, "historical_sync_time_frame": "ALL_TIME"}
        self.files[name] = {**stripe(name, config=config), "expires": str(self.day + timedelta(days=days))}
        return name

    def change_files(self, number: int) -> list[str]:
        """Make a number of changes to units, as pull requests do, and return them as text."""
        changes = (
            self._add,
            self._rotate,
            self._grant,
            self._revoke,
            self._extend,
            self._pause,
            self._resume,
            self._end,
        )
        return [self.chance.choice(changes)() for _ in range(number)]

    def _alive(self) -> list[str]:
        return [name for name, unit in self.files.items() if date.fromisoformat(unit["expires"]) > self.day]

    def _any(self) -> str:
        return self.chance.choice(self._alive())

    def _add(self) -> str:
        return f"add {self.new_unit(self.chance.randint(4, 60))}"

    def _rotate(self) -> str:
        name = self._any()
        self.files[name]["connector"]["config"]["api_key"]["version"] += 1
        return f"rotate the key of {name}"

    def _grant(self) -> str:
        name, person = self._any(), f"user:p{self.chance.randint(1, 20)}@example.com"
        until = self.day + timedelta(days=self.chance.randint(1, 10))
        grant = {"role": "roles/bigquery.dataViewer", "members": [person], "until": str(until), "ticket": "T-1"}
        listed = self.files[name]["dataset"].setdefault("access", [])
        if any(person in each["members"] for each in listed):
            return f"grant nothing more to {person}"
        listed.append(grant)
        return f"grant {name} to {person} until {until}"

    def _revoke(self) -> str:
        name = self._any()
        self.files[name]["dataset"].pop("access", None)
        return f"revoke all grants of {name}"

    def _extend(self) -> str:
        name = self._any()
        later = date.fromisoformat(self.files[name]["expires"]) + timedelta(days=self.chance.randint(1, 20))
        self.files[name]["expires"] = str(later)
        return f"extend {name} to {later}"

    def _end(self) -> str:
        name = self._any()
        sooner = self.day + timedelta(days=self.chance.randint(1, 3))
        self.files[name]["expires"] = str(sooner)
        return f"end {name} on {sooner}"

    def _pause(self) -> str:
        name = self._any()
        self.files[name]["connector"]["paused"] = "INC-1"
        return f"pause {name}"

    def _resume(self) -> str:
        name = self._any()
        self.files[name]["connector"].pop("paused", None)
        return f"resume {name}"

    # What people do in Fivetran and in BigQuery.

    def edit_by_hand(self, *, only_pause: bool = False) -> str:
        """Change something in Fivetran's or BigQuery's interface, as a user does.

        A merge on the same day would meet what is deleted, and put right what it writes; `only_pause` it leaves alone.
        """
        live = {each["name"]: each for each in self.admin.connections().values() if each["name"] in self._alive()}
        name = self.chance.choice(sorted(live))
        kind = "pause" if only_pause else self._deal()
        edit: Callable[[str, Mapping[str, Any]], str] = getattr(self, f"_{kind}_by_hand")
        return f"by hand ({kind}): {edit(name, live[name])}"

    def _deal(self) -> str:
        """Return a kind of edit as cards are dealt: each comes once before any comes again."""
        if not self._cards:
            self._cards = self.chance.sample(BY_HAND, len(BY_HAND))
        kind = self._cards.pop()
        self.dealt.add(kind)
        return kind

    def _pause_by_hand(self, name: str, live: Mapping[str, Any]) -> str:
        self.admin.edit(live["id"], paused=not live["paused"])
        self.paused_by_hand.add(name)
        return f"{name} is {'started' if live['paused'] else 'paused'}"

    def _configure_by_hand(self, name: str, live: Mapping[str, Any]) -> str:
        self.admin.edit(live["id"], config={"historical_sync_time_frame": "DATE_LIMIT"})
        self.drift[f"`config.historical_sync_time_frame` of the connection {name}"] = name
        return f"{name} has another time frame"

    def _schedule_by_hand(self, name: str, live: Mapping[str, Any]) -> str:
        self.admin.edit(live["id"], sync_frequency=60)
        self.drift[f"changes when the connection {name} syncs"] = name
        return f"{name} syncs every hour"

    def _delete_by_hand(self, name: str, live: Mapping[str, Any]) -> str:
        self.admin.delete(live["id"])
        self.paused_by_hand.discard(name)
        self.drift = {text: of for text, of in self.drift.items() if of != name or "dataset" in text}
        self.drift[f"creates the connection {name}"] = name
        return f"{name} is deleted"

    def _create_by_hand(self, _name: str, live: Mapping[str, Any]) -> str:
        name = f"by_hand_{len(self.undeclared)}"
        config = {"schema": name, "api_key": "x"}
        self.admin.make(group_id=live["group_id"], service="stripe", config=config, paused=True)
        self.undeclared[name] = self.admin.connections()[name]
        return f"{name} is created"

    def _share_by_hand(self, name: str, _live: Mapping[str, Any]) -> str:
        entry = {"role": "READER", "userByEmail": "curious@example.com"}
        self.admin.gcp("POST", f"/datasets/dev-project/{name}/access", entry)
        self.drift[f"on dataset {name} from user:curious@example.com"] = name
        return f"curious@example.com reads {name}"

    def _let_tables_expire_by_hand(self, name: str, _live: Mapping[str, Any]) -> str:
        self.admin.gcp("PATCH", f"/datasets/dev-project/{name}", {"defaultTableExpirationMs": 3_600_000})
        self.drift[f"removes `default_table_expiration_ms` of the dataset {name}"] = name
        return f"tables of {name} expire"

    def report_drift(self) -> None:
        """Check that a daily run that applies only what is scheduled, as prod's, names each change by hand."""
        found = self.review(self.files, "--refresh")
        file = self.workspace.folder / "review.json"
        file.write_text(json.dumps(found))
        done = self._github("agrees", "--scheduled", "--review", str(file))
        named = {text for text in self.drift if text in done.stdout}
        assert named == set(self.drift), "\n".join([*self.diary, done.stdout, str(self.drift)])
        assert done.returncode == 1 or not self.drift, "\n".join(self.diary)
        unmanaged = self._reconciler("unmanaged", variables=self._env(self._write(self.files, "specs"))).stdout
        assert all(name in unmanaged for name in self.undeclared), unmanaged

    # What the workflows do.

    def review(self, files: Files, *arguments: str) -> dict[str, Any]:
        """Return the review of some files against what is recorded."""
        folder = self._write(files, "head")
        allowed = {**self._env(folder), "RECONCILER_REMOVALS": "allow:1000"}
        done = self._reconciler("review", "--format", "json", *arguments, variables=allowed)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def propose(self, head: Files) -> int | None:
        """Open a pull request with these files, record its review, and let a code owner approve it.

        Returns its number; None if it would change no file.
        """
        file = self.workspace.folder / "proposed.json"
        file.write_text(json.dumps(self.review(head)))
        names = sorted(name for name in {*head, *self.files} if head.get(name) != self.files.get(name))
        if not names:
            return None
        self._proposed += 1
        branch = f"change-{self._proposed}"
        texts = {name: yaml.safe_dump(head[name], sort_keys=False) if name in head else None for name in names}
        commit = self.hub.branch(branch, {_path(name): text for name, text in texts.items()})
        number = self.hub.open(branch)
        token = self.hub.state.app_token(self.app, REPOSITORY)
        self._github("record", "--commit", commit, "--review", str(file), token=token)
        self.hub.review(number)
        return number

    def apply(self, *, refresh: bool = False, trouble: str = "") -> Result | None:
        """Compare a fresh review of the default branch with what was approved, and apply it.

        Returns None for a run that was killed. Raises `Stopped`, and touches nothing, if something is new.
        """
        found = self.review(self.files, *(["--refresh"] if refresh else []))
        self._compare(found)
        stops = [each for each in found["consequences"] if each["class"] == "stop"]
        self.may_be_deleted |= {(each["kind"], each["object"]) for each in stops if each["kind"] in DELETIONS}
        removals = sum(
            each["kind"] in ("connection_deleted", "dataset_deleted") and each["fingerprint"] not in found["scheduled"]
            for each in stops
        )
        env = {
            **self._env(self._write(self.files, "specs")),
            **({"RECONCILER_REMOVALS": f"allow:{removals}"} if removals else {}),
        }
        arguments = ["--refresh"] if refresh else []
        if trouble == "kill":
            self._kill_halfway(arguments, env)
            return None
        if trouble == "errors":
            self.admin.fault(kind="status", status=503, path="^/v1/connections", count=self.chance.randint(1, 40))
        done = self.workspace.up(*arguments, **env)
        self.admin.forget_faults()
        if done.code == 0:
            self.since = self.hub.main
            self.approved.clear()
        return done

    def _compare(self, found: Mapping[str, Any]) -> None:
        """Run `reconciler agrees`, as a merge does."""
        file = self.workspace.folder / "review.json"
        file.write_text(json.dumps(found))
        since = ["--since", self.since] if self.since else []
        approved = ["--approve", ",".join(self.approved)]
        done = self._github("agrees", "--commit", self.hub.main, *since, *approved, "--review", str(file))
        if done.returncode == 1:
            raise Stopped(done.stdout)

    def _github(self, command: str, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command that asks GitHub; it may exit with 1."""
        variables = {"GITHUB_TOKEN": token or self.hub.bot, "GITHUB_REPOSITORY": REPOSITORY}
        variables["GITHUB_API_URL"] = self.hub.url.rstrip("/")
        app = ["--app", str(self.app.id)]
        done = self._reconciler(command, *arguments, *app, variables={**self.workspace.env, **variables})
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done

    def _kill_halfway(self, arguments: list[str], env: Mapping[str, str]) -> None:
        method = self.chance.choice(["POST", "PATCH", "DELETE"])
        fault = self.admin.fault(kind="hold", method=method, path="^/v1/", count=None)
        process = self.workspace.start_up(*arguments, **env)
        self.admin.wait_for(lambda: self.admin.held(fault) > 0 or process.poll() is not None)
        kill(process, group=True)
        self.admin.release(fault, drop=self.chance.random() < 0.5)
        self.admin.forget_faults()
        self.workspace.recover()

    def sweep(self) -> list[str]:
        """Delete the files of units whose removal is due, as `reconciler sweep` does; return their names."""
        folder = self._write(self.files, "specs")
        done = self._reconciler("sweep", variables=self._env(folder))
        assert done.returncode == 0, done.stdout + done.stderr
        left = {file.stem for file in (folder / "dev").glob("*.yaml")}
        swept = [name for name in self.files if name not in left]
        for name in swept:
            del self.files[name]
        if swept:
            self.hub.commit({_path(name): None for name in swept})
        return swept

    def _reconciler(
        self, command: str, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, command, "--environment", "dev", *arguments],
            cwd=ROOT,
            env=dict(variables or self.workspace.env),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def _env(self, folder: Path) -> dict[str, str]:
        return {**self.workspace.env, "RECONCILER_SPECS": str(folder), "RECONCILER_TODAY": str(self.day)}

    def _write(self, files: Files, name: str) -> Path:
        folder = self.workspace.folder / name
        (folder / "dev").mkdir(parents=True, exist_ok=True)
        for file in (folder / "dev").glob("*.yaml"):
            file.unlink()
        for unit, content in {"environment": dict(RULES), **files}.items():
            (folder / "dev" / f"{unit}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        return folder

    def copy_files(self) -> Files:
        """Return the files, to go back to or to work on."""
        return copy.deepcopy(self.files)
