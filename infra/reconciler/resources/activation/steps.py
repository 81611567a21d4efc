"""The steps of an activation, each repeatable: test, configure the tables, start. Whatever dies when, run it again.

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
from reconciler.resources.activation import schedule, tables
from reconciler.resources.activation.pending import is_overdue, needs
from reconciler.resources.activation.setup_tests import deadline, failed_tests, in_words, mask_test, test_in_words
from reconciler.resources.connection import adoption
from reconciler.resources.connection.adoption import AdoptionDecision
from reconciler.resources.connection.sending import odd_values
from reconciler.resources.operation import DECLARED_WITHIN_S, own_words
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.secrets import ADVICE, KnownValues, known_values, show, show_label, wait_until_declared

logger = logging.getLogger(__name__)

#: What of the inputs is remembered only once Fivetran has it.
APPLIED = ("schedule", "paused", "sync")

#: Of those what one change of the connection brings.
_RUNNING = ("schedule", "paused")


def is_pending(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether an update has something to do. Nothing is, while somebody's turn is awaited, and after the unit's end."""
    if olds.get("connection_id") != news["connection_id"] or ("ended" in olds) != ("ended" in news):
        return True
    activated = bool(olds.get("activated"))
    if activated and schedule.changed_fields(olds, news):
        return True
    if not activated and _must_be_paused(olds, news):
        return True
    if "ended" in news:
        return False
    return (activated and _tables_changed(olds, news)) or _comes_further(olds, news)


