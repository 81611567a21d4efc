"""Push variables to Airflow or to Secret Manager, and report what became of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.airflow.push import Action, Push, PushStep, Store, apply, plan
from reconciler.cli import Exit
from reconciler.cli.masked_output import known_secrets
from reconciler.cli.output import Entry, Level, Report, Reporter
from reconciler.config.places import Places
from reconciler.model import commands
from reconciler.model.commands import count
from reconciler.model.errors import RemoteError

#: What a connection id of Fivetran looks like. Other values of Airflow's are not shown.
_ID = re.compile(r"[a-z]{3,30}_[a-z]{3,30}")

#: The verbs of `--dry-run`.
_WOULD = {
    Action.CREATE: "would create",
    Action.UPDATE: "would update",
    Action.ADOPT: "would adopt",
    Action.DELETE: "would delete",
}


@dataclass(frozen=True)
class Target:
    """Where variables are written, for messages.

    Attributes:
        name: The service.
        delete: The command that deletes a variable by hand; `{}` is its name.
    """

    name: str
    delete: str

    def format_deletion(self, key: str) -> str:
        """Return the command that deletes a variable."""
        return commands.shell(*self.delete.format(key).split())


AIRFLOW = Target("Airflow", "airflow variables delete {}")


def secret_manager(project: str) -> Target:
    """Return Secret Manager of a project."""
    return Target("Secret Manager", f"gcloud secrets delete airflow-variables-{{}} --project {project}")


@dataclass(frozen=True)
class Variables:
    """What to push, where each variable is declared, and why it is obsolete."""

    push: Push
    files: Mapping[str, str]
    reasons: Mapping[str, str]
    places: Places = field(default_factory=lambda: Places(Path.cwd()))


def push_variables(variables: Variables, store: Store, target: Target, reporter: Reporter, *, dry_run: bool) -> int:
    """Push, and report each variable, also those that were changed before Airflow failed.

    Raises:
        RemoteError: Airflow or Google failed.
    """
    steps: list[PushStep] = []
    try:
        for step in plan(variables.push, store) if dry_run else apply(variables.push, store):
            steps.append(step)
    except RemoteError:
        done = [step for step in steps if step.action.is_write]
        if done:
            _report(done, variables, target, reporter, note=f"stopped after {count(len(done), 'change')}")
        raise
    _report(steps, variables, target, reporter, note=_summary(steps, variables.push, dry_run=dry_run), dry_run=dry_run)
    return Exit.FINDINGS if any(step.action.needs_attention for step in steps) else Exit.FINE


def _report(
    steps: Sequence[PushStep],
    variables: Variables,
    target: Target,
    reporter: Reporter,
    *,
    note: str,
    dry_run: bool = False,
) -> None:
    entries = [_entry(step, variables, target, dry_run=dry_run) for step in steps if step.action is not Action.NONE]
    records = [_record(step, variables, target, dry_run=dry_run) for step in steps]
    reporter.report(Report(entries, records, notes=[note]))


def _summary(steps: Iterable[PushStep], push: Push, *, dry_run: bool) -> str:
    counts = Counter(step.action for step in steps)
    names = ", ".join(sorted(push.environments))
    if set(counts) <= {Action.NONE}:
        return f"{names}: nothing changes, {count(counts[Action.NONE], 'variable')}"
    verb = "would be " if dry_run else ""
    parts = [
        f"{number:,} {verb if action.is_write else ''}{action.value}" for action in Action if (number := counts[action])
    ]
    return f"{names}: {', '.join(parts)}"


def _entry(step: PushStep, variables: Variables, target: Target, *, dry_run: bool) -> Entry:
    text, advice = _describe(step, variables, target, dry_run=dry_run)
    file, line, column = _place(step, variables)
    level: Level = "ok"
    if step.action.needs_attention:
        level = "warning"
    elif step.action is Action.KEEP_UNMARKED:
        level = "notice"
    return Entry(text, level, (advice,) if advice else (), file, line, column)


def _describe(step: PushStep, variables: Variables, target: Target, *, dry_run: bool) -> tuple[str, str]:  # noqa: PLR0911
    """Return what is printed about a variable, and what the reader can do."""
    key, value = step.key, step.value
    verb = _WOULD.get(step.action, "") if dry_run else step.action.value
    reason = variables.reasons.get(key, "no unit declares it")
    match step.action:
        case Action.CREATE:
            return f"{verb} {key} = {value}", ""
        case Action.UPDATE:
            return f"{verb} {key}: {_before(step)} → {value}", ""
        case Action.ADOPT:
            return f"{verb} {key} = {value}", ""
        case Action.DELETE:
            return f"{verb} {key}: {reason}", ""
        case Action.KEEP_UNMARKED:
            return f"{key} has the right value and is not ours", "Run again with --adopt to own it."
        case Action.REJECT_VALUE:
            return (
                f"{key} is not ours: {target.name} has {_before(step)}, the files declare {value}",
                f"Run {target.format_deletion(key)}, then push again. Or correct its value and use --adopt.",
            )
        case Action.REJECT_HIDDEN:
            return (
                f"{key} is not ours, and {target.name} hides its value",
                f"Run {target.format_deletion(key)}, then push again.",
            )
        case Action.REJECT_OWNER:
            owner = step.live.marker.environment if step.live and step.live.marker else ""
            return (
                f"{key} belongs to environment {owner}",
                f"Push {owner} with --prune once none of its units declares the variable, then push again.",
            )
        case Action.KEEP_OBSOLETE:
            return f"{key} is obsolete: {reason}", "Run again with --prune to delete it."
        case Action.KEEP_UNMARKED_OBSOLETE:
            return f"{key} is obsolete and not ours: {reason}", f"Run {target.format_deletion(key)}."
        case Action.MISSING:
            return (
                f"{key} is left out: Fivetran has no such connection yet",
                f"Run {commands.up(step.environment)} to create it.",
            )
        case _:
            return f"{key} is unchanged", ""


def _before(step: PushStep) -> str:
    """Return the value that a variable had, if it is surely an id."""
    value = step.live.value if step.live else None
    if value is None:
        return "a hidden value"
    if value == step.value:
        return "the same value with another marker"
    return value if _is_id(value) else "another value"


def _is_id(value: str) -> bool:
    return _ID.fullmatch(value) is not None and value not in known_secrets()


def _record(step: PushStep, variables: Variables, target: Target, *, dry_run: bool) -> dict[str, object]:
    file, line, column = _place(step, variables)
    text, advice = _describe(step, variables, target, dry_run=dry_run)
    before = step.live.value if step.live else None
    return {
        "variable": step.key,
        "environment": step.environment,
        "action": step.action.value,
        "applied": step.action.is_write and not dry_run,
        "value": step.value,
        "before": before if before is not None and _is_id(before) else None,
        "text": text,
        "advice": advice,
        "file": file,
        "line": line,
        "column": column,
    }


def _place(step: PushStep, variables: Variables) -> tuple[str | None, int | None, int]:
    file = variables.files.get(step.key)
    if file is None:
        return None, None, 1
    found = variables.places.find(file, "connector", "schedule", "task_id").removeprefix(file)
    numbers = [int(each) for each in found.split(":") if each]
    return (file, numbers[0], numbers[1]) if len(numbers) == 2 else (file, None, 1)
