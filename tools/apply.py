"""Applies what was reviewed to a stack, for the workflows: `make apply STACK=dev REVIEW=review.json`.

- Removals are allowed up to the number in the review, so `reconciler agrees` has to compare the review before. Without
  a review none are, beyond what an earlier run scheduled.
- A run of many changes without any deletion skips the engine's checkpoints, which would write the whole state after
  each change. A first run, of the preflight alone, stores what the second is about to create. Not with `--refresh`,
  which may find more to change than the review did, and not in Pulumi Cloud.
- `--order` runs nothing. It prints whether this commit may still be applied: not if the stack's last run was of a later
  commit, since this one would undo it. An old run of a workflow that is repeated is such a case.

- `--newest` runs nothing either. It prints whether no stack of an environment was applied at a later commit.

In GitHub Actions, what later steps and jobs ask is an output of the step: `completed` (the run came to its end, even if
units failed), `proceed` (the commit may be applied), `since` (the commit that was last applied without a failure)
and `newest`.

Exit 0 when all is applied; 1 when the run failed or was rejected; 2 for wrong usage; 3 when Pulumi or git failed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.cli.run_program import Interrupted, raise_on_sigterm, run_to_end

#: Allows a run to remove what no file declares. A test compares it with the program's.
REMOVALS = "RECONCILER_REMOVALS"

#: Where the stacks are.
BACKEND = "PULUMI_BACKEND_URL"

#: The resource that a run registers last, when every unit is done or has failed.
LAST = "reconciler:Outcome::"

#: The first run stores the intents of the second in this resource.
PREFLIGHT = "**reconciler:Preflight::**"

#: How the stack's history names that run.
RECORDS = "record intents"

#: The engine keeps the state of the second run only at its end.
WITHOUT_CHECKPOINTS = {"PULUMI_EXPERIMENTAL": "1", "PULUMI_SKIP_CHECKPOINTS": "true"}

#: Changes from which that pays: below, a second start of the engine takes longer than to write the state.
MANY = 100

#: The backends that write the whole state after each change.
WHOLE_STATE = ("file://", "gs://")

#: How many of the last runs are searched for one that applied something: others only refreshed the state.
RUNS = 50


class ApplyError(Exception):
    """What is wrong, and the exit code for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def apply(stack: str, review: Path | None, *, refresh: bool, many: int = MANY) -> int:
    """Run `pulumi up`, and write whether it came to its end."""
    variables = {name: value for name, value in os.environ.items() if name != REMOVALS}
    removals = 0 if review is None else count_removals(review, stack)
    if removals:
        variables[REMOVALS] = f"allow:{removals}"
        say(f"{removals} reviewed removal{'' if removals == 1 else 's'} allowed")
    # The flag for the log is hidden without this variable. The log holds states, so it is never kept.
    variables["PULUMI_DEBUG_COMMANDS"] = "true"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.json"
        options = ["--yes", "--skip-preview", "--non-interactive", "--suppress-outputs", "--event-log", str(log)]
        if review is not None and not refresh and may_skip_checkpoints(review, many):
            say("many changes and no deletion: the state is written once before them, and at the end")
            first = ["--target", PREFLIGHT, "--message", RECORDS]
            recorded = pulumi("up", "--stack", stack, *first, *options[:-2], variables=variables)
            if recorded.returncode != 0:
                write_output("completed", value=False)
                raise ApplyError(1, "the preflight was rejected; the reason is above.")
            variables |= WITHOUT_CHECKPOINTS
        done = pulumi("up", "--stack", stack, *options, *(["--refresh"] if refresh else []), variables=variables)
        completed = came_to_its_end(log)
    write_output("completed", completed)
    if done.returncode != 0:
        text = "the run ended, but a part of it failed" if completed else "the run did not finish"
        raise ApplyError(1, f"{text}; the reason is above.")
    return 0


def may_skip_checkpoints(review: Path, many: int) -> bool:
    """Return whether a reviewed run changes much and deletes nothing, where state is stored whole."""
    content = json.loads(review.read_text(encoding="utf-8"))
    changes, deletions = content.get("changes"), content.get("deletions")
    backend = os.environ.get(BACKEND, "")
    return isinstance(changes, int) and changes >= many and deletions == 0 and backend.startswith(WHOLE_STATE)


def count_removals(review: Path, stack: str) -> int:
    """Return how many deletions of a review its run has to allow: those that no earlier run scheduled."""
    try:
        content = json.loads(review.read_text(encoding="utf-8"))
        scheduled = set(content["scheduled"])
        right = content["environment"] == stack and not content.get("rejected")
        deleted = [each for each in content["consequences"] if str(each["kind"]).endswith("_deleted")]
        number = sum(each["fingerprint"] not in scheduled for each in deleted)
    except (OSError, ValueError, TypeError, KeyError) as error:
        text = f"{review}: not the output of `reconciler review -e {stack} --format json`"
        raise ApplyError(2, text) from error
    if not right:
        raise ApplyError(2, f"{review}: a review of another environment, or of a run that is rejected")
    return number


def came_to_its_end(log: Path) -> bool:
    """Return whether the engine came to the resource that is registered last."""
    return any(LAST in str(_metadata(event).get("urn")) for event in _events(log))


