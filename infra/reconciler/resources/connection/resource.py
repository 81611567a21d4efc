"""Connection: one Fivetran connection.

In state it is as its file declares it, with references in place of secrets.

It is created paused and untested. Its tests, tables, schedule and pause belong to its `Activation`.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

import pulumi
from pulumi import Input, ResourceOptions
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pulumi.output import Unknown

from reconciler.fivetran import api as fivetran
from reconciler.fivetran import catalog
from reconciler.fivetran.config_diff import Difference
from reconciler.lifecycle.removal import Ending, explain_removal, may_remove, removals_allowed
from reconciler.model import ANY, Unit, commands
from reconciler.model.reference import value_at
from reconciler.model.today import today
from reconciler.resources.connection import api_fields, left_keys, new_connections, stored_forms, trust
from reconciler.resources.connection.adoption import may_change
from reconciler.resources.connection.existence import DeclaredConnection, ensure, fields_for_set_up
from reconciler.resources.connection.secret_values import reject_changes_around_kept, resolve_values
from reconciler.resources.operation import Provider, found, hide_secrets, is_unknown, operation, shorten_lines, stored
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.secrets import known_values, resolvers
from reconciler.secrets.masking import contains_secret

#: What cannot change in a connection that exists: another value is another connection, made only where a file says so.
_FIXED = ("group_id", "service", "destination")

#: The key of config that comes from a unit's `Package`.
_PACKAGE = "package_id"

#: What state has besides the inputs: a number that changes with each untested config, and what Fivetran stored in place
#: of values that were sent.
_REVISION = "revision"
_STORED_FORMS = "stored_forms"

logger = logging.getLogger(__name__)


class ConnectionProvider(Provider):
    """Creates or adopts, patches what changed, reads what the file manages, deletes if allowed."""

    about = ("connector",)

    @operation
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        name = api_fields.connection_name(news)
        if olds:
            _reject_fixed_settings(olds, news)
        elif run.declared.is_preview and not is_unknown(news.get("group_id")) and name not in run.declared.replaced:
            new_connections.look_up_again(news["group_id"], name)
        changed = _changed(olds, news) if olds else []
        if changed and api_fields.connection_name(olds) not in run.declared.replaced:
            raise OperationError(
                "\n".join(
                    f"{news['file']}: {key} changed from {olds[key]} to {news[key]}, which Fivetran cannot "
                    "do in an existing connection"
                    for key in changed
                )
            )
        return CheckResult(news, [])

    @operation
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if changed := _changed(olds, news):
            return DiffResult(changes=True, replaces=changed, delete_before_replace=True)
        if "adopt" in news and news["adopt"]["connection"] != id_:
            raise OperationError(f"adopt names {news['adopt']['connection']}, but the connection is {id_}: correct it")
        # Warned of here, since previews and applies both call `diff`; once, since state forgets the key then.
        for text in left_keys.warnings(olds, news):
            logger.warning("%s", text)
        if isinstance(news.get("config", {}).get(_PACKAGE), Unknown):
            return DiffResult(changes=True)  # of a package that this run is about to upload
        fields = api_fields.patch(olds, news)
        reject_changes_around_kept(fields)
        if _may_be_set_up(olds, news):
            return DiffResult(changes=True)
        forgets = bool(left_keys.find_left_keys(olds, news)) or olds.get("ending", {}) != news.get("ending", {})
        return DiffResult(changes=bool(fields) or forgets or trust.changed(olds, news))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        live, written = ensure(DeclaredConnection(props))
        forms = _stored_forms(props, live, {}, keys=props.get("config", {})) if written else {}
        if written:
            trust.apply(live.id, {}, props)
            _start_tests(live.id, props)
        return CreateResult(live.id, _outputs(props, revision=1 if written else 0, forms=forms))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        name = api_fields.connection_name(props)
        try:
            live = run.account.read(props["group_id"], id_, reader="connection")
            trusted = trust.as_file(props, id_)
        except fivetran.NotFound:
            run.account.set_refreshed(name, None)
            return ReadResult(None, {})
        run.account.set_refreshed(name, live)
        forms = props.get(_STORED_FORMS, {})
        now = hide_secrets(_inputs(props), {**api_fields.as_file(_inputs(props), live, forms), **trusted})
        # A config that is not what the last good run left: changed by hand, or by a run that was killed before it
        # could record it. Either way it is not tested.
        changed = now["config"] != props.get("config", {}) or api_fields.is_tested(api_fields.patch(props, now))
        return found(id_, _inputs(props), now, _outputs(now, revision=props[_REVISION] + changed, forms=forms))

    @operation
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        fields = api_fields.patch(olds, news)
        if _may_be_set_up(olds, news):
            more = fields_for_set_up(news, id_)
            fields = {**fields, **more, "config": {**fields.get("config", {}), **more.get("config", {})}}
            fields = {key: value for key, value in fields.items() if value != {}}
        reject_changes_around_kept(fields)
        sent = resolve_values(fields, news["file"], resolvers())
        revision, forms = olds[_REVISION], olds.get(_STORED_FORMS, {})
        _reject_new_fixed_settings(id_, olds, news)
        trust_changed = trust.changed(olds, news)
        if fields or trust_changed:
            live = None
            try:
                if fields:
                    live = run.account.client().update_connection(id_, **sent, run_setup_tests=False)
                trust.apply(id_, olds, news)
            except fivetran.NotFound:
                raise OperationError(
                    f"the connection {api_fields.connection_name(news)} ({id_}) was deleted in Fivetran; "
                    f"{commands.up(commands.stack_of(news['file']), refresh=True)} creates it again and syncs "
                    "its whole history"
                ) from None
            if live is not None and "config" in fields:
                # An answer to a write may repeat what was sent, and each refresh would read another form.
                with contextlib.suppress(fivetran.FivetranError):
                    live = run.account.client().get_connection(id_)
            if live is not None:
                forms = _stored_forms(news, live, forms, keys=fields.get("config", {}))
            if trust_changed or api_fields.is_tested(fields):
                revision += 1
                _start_tests(id_, news)
        return UpdateResult(_outputs(news, revision=revision, forms=forms))

    @operation
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        name, ending = api_fields.connection_name(props), Ending.of(props.get("ending", {}))
        replaced = name in run.declared.replaced
        if name in run.declared.units and not replaced:
            return  # A file of this run declares it, under another name: this resource only lets go of it.
        if not replaced and not may_remove(ending, today(), removals_allowed=removals_allowed()):
            raise OperationError(f"this run would delete the connection {name} ({id_})\n    {explain_removal(ending)}")
        with contextlib.suppress(fivetran.NotFound):
            run.account.client().delete_connection(id_)
        run.account.forget(props.get("group_id", ""), id_)


class Connection(Resource, module="fivetran", name="Connection"):
    """A unit's connection.

    Its id is Fivetran's; `revision` is another number after each change of its config.
    """

    revision: pulumi.Output[int]

    def __init__(
        self,
        unit: Unit,
        group_id: Input[str],
        ending: Ending,
        *,
        package_id: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        if unit.connector is None:
            raise ValueError(f"{unit.name} has no connector")
        pending = {"pending": True} if unit.connector.is_pending else {}
        props = {
            **api_fields.inputs(unit, unit.connector),
            **pending,
            **({} if package_id is None else {"config": {**unit.connector.config, _PACKAGE: package_id}}),
            "group_id": group_id,
            "ending": ending.as_property(),
            _REVISION: None,
        }
        super().__init__(ConnectionProvider(), unit.name, props, opts)


def _changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """Return the keys that differ.

    An unknown group differs if the files allow a new connection to replace this one.
    """
    moves = api_fields.connection_name(olds) in run.declared.replaced
    changed = [key for key in _FIXED if olds.get(key) != news.get(key) and (moves or not is_unknown(news.get(key)))]
    then, now = olds.get("config", {}), news.get("config", {})
    for path, named in run.declared.permanent_keys.get(api_fields.connection_name(news), {}).items() if moves else ():
        old, new = value_at(then, path), value_at(now, path)
        # One that comes to a file may say what is so already: only a file that names it wants another connection.
        if new is not None and new != old and (named or old is not None):
            return [*changed, "config"]
    return changed


def _may_be_set_up(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether the file allows to change a connection that an earlier run adopted as it is."""
    return olds.get(_REVISION) == 0 and may_change(news) and not may_change(olds)


