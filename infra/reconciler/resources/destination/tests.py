"""Test an environment's destination, once Fivetran's service account has its role on the project.

A resource of its own, since the account is known only when the group is there, and may write only when it has the role.
"""

from __future__ import annotations

import logging
from typing import Any

from pulumi import Input, ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.fivetran.api import NotFound
from reconciler.model import DESTINATION_SETTINGS, Environment
from reconciler.resources.activation.failed_tests import report_failures
from reconciler.resources.operation import Provider, found, is_unknown, operation, stored
from reconciler.resources.run.run import run
from reconciler.resources.run.setup_tests import deadline, run_unless_killed

logger = logging.getLogger(__name__)

#: How long Google may take to act on a new grant, in seconds ("7 minutes or more", mostly within 2:
#: https://cloud.google.com/iam/docs/access-change-propagation). `RECONCILER_SETUP_TESTS_DEADLINE` can only shorten it.
_GRANTS_ACT_WITHIN_S = 420.0

#: Seconds between two attempts, from the first on; the last holds for all further ones.
_PAUSES_S = (5.0, 10.0, 20.0, 30.0)

#: The one status that needs no test.
_WORKS = "connected"
#: The status of a destination that has never worked, so that a grant may be what it waits for.
_NEW = "incomplete"


class DestinationTestsProvider(Provider):
    """Tests the destination unless it works.

    A failure is an error and leaves nothing in state: the next run tests.
    """

    about = ("fivetran",)

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        moved = [key for key in ("group_id", "account") if is_unknown(news.get(key)) or olds.get(key) != news[key]]
        return DiffResult(changes=bool(moved) or olds.get("settings", {}) != news.get("settings", {}))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        _test(props)
        return CreateResult(props["group_id"], stored(props))

    @operation
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _test(news, again=olds.get("settings", {}) != news.get("settings", {}))
        return UpdateResult(stored(news))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Report the tests as deleted if the destination fails, so that the run tests it again."""
        try:
            live = run.account.client().get_destination(props["group_id"])
        except NotFound:
            return ReadResult(None, {})
        return found(id_, stored(props), stored(props)) if live.setup_status == _WORKS else ReadResult(None, {})

    @operation
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: tests leave nothing behind."""


class DestinationTests(Resource, module="fivetran", name="DestinationTests"):
    """One per environment; whatever Fivetran is to load depends on it."""

    def __init__(
        self,
        environment: Environment,
        group_id: Input[str],
        account: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        settings = environment.destination.settings
        tested = {name: value for name, value in settings.items() if DESTINATION_SETTINGS[name].tested}
        props = {
            "file": environment.file,
            "group_id": group_id,
            "account": account,
            **({"settings": tested} if tested else {}),
        }
        super().__init__(DestinationTestsProvider(), environment.name, props, opts)


def _test(props: dict[str, Any], *, again: bool = False) -> None:
    client, id_ = run.account.client(), props["group_id"]
    status = client.get_destination(id_).setup_status
    if status == _WORKS and not again:
        return
    patience = min(deadline(), _GRANTS_ACT_WITHIN_S) if status == _NEW else 0.0
    waited, attempt = 0.0, 0
    while True:
        tested = run_unless_killed(id_, lambda: client.test_destination(id_))
        if not any(test.failed for test in tested.setup_tests):
            return
        pause = _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
        if waited + pause > patience:
            break
        if attempt == 0:
            logger.warning(
                "%s: setup tests of the destination %s fail, as they may while a role that was granted just now does "
                "not act yet: trying again for up to %.0f s",
                *(props["file"], id_, patience),
            )
        run.sleep(pause)
        waited, attempt = waited + pause, attempt + 1
    subject = f"destination {id_}, which Fivetran writes as {props['account']},"
    report_failures(subject, tested.setup_tests)
