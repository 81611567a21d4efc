"""Pass files from one job of a workflow to another.

`make step-output`, `make unapplied`, `make issue`, `make resources`, `make sweep`.

- `output NAME FILE`: makes a JSON file an output of the step. A job that reads a stranger's files writes no artifact.
- `unapplied REVIEW FILE APPLIED`: copies a review; without its content if it was applied.
- `issue ENVIRONMENT FOLDER URL`: keeps the issue of an environment, with such copies of all its stacks.
- `resources STACK FILE`: writes which resources a stack has, in the form of `pulumi stack export`, and of its outputs
  which subfolders have stacks. Nothing else of a state is for an artifact.
- `sweep FOLDER FILE`: deletes the files of removed units, by such lists, and writes the body of the pull request.

Exit 0 done; 1 the file is too long, or `reconciler sweep` found problems; 2 for wrong usage; 3 when Pulumi failed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: The output of an environment's own stack with the subfolders that have one.
STACKS = "stacks"

#: Bytes of an output. The job that takes it gets it as a variable, of which Linux takes 128 KiB.
LONGEST = 120_000

#: What takes the place of a review that was applied.
_APPLIED = "{}"


_USAGE = (
    "usage: make step-output NAME= FILE=, unapplied REVIEW= FILE= APPLIED=, issue STACK= UNAPPLIED= RUN_URL=, "
    "resources STACK= FILE=, sweep RESOURCES= FILE="
)


class HandoverError(Exception):
    """What is wrong, and the exit code for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def output(name: str, file: Path) -> None:
    """Append a JSON file to GITHUB_OUTPUT, as one line."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        raise HandoverError(2, "NAME is not the name of an environment")
    try:
        line = json.dumps(json.loads(file.read_text(encoding="utf-8")), separators=(",", ":"))
    except (OSError, ValueError, RecursionError):
        raise HandoverError(2, f"{file} holds no JSON: the step before wrote none.") from None
    if len(line) > LONGEST:
        raise HandoverError(1, f"{file} has {len(line):,} characters, and {LONGEST:,} are the most. Split the change.")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"{name}={line}\n")


def unapplied(review: Path, file: Path, *, applied: bool) -> None:
    """Write a file that says what of a review was not applied."""
    try:
        found = review.read_text(encoding="utf-8")
    except OSError:
        raise HandoverError(2, f"{review} is missing: the step before wrote none.") from None
    file.write_text(_APPLIED if applied else found, encoding="utf-8")


def issue(environment: str, folder: Path, run_url: str) -> None:
    """Open, update or close the issue of an environment, by what its stacks did not apply."""
    listed = subprocess.run(
        ["reconciler", "changed", "--all", "--format", "json"],  # noqa: S607 - the one that `make env` puts on PATH
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        raise HandoverError(1, "`reconciler changed` failed; its message is above.")
    stacks = [each for each in json.loads(listed.stdout)["stacks"] if each.partition(".")[0] == environment]
    files = {stack: folder / f"unapplied-{stack}.json" for stack in stacks}
    if missing := [stack for stack, file in files.items() if not file.is_file()]:
        text = f"no review of {', '.join(missing)}, whose job says why. The issue of {environment} stays as it was."
        raise HandoverError(1, text)
    reviews = [file for file in files.values() if file.read_text(encoding="utf-8") != _APPLIED]
    options = [part for file in reviews for part in ("--review", str(file))]
    command = ["reconciler", "issue", "-e", environment, *options, "--run-url", run_url]
    if subprocess.run(command, check=False).returncode != 0:
        raise HandoverError(1, "`reconciler issue` failed; its message is above.")


def resources(stack: str, file: Path) -> None:
    """Write the names of a stack's resources."""
    command = ["pulumi", "stack", "export", "--stack", stack]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise HandoverError(3, "`pulumi stack export` failed; its message is above.")
    found = json.loads(done.stdout)["deployment"].get("resources") or ()
    named = [{"urn": resource["urn"], **_subfolders(resource)} for resource in found]
    file.write_text(json.dumps({"deployment": {"resources": named}}), encoding="utf-8")


def _subfolders(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one output of a stack that `reconciler sweep` reads: without it, nothing."""
    found = (resource.get("outputs") or {}).get(STACKS)
    return {"outputs": {STACKS: found}} if resource["type"] == "pulumi:pulumi:Stack" and found else {}


def sweep(folder: Path, body: Path) -> None:
    """Delete files by the lists in a folder."""
    lists = sorted(folder.glob("resources-*.json"))
    options = [part for each in lists for part in ("--state", str(each))]
    # The list of a subfolder's stack is named resources-ENVIRONMENT.FOLDER.
    names = {each.stem.removeprefix("resources-").partition(".")[0]: None for each in lists}
    options += [part for name in names for part in ("-e", name)]
    if not lists:
        raise HandoverError(2, f"{folder} has no list of resources.")
    command = ["reconciler", "sweep", "--format", "github", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    body.write_text(done.stdout, encoding="utf-8")
    if done.returncode != 0:
        raise HandoverError(1, "`reconciler sweep` failed; its message is above.")


def main() -> int:
    """Read the arguments, hand over, and return the exit code."""
    try:
        match sys.argv[1:]:
            case ["output", name, file] if name and file:
                output(name, Path(file))
            case ["unapplied", review, file, *applied] if review and file:
                unapplied(Path(review), Path(file), applied=any(applied))
            case ["issue", environment, folder, url] if environment and folder:
                issue(environment, Path(folder), url)
            case ["resources", stack, file] if stack and file:
                resources(stack, Path(file))
            case ["sweep", folder, file] if folder and file:
                sweep(Path(folder), Path(file))
            case _:
                raise HandoverError(2, _USAGE)
    except HandoverError as error:
        print(f"handover: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("handover: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