def _events(log: Path) -> Iterator[Mapping[str, Any]]:
    if not log.is_file():
        return
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the engine was killed in the middle of a line
            if isinstance(event, dict):
                yield event


def _metadata(event: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"):
        found = event.get(name)
        if isinstance(found, dict) and isinstance(found.get("metadata"), dict):
            return dict(found["metadata"])
    return {}


def order(stack: str) -> int:
    """Write whether the checked-out commit may be applied, and since which commit it is reviewed."""
    runs = last_runs(stack)
    here = git("rev-parse", "HEAD").stdout.strip()
    last = next((run for run in runs if run.commit), None)
    succeeded = next((run.commit for run in runs if run.commit and run.succeeded), "")
    is_later = last is not None and is_before(here, last.commit)
    if last is not None and is_later:
        say(f"{stack} was applied at {last.commit}, which is later than {here}: nothing to do")
    # Also the commits whose runs stopped or failed are in this one.
    write_output("since", succeeded if is_before(succeeded, here) else "")
    write_output("proceed", not is_later)
    return 0


def newest(environment: str) -> int:
    """Write whether no stack of an environment was applied at a later commit than the checked-out one."""
    here = git("rev-parse", "HEAD").stdout.strip()
    subfolders = sorted(file.name for file in Path().glob(f"Pulumi.{environment}.*.yaml"))
    stacks = [environment, *(name.removeprefix("Pulumi.").removesuffix(".yaml") for name in subfolders)]
    write_output("newest", not any(_may_be_later(stack, here) for stack in stacks))
    return 0


def _may_be_later(stack: str, here: str) -> bool:
    try:
        runs = last_runs(stack)
    except ApplyError:
        return True  # what cannot be read may be
    last = next((run.commit for run in runs if run.commit), "")
    later = bool(last) and last != here and not is_before(last, here)
    if later:
        say(f"{stack} was applied at {last}, which is not before {here}")
    return later


@dataclass(frozen=True)
class Run:
    """A run of Pulumi that applied something."""

    commit: str
    """The commit that it was of; empty where Pulumi recorded none."""
    succeeded: bool


def last_runs(stack: str) -> list[Run]:
    """Return the last runs that applied something, the latest first."""
    options = ["--json", "--page-size", str(RUNS)]
    done = pulumi("stack", "history", "--stack", stack, *options, variables=os.environ, capture=True)
    if done.returncode != 0:
        # GitHub gives a job an empty variable for one that the environment does not have.
        step = "" if os.environ.get(BACKEND, "unset") else f"\n    Set {BACKEND}, which is empty."
        raise ApplyError(3, f"`pulumi stack history` failed; its message is above.{step}")
    listed = json.loads(done.stdout or "[]")
    found = [run for run in listed if run.get("kind") == "update" and run.get("message") != RECORDS]
    return [Run(str(run["environment"].get("git.head", "")), run.get("result") == "succeeded") for run in found]


def is_before(commit: str, later: str) -> bool:
    """Return whether one commit is in the history of another one; a commit that is missing here is not."""
    return bool(commit) and commit != later and git("merge-base", "--is-ancestor", commit, later).returncode == 0


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in the working directory."""
    command = ["git", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)


def pulumi(*arguments: str, variables: Mapping[str, str], capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the CLI, its output shown unless captured; interrupted, it records what it has done."""
    try:
        return run_to_end(["pulumi", *arguments], capture=capture, variables=variables)
    except FileNotFoundError:
        raise ApplyError(2, 'no pulumi on PATH: eval "$(make -s env)" first.') from None


def write_output(name: str, value: bool | str) -> None:
    """Print what was found, and make it an output of a step of GitHub Actions."""
    line = f"{name}={value if isinstance(value, str) else str(value).lower()}"
    say(line)
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a", encoding="utf-8") as outputs:
            outputs.write(f"{line}\n")


def say(text: str) -> None:
    """Write one line at once, in order with what Pulumi writes."""
    print(text, flush=True)


def main() -> int:
    """Read the arguments, apply, and return the exit code."""
    parser = argparse.ArgumentParser(usage="make apply STACK=dev [REVIEW=review.json] [REFRESH=1]")
    parser.add_argument("stack", metavar="STACK", help="the stack, for example dev")
    parser.add_argument("--review", type=Path, help="the output of `reconciler review --format json`")
    parser.add_argument("--refresh", action="store_true", help="also correct drift")
    parser.add_argument(
        "--many",
        type=int,
        default=MANY,
        help="skip the engine's checkpoints in a run with this number of changes or more",
    )
    parser.add_argument("--order", action="store_true", help="only find out whether this commit may be applied")
    parser.add_argument("--newest", action="store_true", help="only check that no stack is at a later commit")
    arguments = parser.parse_args()
    raise_on_sigterm()
    try:
        if arguments.newest:
            return newest(arguments.stack)
        if arguments.order:
            return order(arguments.stack)
        return apply(arguments.stack, arguments.review, refresh=arguments.refresh, many=arguments.many)
    except ApplyError as error:
        print(f"apply: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt as error:
        step = f"Run this again, after `make recover STACK={arguments.stack}` if the stack is locked."
        print(f"apply: interrupted; what was done is recorded.\n    {step}", file=sys.stderr)
        return 128 + (error.number if isinstance(error, Interrupted) else signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
