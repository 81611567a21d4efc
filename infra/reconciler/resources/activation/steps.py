"""The steps of an activation: test, configure the tables, start.

Each can be repeated after a killed run.

State remembers in `tested` which revision of the config passed or failed, in `outcome` how, and in `activated` that the
connection has been started once: from then on a pause by hand, and what Airflow changes, are left alone. `schedule`,
`paused` and `sync` are there as they were last brought to Fivetran.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.fivetran.api import Alert, Connection, FivetranError
from reconciler.fivetran.config_diff import Difference
from reconciler.model import Reference
from reconciler.resources.activation import schedule, tables
from reconciler.resources.activation.failed_tests import failed_tests, format_failures, format_test, mask_test
from reconciler.resources.activation.pending import is_overdue, needs
from reconciler.resources.adoption import AdoptionDecision
from reconciler.resources.operation import mask_own_text
from reconciler.resources.run.outcomes import OperationError, prefix_file
from reconciler.resources.run.run import run
from reconciler.resources.run.setup_tests import deadline
from reconciler.secrets import (
    ADVICE,
    KnownValues,
    inspect_value,
    known_value,
    known_values,
    show,
    show_label,
    wait_until_declared,
)

logger = logging.getLogger(__name__)

#: The inputs that state stores only once Fivetran has them.
APPLIED = ("schedule", "paused", "sync")

#: Of those, the ones that one change of the connection sends.
_RUNNING = ("schedule", "paused")


def is_pending(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether an update has something to do.

    Not while the set-up is pending, nor after the unit expired.
    """
    if olds.get("connection_id") != news["connection_id"] or ("ended" in olds) != ("ended" in news):
        return True
    activated = bool(olds.get("activated"))
    if activated and schedule.changed_fields(olds, news):
        return True
    if not activated and _must_be_paused(olds, news):
        return True
    if "ended" in news:
        return False
    return (activated and _tables_changed(olds, news)) or _can_go_on(olds, news)