def _comes_further(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether an update could bring a connection nearer to running than it was left."""
    tested = olds.get("tested") == news["revision"]
    match olds.get("outcome"):
        case "connected":
            return not tested or (not olds.get("activated") and _starts_otherwise(olds, news))
        case "awaiting":
            return is_overdue(news) or (not _awaits(news) and (_awaits(olds) or not tested))
    return True


def activate(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a connection to what `news` declares; returns what state is to hold.

    `olds` is what state held, empty for a connection that it did not know. A failed test is an outcome. Raises
    `OperationError` for what must not be done and `FivetranError` for what could not be.
    """
    state = {**news, **{key: olds.get(key) for key in APPLIED}, "activated": bool(olds.get("activated"))}
    if state["activated"]:
        _apply(olds, news, state)
    elif "paused" in news and not _is_left_alone(news):
        _keep_paused(olds, news, state)
    if "ended" in news:
        return _ended(olds, state)
    state |= _tested(olds, news)
    refused: str | None = None
    if state["outcome"] == "connected":
        try:
            _bring_to_the_file(olds, news, state)
        except OperationError as error:
            known = known_values([news.get("references")], ask=True)
            refused = _placed(news["file"], error.at, own_words(error.shown(news["file"]), known))
            state |= {"outcome": "refused", "reason": own_words(str(error), known)}
    if state["outcome"] != "connected":
        _report(state, refused)
    # Always there: a preview knows nothing of an output that state lacks.
    always = {"pending": {}, "messages": _said(state)}
    return {**always, **{key: value for key, value in state.items() if value is not None}}


def _ended(olds: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a unit that expired or retires to its end: paused is all that it has to be. Returns what state is to hold.

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
    """The inputs that are remembered once applied, as a file would have them to describe the live connection."""
    if props.get("activated") and live.paused and "paused" not in props and not schedule.by_airflow(props["schedule"]):
        logger.warning("%s: paused in Fivetran, not by the file; left as it is", props["file"])
    return {**schedule.as_file(props, live), **_live_tables(props)}


def seen(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """What a refresh found out about the outcome.

    Whoever reads `connected` after a failure, or after somebody's consent, takes it: what is left is to start.
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
        wait_until_declared(DECLARED_WITHIN_S)
        known = known_values([props.get("references")], ask=False)
        tasks = [_task(task, known) for task in live.tasks]
        found |= {"outcome": "broken", "tasks": tasks, "messages": tasks}
        said = "".join(f"\n    {task}" for task in tasks)
        left_alone = _is_left_alone(props) and not props.get("activated")
        then = "adopted as it is, so nothing tests it" if left_alone else "an update tests it again"
        logger.warning("%s: %s in Fivetran; %s%s", props["file"], live.setup_state, then, said)
    return found


def _awaits(news: Mapping[str, Any]) -> bool:
    return "awaiting" in news or "consent" in news


def _is_untouched(news: Mapping[str, Any]) -> bool:
    """Whether the connection was found at work, and nothing of it has been written."""
    return bool(news["revision"] == 0)


def _is_left_alone(news: Mapping[str, Any]) -> bool:
    """Return whether the connection was adopted as it is, and the file does not allow to change it."""
    return _is_untouched(news) and "apply_changes" not in news


def _must_be_paused(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether the file pauses a connection that a run or a refresh left unpaused."""
    return "paused" in news and "paused" not in olds and not _is_left_alone(news)


def _starts_otherwise(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether a connection that works and never ran is to run, or to wait with other tables or schedule."""
    return "paused" not in news or bool(schedule.changed_fields(olds, news)) or _tables_changed(olds, news)


def _tested(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """How the connection's set-up stands, testing where nobody has."""
    outcome, revision = olds.get("outcome"), news["revision"]
    same = olds.get("tested") == revision
    if outcome == "connected" and same:
        return {"outcome": outcome, "tested": revision}
    # A consent that was withdrawn is a failure, unlike one that was never given.
    awaits = _awaits(news) and ("awaiting" in news or not olds.get("activated"))
    # Somebody else may have brought it about: a person who gave consent, or tests that a run did not wait for.
    if awaits or _is_untouched(news) or outcome in {"testing", "awaiting"}:
        live = run.account.client().get_connection(news["connection_id"])
        unchanged = outcome == "awaiting" and olds["revision"] == revision
        told = (same and "was_connected" not in olds) or unchanged or _is_untouched(news)
        if live.setup_state == "connected" and told:
            return {"outcome": "connected", "tested": revision}
        if live.setup_state != "connected" and awaits:
            return {"outcome": "awaiting", "pending": _needs(news, live)}
        if _is_left_alone(news) and not olds.get("activated"):
            # A test that passes would start one that is not paused.
            known = known_values([news.get("references")], ask=True)
            return {"outcome": "broken", "tasks": [_task(task, known) for task in live.tasks]}
    return {"tested": revision, **_test(news)}


def _test(news: Mapping[str, Any]) -> dict[str, Any]:
    """What the setup tests say."""
    tested = run.account.tests.result(news["connection_id"], news.get("trusts_unseen", ()))
    if tested is None:
        # Fivetran does not tell when it tested. What reads connected by now may do so because of the config before.
        unclear = True
        with contextlib.suppress(FivetranError):
            unclear = run.account.client().get_connection(news["connection_id"]).setup_state == "connected"
        return {"outcome": "testing", "was_connected": unclear or None}
    if failed := failed_tests(tested.setup_tests):
        return {
            "outcome": "failed",
            "tests": [mask_test(test, known_values([news.get("references")], ask=True)) for test in failed],
        }
    if tested.setup_state != "connected":
        return {"outcome": "awaiting", "pending": _needs(news, tested)}
    return {"outcome": "connected"}


def _task(task: Alert, known: KnownValues) -> str:
    """Return what Fivetran wants done, masked: `reconnect: The connection is broken`."""
    return ": ".join(filter(None, (show_label(task.code, known), show(task.message, known))))


def _needs(props: Mapping[str, Any], live: Connection) -> dict[str, str]:
    """Return what the person who is to do something needs for it; texts of Fivetran's are masked."""
    known = known_values([props.get("references")], ask=True)
    tasks = {f"task {show_label(task.code, known)}": show(task.message, known) for task in live.tasks}
    said = {key: own_words(text, known) for key, text in needs(props, live).items()}
    return {**said, **{key: text for key, text in tasks.items() if text}}


def _bring_to_the_file(olds: Mapping[str, Any], news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Give a connection that works its tables, and start it where that has not been. Raises `OperationError`."""
    if not state["activated"]:
        _begin(news, state)
    elif _tables_changed(olds, news):
        _configure(news, state)


def _tables_changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether the file selects other tables than state remembers; a `sync` that left the file leaves all as it is."""
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
            reason=lambda error: show(error.unmasked_message, known_values([news.get("references")], ask=True)),
        )
        _warn(news["file"], done.warnings)
    state["sync"] = news.get("sync")


def _placed(file: str, at: tuple[str | int, ...], text: str) -> str:
    """Return a text after the line that it is about, where the files of the run are known."""
    place = run.declared.locate(file, *at)
    return text if place == file else f"{place}: {text}"


def _warn(file: str, warnings: Iterable[str]) -> None:
    for warning in warnings:
        text = tables.with_line(file, warning)
        logger.warning("%s", text if text.startswith(file) else f"{file}: {text}")


def _begin(news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Take over a connection at work; let any other run for the first time."""
    if _is_untouched(news) or "apply_changes" in news:
        live = run.account.client().get_connection(news["connection_id"])
        if _is_untouched(news) or live.succeeded_at is not None:
            return _adopt(news, live, state)
    return _start(news, state)


def _start(news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Let a connection run for the first time: its historical sync starts by itself, or by us where Airflow has it."""
    client, connection_id, paused = run.account.client(), news["connection_id"], "paused" in news
    _configure(news, state, fresh=True)
    client.update_connection(connection_id, **schedule.fields(news["schedule"]), paused=paused, run_setup_tests=False)
    if not paused and schedule.by_airflow(news["schedule"]):
        client.sync_connection(connection_id)
    state |= {key: news.get(key) for key in _RUNNING}
    state["activated"] = not paused


def _adopt(news: Mapping[str, Any], live: Connection, state: dict[str, Any]) -> None:
    """Take over a connection at work as it is; what differs is refused, unless the file says to change it."""
    found = tuple(adoption.activation_differences(news, live))
    decision = AdoptionDecision(news["name"], live, found, may_change=bool(news.get("apply_changes")))
    decision.raise_if_rejected()
    if decision.differences:
        if fields := schedule.differing_fields(news, live):
            run.account.client().update_connection(live.id, **fields, run_setup_tests=False)
        _configure(news, state)
    state |= {key: news.get(key) for key in APPLIED}
    state["activated"] = True


def _apply(olds: Mapping[str, Any], news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Bring a started connection to a changed schedule, or pause it, or let it go on."""
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


def _report(state: Mapping[str, Any], refused: str | None) -> None:
    """Tell why a connection does not work: a failure of the run, unless somebody's turn is in order."""
    if state["outcome"] != "awaiting" or is_overdue(state):
        # State holds no lines, since a line that moves changes nothing.
        at = ("connector", "awaiting", "until") if state["outcome"] == "awaiting" else ("connector",)
        run.outcomes.fail(state["file"], refused or _placed(state["file"], at, _in_words(state)))
        return
    needs = "".join(f"\n    {what}: {value}" for what, value in state["pending"].items() if what != "what")
    logger.warning("%s: awaits %s%s", state["file"], state["pending"]["what"], needs)


def _said(state: Mapping[str, Any]) -> list[str]:
    """Why a connection does not work, a text a reason."""
    match state["outcome"]:
        case "failed":
            return [test_in_words(test) for test in state["tests"]]
        case "refused":
            return [str(state["reason"])]
        case "broken":
            return list(state["tasks"])
    return []


def _odd_values(state: Mapping[str, Any]) -> str:
    """Return a line for each of the unit's secrets whose value is odd: that may be why a test fails."""
    found = odd_values(state.get("references", {}))
    return "".join(f"\n    {odd.path}: {odd}." for odd in found) + (f"\n    {ADVICE}" if found else "")


def _in_words(state: Mapping[str, Any]) -> str:
    subject = f"connection {state['connection_id']} ({state['service']})"
    if state["outcome"] == "refused":
        return str(state["reason"])
    if state["outcome"] == "broken":
        tasks = "".join(f"\n    {task}" for task in state["tasks"])
        return (
            f"{subject} is not connected in Fivetran, and adopting it as it is neither tests nor starts it{tasks}\n"
            f"    Finish its set-up in Fivetran, or write `adopt: {{connection: {state['connection_id']}, "
            "apply_changes: true}` to have it set up, tested and started."
        )
    if state["outcome"] == "failed":
        again = "\n    A secret is sent again when its version in the file changes." if "references" in state else ""
        return in_words(subject, state["tests"]) + _odd_values(state) + again
    if state["outcome"] == "testing":
        then = "looks at what they came to"
        if state["was_connected"]:
            then = "tests again, since Fivetran does not tell them from those of the config before"
        return f"the setup tests of {subject} were still running after {deadline():.0f} s.\n    The next run {then}."
    return f"{subject} was to be ready by {state['awaiting']['until']}, and still awaits: {state['awaiting']['what']}"
