"""The steps of an activation, each repeatable: test, configure the tables, start. Whatever dies when, run it again.

State remembers in `tested` which revision of the config passed or failed, in `outcome` how, and in `activated` that the
connection has been started once: from then on a pause by hand, and what Airflow changes, are left alone. `schedule`,
`paused` and `sync` are there as they were last brought to Fivetran.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from reconciler.client import Connection, scrub
from reconciler.provider import adoption, schedule
from reconciler.provider.awaiting import is_overdue, needs
from reconciler.provider.operation import OperationError, secrets_behind
from reconciler.provider.session import session
from reconciler.provider.setup_tests import deadline, failed_tests, in_words

logger = logging.getLogger(__name__)

#: What of the inputs is remembered only once Fivetran has it.
_APPLIED = ("schedule", "paused")

#: What is remembered besides.
_RECORDED = ("outcome", "tests", "tested", "activated", "awaits")


def is_pending(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether an update has something to do. Nothing is, while somebody's turn is awaited."""
    if olds.get("connection_id") != news["connection_id"]:
        return True
    tested = olds.get("tested") == news["revision"]
    match olds.get("outcome"):
        case "connected" if tested and not olds.get("activated"):
            return "paused" not in news
        case "connected":
            return not tested or bool(schedule.changed_fields(olds, news))
        case "awaiting":
            return is_overdue(news) or (not _awaits(news) and (_awaits(olds) or not tested))
    return True


def activate(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a connection to what `news` declares; returns what state is to hold.

    `olds` is what state held, empty for a connection that it did not know. A failed test is an outcome. Raises
    `OperationError` for what must not be done and `FivetranError` for what could not be.
    """
    state = {**news, **{key: olds.get(key) for key in _APPLIED}, "activated": bool(olds.get("activated"))}
    if state["activated"]:
        _apply(olds, news, state)
    state |= _tested(olds, news)
    if state["outcome"] != "connected":
        session.failed(news["file"], _in_words(state)) if _is_failure(state) else _tell(state)
    elif not state["activated"] and _is_adopted(olds, news):
        _adopt(news, state)
    elif not state["activated"]:
        _start(news, state)
    # Always there: a preview knows nothing of an output that state lacks.
    return {"awaits": {}, **{key: value for key, value in state.items() if value is not None}}


def as_file(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """The inputs that say otherwise than the file what a live connection is; empty before it is activated."""
    if not props.get("activated"):
        return {}
    if live.paused and "paused" not in props and not schedule.by_airflow(props["schedule"]):
        logger.warning("%s: paused in Fivetran, not by the file; left as it is", props["file"])
    return schedule.as_file(props, live)


def seen(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """What a refresh found out about the outcome.

    Whoever reads `connected` after a failure, or after somebody's consent, takes it: what is left is to start.
    """
    outcome = props.get("outcome")
    found: dict[str, Any] = {
        key: props[key] for key in ("outcome", "tests", "tested", "activated", "awaits") if key in props
    }
    if live.setup_state == "connected":
        if outcome != "connected":
            found = {"outcome": "connected", "tested": props["revision"], "activated": props.get("activated", False)}
            found["awaits"] = {}
    elif outcome == "connected":
        found |= {"outcome": "broken", "tasks": [f"{task.code}: {task.message}" for task in live.tasks]}
    elif "tasks" in props:
        found["tasks"] = props["tasks"]
    return found


def _awaits(news: Mapping[str, Any]) -> bool:
    return "awaiting" in news or "consent" in news


def _is_adopted(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether the connection was found at work, and nothing of it has been written yet."""
    return not olds and news["revision"] == 0


def _tested(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """How the connection's set-up stands, testing where nobody has."""
    outcome, revision = olds.get("outcome"), news["revision"]
    same = olds.get("tested") == revision
    if outcome == "connected" and same:
        return {"outcome": outcome, "tested": revision}
    # Somebody else may have brought it about: a person who gave consent, or tests that a run did not wait for.
    if _awaits(news) or _is_adopted(olds, news) or outcome in {"testing", "awaiting"}:
        live = session.client().get_connection(news["connection_id"])
        if live.setup_state == "connected" and (same or not olds or outcome == "awaiting"):
            return {"outcome": "connected", "tested": revision}
        if live.setup_state != "connected" and _awaits(news):
            return {"outcome": "awaiting", "awaits": needs(news, live)}
    return {"tested": revision, **_test(news)}


def _test(news: Mapping[str, Any]) -> dict[str, Any]:
    """What the setup tests say."""
    tested = session.tests.result(news["connection_id"])
    if tested is None:
        return {"outcome": "testing"}
    if failed := failed_tests(tested.setup_tests):
        return {"outcome": "failed", "tests": _shown(failed, news)}
    if tested.setup_state != "connected":
        return {"outcome": "awaiting", "awaits": needs(news, tested)}
    return {"outcome": "connected"}


def _shown(failed: list[dict[str, str]], news: Mapping[str, Any]) -> list[dict[str, str]]:
    secrets = secrets_behind(news)
    return [{**test, "message": scrub(test["message"], secrets)} for test in failed]


def _start(news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Let a connection run for the first time: its historical sync starts by itself, or by us where Airflow has it."""
    client, connection_id, paused = session.client(), news["connection_id"], "paused" in news
    client.update_connection(connection_id, **schedule.fields(news["schedule"]), paused=paused, run_setup_tests=False)
    if not paused and schedule.by_airflow(news["schedule"]):
        client.sync_connection(connection_id)
    state |= {key: news.get(key) for key in _APPLIED}
    state["activated"] = not paused


def _adopt(news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Take over a connection at work as it is; what differs is refused, unless the file says to change it."""
    live = session.client().get_connection(news["connection_id"])
    differing = adoption.schedule_differences(news, live)
    if differing and not news.get("apply_changes"):
        raise OperationError(adoption.refusal(news["name"], live, differing))
    if differing and (fields := schedule.differing_fields(news, live)):
        session.client().update_connection(live.id, **fields, run_setup_tests=False)
    state |= {key: news.get(key) for key in _APPLIED}
    state["activated"] = True


def _apply(olds: Mapping[str, Any], news: Mapping[str, Any], state: dict[str, Any]) -> None:
    """Bring a started connection to a changed schedule, or pause it, or let it go on."""
    fields = schedule.changed_fields(olds, news)
    if fields:
        session.client().update_connection(news["connection_id"], **fields, run_setup_tests=False)
    state |= {key: news.get(key) for key in _APPLIED}


def _is_failure(state: Mapping[str, Any]) -> bool:
    return state["outcome"] != "awaiting" or is_overdue(state)


def _in_words(state: Mapping[str, Any]) -> str:
    subject = f"connection {state['connection_id']} ({state['service']})"
    if state["outcome"] == "failed":
        return in_words(subject, state["tests"])
    if state["outcome"] == "testing":
        return (
            f"the setup tests of {subject} were still running after {deadline():.0f} s.\n"
            "    The next run looks at what they came to."
        )
    return f"{subject} was to be ready by {state['awaiting']['until']}, and still awaits: {state['awaiting']['what']}"


def _tell(state: Mapping[str, Any]) -> None:
    awaits = state["awaits"]
    logger.warning(
        "%s: awaits %s (%s; what is needed for it: `reconciler status`)",
        state["file"],
        awaits["what"],
        awaits["setup page"],
    )