def _reject_fixed_settings(olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Raise `OperationError` where a setting changed that no PATCH takes.

    Not where a new connection is made anyway.
    """
    if api_fields.connection_name(olds) in run.declared.replaced and _changed(olds, news):
        return
    then, now = olds.get("settings", {}), news.get("settings", {})
    for name in sorted(api_fields.FIXED_SETTINGS & then.keys() & now.keys()):
        if then[name] != now[name]:
            raise OperationError(
                api_fields.fixed_setting(Difference(name, now[name], then[name])), at=("connector", name)
            )


def _reject_new_fixed_settings(id_: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Raise `OperationError` where Fivetran differs in a fixed setting that is new to the file.

    `Preflight` has looked before, where it could.
    """
    new = api_fields.FIXED_SETTINGS & news.get("settings", {}).keys() - olds.get("settings", {}).keys()
    for each in api_fields.fixed_differences(news, run.account.client().get_connection(id_)) if new else []:
        if each.path in new:
            raise OperationError(api_fields.fixed_setting(each), at=("connector", each.path))


def _start_tests(id_: str, props: Mapping[str, Any]) -> None:
    """Start the setup tests; the activation waits for them.

    So those of many connections run at once.
    """
    if "pending" not in props:
        run.account.tests.start(id_, _trusted_unseen(props))


def _trusted_unseen(props: Mapping[str, Any]) -> list[str]:
    """Return the kinds for which the file trusts anything that the source presents."""
    return [kind for kind, declared in props.get("trust", {}).items() if declared == ANY]


def _stored_forms(
    props: Mapping[str, Any], live: fivetran.Connection, before: stored_forms.StoredForms, *, keys: Collection[str]
) -> stored_forms.StoredForms:
    """Return what Fivetran made of the values that were just written, and warn of what is new of it."""
    declared = props.get("config", {})
    if keys and not live.config:
        live = run.account.client().get_connection(live.id)  # The answer to a write may leave `config` out.
    forms = stored_forms.learn(
        declared,
        live.config,
        before,
        keys=keys,
        field=catalog.config_of(props["service"]),
        is_secret=lambda value: _contains_secret(value, props),
    )
    for path, form in forms.items():
        if before.get(path) != form:
            place = run.declared.locate(props["file"], "connector", "config", path)
            shown = f"stores config.{path} as {_shown(form['stored'])}" if "stored" in form else _hidden(path)
            logger.warning(
                "%s: Fivetran %s\n    From now on a refresh treats this form as equal to the file.", place, shown
            )
    return forms


def _contains_secret(value: Any, props: Mapping[str, Any]) -> bool:
    text = _shown(value)
    return contains_secret(text, known_values((props,), ask=True).values)


def _shown(value: Any) -> str:
    return shorten_lines(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))


def _hidden(path: str) -> str:
    return f"accepts config.{path} and never returns it"


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stored(props).items() if key not in (_REVISION, _STORED_FORMS)}


def _outputs(props: Mapping[str, Any], *, revision: int, forms: stored_forms.StoredForms) -> dict[str, Any]:
    return {**_inputs(props), _REVISION: revision, **({_STORED_FORMS: dict(forms)} if forms else {})}
