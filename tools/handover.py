"""Pass files from one job of a workflow to another.

`make step-output`, `make resources`, `make sweep`.

- `output NAME FILE`: makes a JSON file an output of the step. A job that reads a stranger's files writes no artifact.
- `resources STACK FILE`: writes which resources a stack has, in the form of `pulumi stack export`, and nothing else of
  them: what state holds is not for an artifact.
- `sweep FOLDER FILE`: deletes the files of removed units, by such lists, and writes the body of the pull request.

Exit 0 done; 1 the file is too long, or `reconciler sweep` found problems; 2 for wrong usage; 3 when Pulumi failed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

#: Bytes of an output. The job that takes it gets it as a variable, of which Linux takes 128 KiB.
LONGEST = 120_000


class HandoverError(Exception):
    """What is wrong, and the exit code for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def output(name: str, file: Path) -> None:
    """Append a JSON file to GITHUB_OUTPUT, as one line."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        raise HandoverError(2, "NAME is no name of an environment")
    try:
        line = json.dumps(json.loads(file.read_text(encoding="utf-8")), separators=(",", ":"))
    except (OSError, ValueError, RecursionError):
        raise HandoverError(2, f"{file} holds no JSON: the step before wrote none.") from None
    if len(line) > LONGEST:
        raise HandoverError(1, f"{file} has {len(line):,} characters, and {LONGEST:,} are the most. Split the change.")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"{name}={line}\n")


def resources(stack: str, file: Path) -> None:
    """Write the names of a stack's resources."""
    command = ["pulumi", "stack", "export", "--stack", stack]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise HandoverError(3, "`pulumi stack export` failed; its message is above.")
    found = json.loads(done.stdout)["deployment"].get("resources") or ()
    names = [{"urn": resource["urn"]} for resource in found]
    file.write_text(json.dumps({"deployment": {"resources": names}}), encoding="utf-8")


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
            case ["resources", stack, file] if stack and file:
                resources(stack, Path(file))
            case ["sweep", folder, file] if folder and file:
                sweep(Path(folder), Path(file))
            case _:
                raise HandoverError(
                    2, "usage: make step-output NAME= FILE=, resources STACK= FILE=, sweep RESOURCES= FILE="
                )
    except HandoverError as error:
        print(f"handover: {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
