"""`who-can-read --on`: a day's answer is that of the files which the branch had at the end of that day."""

from __future__ import annotations

import json
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.git.commits import git

from .workspace import ENVIRONMENT, Workspace

START = date(2026, 11, 1)
DAYS = 5
VIEWER = "roles/bigquery.dataViewer"
PEOPLE = (
    "user:a@example.com",
    "group:g@example.com",
    "domain:example.com",
    "serviceAccount:s@dev-project.iam.gserviceaccount.com",
    "workgroup:data/viewers",
)
QUESTIONS = ("shop", "group:g@example.com", "b@example.com", "allUsers")


class History:
    """A repository whose files change at random from day to day, with branches, merges, renames and removals."""

    def __init__(self, workspace: Workspace, root: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        self._workspace, self._root, self._monkeypatch = workspace, root, monkeypatch
        self._random = random.Random(seed)  # noqa: S311 (the files of a test)
        self._environment = "dev"
        shutil.rmtree(workspace.specs)
        git(root, "init", "--quiet", "--initial-branch=main")
        self._write_environment()
        self._write("shop")

    def grow(self, day: date) -> None:
        """Change some files on a day: on the branch itself, or on another one that is merged."""
        self._at(f"{day}T08:00:00Z")
        on_branch = day != START and self._random.random() < 0.4
        if on_branch:
            git(self._root, "checkout", "--quiet", "-b", f"work-{day}")
        if day != START:
            self._change(day)
        git(self._root, "add", "--all", "connectors")
        git(self._root, "commit", "--quiet", "--allow-empty", "-m", f"{day}")
        if on_branch:
            git(self._root, "checkout", "--quiet", "main")
            self._at(f"{day}T23:59:59Z")
            git(self._root, "merge", "--quiet", "--no-ff", "-m", "merged", f"work-{day}")

    def _change(self, day: date) -> None:
        folder = self._workspace.specs / self._environment
        match self._random.randrange(5):
            case 0:
                self._environment = f"dev-{day.day}"
                git(self._root, "mv", str(folder), str(folder.with_name(self._environment)))
            case 1:
                unit = self._random.choice([each for each in folder.glob("*.yaml") if each.stem != "environment"])
                git(self._root, "mv", str(unit), str(unit.with_name(f"unit{day.day}.yaml")))
            case 2:
                self._write_environment()
            case _:
                self._write(f"more{day.day}", f"more{day.day}")

    def _write_environment(self) -> None:
        lists = {"automation": PEOPLE[3:4], "default_access": self._some(PEOPLE)}
        content: dict[str, Any] = {**ENVIRONMENT, "workgroups": "gcp-wg-{workgroup}--{subgroup}@example.com"}
        content |= {key: [{"role": VIEWER, "members": list(found)}] for key, found in lists.items() if found}
        content["project_access"] = [{"role": VIEWER, "members": [self._random.choice(PEOPLE[:3])]}]
        content["policy"] = {"public_access": "allowed"}
        self._workspace.write("environment", content, self._environment)

    def _write(self, name: str, dataset: str = "shop") -> None:
        members = self._some(("user:b@example.com", "group:k@example.com"))
        end = START + timedelta(days=self._random.randrange(DAYS))
        access = [{"role": "roles/bigquery.metadataViewer", "members": ["group:h@example.com"]}]
        access += (
            [{"role": "roles/bigquery.dataEditor", "members": list(members), "until": str(end)}] if members else []
        )
        unit = {"description": "x", "owners": ["o@example.com"], "dataset": {"id": dataset, "access": access}}
        self._workspace.write(name, unit, self._environment)

    def _some(self, members: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(each for each in members if self._random.random() < 0.5)

    def _at(self, moment: str) -> None:
        for who in ("AUTHOR", "COMMITTER"):
            self._monkeypatch.setenv(f"GIT_{who}_DATE", moment)


def ask(workspace: Workspace, question: str, *arguments: str) -> Any:
    """Return the grants of an answer, or why there is none."""
    ran = workspace.run("who-can-read", question, "--format", "json", *arguments)
    assert ran.code in (0, 2), ran.err
    if ran.code:
        return ran.code
    return [
        {key: value for key, value in each.items() if key not in ("place",)} for each in json.loads(ran.out)["grants"]
    ]


@pytest.mark.parametrize("seed", range(2))
def test_who_can_read_on_a_day_answers_as_the_files_of_that_day_do(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
):
    copies = tmp_path_factory.mktemp("copies")
    history = History(workspace, tmp_path, monkeypatch, seed)
    days = [START + timedelta(days=number) for number in range(DAYS)]
    for day in days:
        history.grow(day)
        shutil.copytree(workspace.specs, copies / str(day) / "connectors")
    answers = 0
    for day in days:
        for question in QUESTIONS:
            past = ask(workspace, question, "--today", "2026-12-31", "--on", str(day))
            specs = str(copies / str(day) / "connectors")
            workspace.specs, usual = Path(specs), workspace.specs
            assert past == ask(workspace, question, "--today", str(day), "--offline"), (day, question)
            workspace.specs = usual
            answers += isinstance(past, list) and bool(past)
    assert answers > DAYS
