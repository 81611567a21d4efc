"""Package: the code of a custom connector, uploaded to Fivetran from the file next to its unit.

A package belongs to one connection. A run rejects the adoption of a package that differs from its file.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi import Input, ResourceOptions
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.fivetran import api as fivetran
from reconciler.model import Package as PackageFile
from reconciler.model import Unit, commands
from reconciler.resources.operation import Provider, found, operation, stored
from reconciler.resources.package.code import is_same, live_content
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run

logger = logging.getLogger(__name__)

#: The input that says where the file is on this machine: for `check` only, which keeps it out of state.
_AT = "at"


class PackageProvider(Provider):
    """Uploads a changed file, finds a connection's package, and deletes unused packages."""

    about = ("connector", "package")

    @operation
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        run.declared.package_files[news["sha256"]] = news.pop(_AT, "")
        return CheckResult(news, [])

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=olds.get("content") != news["content"])

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        connection = run.account.find(props["group_id"], props["connection"])
        client = run.account.client()
        with run.account.package_lock:
            before = list(client.list_packages())
            taken = next((each for each in before if connection and each.connection_id == connection.id), None)
            if taken is not None:
                intent = run.declared.intents.get(props["connection"])
                ours = connection is not None and intent is not None and intent.covers(connection)
                sha256 = _adopt(taken, props, ours=ours)
                return CreateResult(taken.id, {**stored(props), "sha256": sha256})
            return CreateResult(_make(props, {each.id for each in before}), stored(props))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        try:
            live = run.account.client().get_package(id_)
        except fivetran.NotFound:
            return ReadResult(None, {})
        before = stored(props)
        if live.sha256 in (None, before["sha256"]):
            return found(id_, before, before)
        content = live_content(live, before) or f"unknown, in a file of SHA-256 {live.sha256}"
        # Which bytes Fivetran has is not an input: the file may be packed anew.
        now = {**before, "content": content}
        return found(id_, before, now, {"sha256": live.sha256})

    @operation
    def update(self, id_: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        try:
            run.account.client().update_package(id_, _content(news))
        except fivetran.NotFound:
            raise OperationError(
                f"the package {id_} was deleted in Fivetran; "
                f"{commands.up(commands.stack_of(news['file']), refresh=True)} uploads it again"
            ) from None
        return UpdateResult(stored(news))

    @operation
    def delete(self, id_: str, _props: dict[str, Any]) -> None:
        with contextlib.suppress(fivetran.NotFound):
            try:
                run.account.client().delete_package(id_)
            except fivetran.Forbidden:
                logger.warning("the package %s stays in Fivetran: a connection uses it, or another user owns it", id_)


class Package(Resource, module="fivetran", name="Package"):
    """The package of a unit's connector. Its id is Fivetran's."""

    def __init__(
        self, unit: Unit, package: PackageFile, connection: str, group_id: Input[str], opts: ResourceOptions
    ) -> None:
        adopt = unit.connector.adopt if unit.connector else None
        props = {
            "unit": unit.name,
            "file": unit.file,
            **package.as_property(),
            "connection": connection,
            "group_id": group_id,
            **({"apply_changes": True} if adopt and adopt.apply_changes else {}),
            _AT: package.at,
        }
        super().__init__(PackageProvider(), unit.name, props, opts)


def _adopt(there: fivetran.Package, props: Mapping[str, Any], *, ours: bool) -> str:
    """Adopt the package of an existing connection as it is, unless the file allows changes.

    If an earlier run of this stack began to create the connection, its package is replaced by the file. Return the
    hash of the bytes that Fivetran then has.
    """
    if is_same(there, props):
        return there.sha256 or str(props["sha256"])
    if "apply_changes" not in props and not ours:
        raise OperationError(
            f"the connection {props['connection']} exists with other code (package {there.id}) than "
            f"{props['package']}\n    Replace the file with Fivetran's (operation download_connector_sdk_package), or "
            "write `adopt: {connection: …, apply_changes: true}` to upload this one.",
            at=("connector", "package"),
        )
    run.account.client().update_package(there.id, _content(props))
    return str(props["sha256"])


def _make(props: Mapping[str, Any], before: set[str]) -> str:
    """Upload a new package.

    One that was not there before, with this file, is what a lost answer was about.
    """
    content = _content(props)
    try:
        return run.account.client().create_package(content).id
    except fivetran.FivetranError as error:
        if not error.may_have_taken_effect:
            raise
        new = [
            each
            for each in run.account.client().list_packages()
            if each.id not in before and each.connection_id is None
        ]
        mine = next((each for each in new if each.sha256 == props["sha256"] and _is_by_us(each)), None)
        return mine.id if mine else run.account.client().create_package(content).id


def _is_by_us(package: fivetran.Package) -> bool:
    """Return whether our key's user uploaded it.

    What Fivetran names for a system key is not documented.
    """
    user = run.account.creator().user
    return user is None or package.created_by in (None, user)


def _content(props: Mapping[str, Any]) -> bytes:
    """Return the file's content, as it was when the run began."""
    at = run.declared.package_files.get(props["sha256"], "")
    try:
        content = Path(at).read_bytes() if at else b""
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != props["sha256"]:
        raise OperationError(f"{props['package']} changed during the run\n    Run again.", at=("connector", "package"))
    return content