def _can_go_on(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether an update could bring the connection nearer to running."""
    tested = olds.get("tested") == news["revision"]
    match olds.get("outcome"):
        case "connected":
            return not tested or (not olds.get("activated") and _needs_start(olds, news))
        case "awaiting":
            return is_overdue(news) or (not _waits_for_person(news) and (_waits_for_person(olds) or not tested))
    return True


def activate(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a connection to what `news` declares; return the new state.

    `olds` is the old state, empty for a new connection. A failed test is an outcome. Raises `OperationError` for what
    the file does not allow, and `FivetranError` where Fivetran fails.
    """
    state = {**news, **{key: olds.get(key) for key in APPLIED}, "activated": bool(olds.get("activated"))}
    if state["activated"]:
        _apply(olds, news, state)
    elif "paused" in news and not _is_left_alone(news):
        _keep_paused(olds, news, state)
    if "ended" in news:
        return _end(olds, state)
    state |= _ensure_tested(olds, news)
    rejected: str | None = None
    if state["outcome"] == "connected":
        try:
            _apply_file(olds, news, state)
        except OperationError as error:
            known = _known(news)
            rejected = run.declared.at_line(mask_own_text(error.shown(news["file"]), known), news["file"], *error.at)
            state |= {"outcome": "refused", "reason": mask_own_text(str(error), known)}
    if state["outcome"] != "connected":
        _report(state, rejected)
    # Always there: a preview knows nothing of an output that state lacks.
    always = {"pending": {}, "messages": _messages(state)}
    return {**always, **{key: value for key, value in state.items() if value is not None}}


def _end(olds: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a unit that expired or retires: it only has to be paused.

    It is not tested. A unit that gets a later date afterwards is tested then, if it is not known to work.
    """
    kept = {"outcome": "ended"}
    if olds.get("outcome") == "connected":
        kept = {key: olds[key] for key in ("outcome", "tested")}
    return {
        "pending": {},
        "messages": [],
        **{key: value for key, value in {**state, **kept}.items() if value is not None},
    }


def as_file(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """Return the inputs that state stores once applied, as a file would declare what is live."""
    if props.get("activated") and live.paused and "paused" not in props and not schedule.by_airflow(props["schedule"]):
        logger.warning(
            "%s: the connection is paused in Fivetran and not in the file; this run leaves it paused", props["file"]
        )
    return {**schedule.as_file(props, live), **_live_tables(props)}


def outcome_after_refresh(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """Return the outcome as a refresh finds it.

    A connection that reads `connected` after a failure, or after a consent, counts as tested: it is started next.
    """
    outcome = props.get("outcome")
    found: dict[str, Any] = {
        key: props[key]
        for key in ("outcome", "tests", "tested", "activated", "pending", "messages", "was_connected")
        if key in props
    }
    if live.setup_state == "connected":
        if outcome not in {"connected", "ended"} and "was_connected" not in props:
            found = {"outcome": "connected", "tested": props["revision"], "activated": props.get("activated", False)}
            found |= {"pending": {}, "messages": []}
    elif outcome in {"connected", "broken"} and "ended" not in props:
        # Without reading a secret: this may be a preview.
        wait_until_declared()
        known = known_values([props.get("references")], ask=False)
        tasks = [_task(task, known) for task in live.tasks]
        found |= {"outcome": "broken", "tasks": tasks, "messages": tasks}
        listed = "".join(f"\n    {task}" for task in tasks)
        left_alone = _is_left_alone(props) and not props.get("activated")
        then = "it was adopted as it is, so no run tests it" if left_alone else "the next update tests it again"
        logger.warning(
            "%s: the setup state of the connection is %s; %s%s", props["file"], live.setup_state, then, listed
        )
    return found


def activation_differences(props: Mapping[str, Any], live: Connection) -> list[Difference]:
    """Return where a live connection differs from the file in its schedule, pause and tables."""
    found = tables.differences(live.id, props["sync"]) if "sync" in props else ()
    return [*schedule.differences(props, live), *found]


def _waits_for_person(news: Mapping[str, Any]) -> bool:
    return "awaiting" in news or "consent" in news


def _is_untouched(news: Mapping[str, Any]) -> bool:
    """Return whether the connection was adopted, and nothing was written to it."""
    return bool(news["revision"] == 0)


def _is_left_alone(news: Mapping[str, Any]) -> bool:
    """Return whether the connection was adopted as it is, and the file does not allow to change it."""
    return _is_untouched(news) and "apply_changes" not in news


def _must_be_paused(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether the file pauses a connection that a run or a refresh left unpaused."""
    return "paused" in news and "paused" not in olds and not _is_left_alone(news)


def _needs_start(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether a connection that works and never ran has to be started or configured."""
    return "paused" not in news or bool(schedule.changed_fields(olds, news)) or _tables_changed(olds, news)


def _ensure_tested(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outcome of the set-up, after running the tests where this revision was not tested."""
    outcome, revision = olds.get("outcome"), news["revision"]
    same = olds.get("tested") == revision
    if outcome == "connected" and same:
        return {"outcome": outcome, "tested": revision}
    # A consent that was withdrawn is a failure, unlike one that was never given.
    waits = _waits_for_person(news) and ("awaiting" in news or not olds.get("activated"))
    # A person may have given consent, or tests that a run did not wait for may have passed.
    if waits or _is_untouched(news) or outcome in {"testing", "awaiting"}:
        live = run.account.client().get_connection(news["connection_id"])
        unchanged = outcome == "awaiting" and olds["revision"] == revision
        is_current = (same and "was_connected" not in olds) or unchanged or _is_untouched(news)
        if live.setup_state == "connected" and is_current:
            return {"outcome": "connected", "tested": revision}
        if live.setup_state != "connected" and waits:
            return {"outcome": "awaiting", "pending": _needs(news, live)}
        if _is_left_alone(news) and not olds.get("activated"):
            # A test that passes would start one that is not paused.
            known = _known(news)
            return {"outcome": "broken", "tasks": [_task(task, known) for task in live.tasks]}
    return {"tested": revision, **_run_tests(news)}


def _run_tests(news: Mapping[str, Any]) -> dict[str, Any]:
    """Wait for the setup tests and return their outcome."""
    tested = run.account.tests.result(news["connection_id"], news.get("trusts_unseen", ()))
    if tested is None:
        # Fivetran does not say when it tested: `connected` may be about the config before.
        unclear = True
        with contextlib.suppress(FivetranError):
            unclear = run.account.client().get_connection(news["connection_id"]).setup_state == "connected"
        return {"outcome": "testing", "was_connected": unclear or None}
    if failed := failed_tests(tested.setup_tests):
        known = _known(news)
        return {"outcome": "failed", "tests": [mask_test(test, known) for test in failed]}
    if tested.setup_state != "connected":
        return {"outcome": "awaiting", "pending": _needs(news, tested)}
    return {"outcome": "connected"}


def _task(task: Alert, known: KnownValues) -> str:
    """Return what Fivetran wants done, masked: `reconnect: The connection is broken`."""
    return ": ".join(filter(None, (show_label(task.code, known), show(task.message, known))))


def _known(props: Mapping[str, Any]) -> KnownValues:
    """Return what a text about this unit may quote. Secrets are read for it: for operations that write."""
    return known_values([props.get("references")], ask=True)


def _needs(props: Mapping[str, Any], live: Connection) -> dict[str, str]:
    """Return what a person needs for the pending action, such as a link; Fivetran's texts are masked."""
    known = _known(props)
    tasks = {f"task {show_label(task.code, known)}": show(task.message, known) for task in live.tasks}
    found = {key: mask_own_text(text, known) for key, text in needs(props, live).items()}
    return {**found, **{key: text for key, text in tasks.items() if text}}


def _apply_file(olds: Mapping[str, Any], news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Configure the tables of a connection that passed its tests, and start it once.

    Raises `OperationError`.
    """
    if not state["activated"]:
        _adopt_or_start(news, state)
    elif _tables_changed(olds, news):
        _configure(news, state)


def _tables_changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether the file selects other tables than state has.

    A `sync` that left the file changes nothing.
    """
    return "sync" in news and olds.get("sync") != news["sync"]


def _live_tables(props: Mapping[str, Any]) -> dict[str, Any]:
    if "sync" not in props:
        return {}
    found = tables.read(props["connection_id"], props["sync"])
    _warn(props["file"], found.warnings)
    return {"sync": dict(found.sync)}


def _configure(news: Mapping[str, Any], state: dict[str, Any], *, fresh: bool = False) -> None:
    """Select the tables, where the file does, and remember what was selected."""
    if "sync" in news:
        done = tables.configure(
            news["connection_id"],
            news["sync"],
            datasets=news.get("datasets"),
            fresh=fresh,
            runs=bool(state["activated"]),
            reason=lambda error: show(error.unmasked_message, _known(news)),
        )
        _warn(news["file"], done.warnings)
    state["sync"] = news.get("sync")


def _warn(file: str, warnings: Iterable[str]) -> None:
    for warning in warnings:
        logger.warning("%s", prefix_file(file, tables.locate_text(file, warning)))


def _adopt_or_start(news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Adopt a connection that already syncs; start any other."""
    if _is_untouched(news) or "apply_changes" in news:
        live = run.account.client().get_connection(news["connection_id"])
        if _is_untouched(news) or live.succeeded_at is not None:
            return _adopt(news, live, state)
    return _start(news, state)


def _start(news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Start a connection.

    Fivetran begins the historical sync, or we trigger it where Airflow schedules it.
    """
    client, connection_id, paused = run.account.client(), news["connection_id"], "paused" in news
    _configure(news, state, fresh=True)
    client.update_connection(connection_id, **schedule.fields(news["schedule"]), paused=paused, run_setup_tests=False)
    if not paused and schedule.by_airflow(news["schedule"]):
        client.sync_connection(connection_id)
    state |= {key: news.get(key) for key in _RUNNING}
    state["activated"] = not paused


def _adopt(news: Mapping[str, Any], live: Connection, state: dict[str, Any]) -> None:
    """Adopt a connection that already syncs. Differences are rejected, unless the file allows changes."""
    found = tuple(activation_differences(news, live))
    decision = AdoptionDecision(news["name"], live, found, may_change=bool(news.get("apply_changes")))
    decision.raise_if_rejected()
    if decision.differences:
        if fields := schedule.differing_fields(news, live):
            run.account.client().update_connection(live.id, **fields, run_setup_tests=False)
        _configure(news, state)
    state |= {key: news.get(key) for key in APPLIED}
    state["activated"] = True


def _apply(olds: Mapping[str, Any], news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Change the schedule or the pause of a connection that was started."""
    fields = schedule.changed_fields(olds, news)
    if fields:
        run.account.client().update_connection(news["connection_id"], **fields, run_setup_tests=False)
    state |= {key: news.get(key) for key in _RUNNING}


def _keep_paused(olds: Mapping[str, Any], news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Pause a connection that the file pauses and that is not known to have been started by a run.

    A new connection is made paused. Without an earlier state it may also be one that runs, whose activation was lost.
    """
    client, connection_id = run.account.client(), news["connection_id"]
    if _must_be_paused(olds, news) and (olds or not client.get_connection(connection_id).paused):
        client.update_connection(connection_id, paused=True, run_setup_tests=False)
    state["paused"] = news["paused"]


def _report(state: Mapping[str, Any], rejected: str | None) -> None:
    """Report why a connection is not started: as a failure, or as a warning while its set-up is pending."""
    if state["outcome"] != "awaiting" or is_overdue(state):
        # State holds no lines, since a line that moves changes nothing.
        at = ("connector", "awaiting", "until") if state["outcome"] == "awaiting" else ("connector",)
        text = rejected or run.declared.at_line(_format_failure(state), state["file"], *at)
        run.outcomes.fail(state["file"], text)
        return
    needs = "".join(f"\n    {what}: {value}" for what, value in state["pending"].items() if what != "what")
    logger.warning("%s: pending: %s%s", state["file"], state["pending"]["what"], needs)


def _messages(state: Mapping[str, Any]) -> list[str]:
    """Return why a connection failed, a text for each reason."""
    match state["outcome"]:
        case "failed":
            return [format_test(test) for test in state["tests"]]
        case "refused":
            return [str(state["reason"])]
        case "broken":
            return list(state["tasks"])
    return []


def _odd_values(state: Mapping[str, Any]) -> str:
    """Return a line for each of the unit's secrets whose value is odd: that may be why a test fails."""
    found = []
    for path, node in sorted(state.get("references", {}).items()):
        reference = Reference.parse(node)
        value = None if reference is None or reference.exact else known_value(reference)
        if reference is not None and value is not None and (odd := inspect_value(path, reference, value)):
            found.append(odd)
    return "".join(f"\n    {odd.path}: {odd}." for odd in found) + (f"\n    {ADVICE}" if found else "")


def _format_failure(state: Mapping[str, Any]) -> str:
    subject = f"connection {state['connection_id']} ({state['service']})"
    if state["outcome"] == "refused":
        return str(state["reason"])
    if state["outcome"] == "broken":
        tasks = "".join(f"\n    {task}" for task in state["tasks"])
        return (
            f"{subject} is not connected in Fivetran, and a run neither tests nor starts a connection that it adopted "
            f"as it is{tasks}\n"
            f"    Finish its set-up in Fivetran, or write `adopt: {{connection: {state['connection_id']}, "
            "apply_changes: true}` to let the next run set it up, test it and start it."
        )
    if state["outcome"] == "failed":
        again = "\n    A secret is sent again when its version in the file changes." if "references" in state else ""
        return format_failures(subject, state["tests"]) + _odd_values(state) + again
    if state["outcome"] == "testing":
        step = "Run again to read their result."
        if state["was_connected"]:
            step = "Run again to repeat them: Fivetran does not report which config it tested."
        return f"the setup tests of {subject} were still running after {deadline():.0f} s\n    {step}"
    return f"{subject} is overdue since {state['awaiting']['until']}: {state['awaiting']['what']}"
