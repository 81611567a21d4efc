"""What a connection is sent: its settings, its secrets, the certificates and host keys of its source.

Some fields decide which source the connection reads, and over which route (decision 53).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model import ANY, Reference, references
from reconciler.model.commands import format_list
from reconciler.review.consequence import Consequence, Severity, several_connections
from reconciler.review.context import Context
from reconciler.review.preview import Step

#: The inputs that hold what Fivetran is sent, with references to secrets.
_SENT = ("config", "auth")

#: The inputs of a connection that are no setting of it.
_NO_SETTINGS = frozenset(
    {*_SENT, "settings", "file", "ending", "group_id", "package_id", "unit", "trust", "pending", "adopt"}
)

#: Inputs by which a connection is replaced; its line names them.
_REPLACING = frozenset({"service", "destination", "name"})

#: Fields of `config` that say how, how often or how far back something is read, by parts of their names. Every other
#: one counts as naming the source: Fivetran's metadata does not say which do, and a new service brings new names.
_HOW = re.compile(
    r"window|time_?frame|granularity|time_?zone|historic|backward_sync_limit|rollback|conversion_report_time"
    r"|delimiter|quote_char|escape_char|null_sequence|line_separator|compression|^skip_|empty_header|_format$"
    r"|delivery_mode|append_file_option|on_error|pack(ed|ing)?_mode|binary_representation|binary_log"
    r"|api_(usage|quota|utilization|requests|version)|rest_api_limit|limit_for_api|webhooks|python_version"
    r"|update_method|replica_id|capture|sync_metadata|formula_fields|infrequent"
)

#: Settings outside `config` that decide by which network, or with whose values, Fivetran reaches the source.
ROUTE = frozenset(
    {
        *("networking_method", "private_link_id", "proxy_agent_id", "hybrid_deployment_agent_id"),
        *("external_secrets_manager_id", "external_secrets_keys_config"),
    }
)


def sent_values(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return the settings and secrets that are sent. Values are not shown: they may come from Fivetran."""
    before, after = (
        dict(references({part: inputs.get(part) or {} for part in _SENT})) for inputs in (step.old, step.new)
    )
    for path in sorted({*before, *after}):
        if before.get(path) == after.get(path):
            continue
        old = _format_reference(before[path], after.get(path)) if path in before else ""
        sent = _format_reference(after[path]) if path in after else ""
        is_another = path in after and not after[path].held and not _is_rotation(before.get(path), after[path])
        warning = ". Another credential can open another account" if is_another else ""
        instead = f", instead of {old}" if old else ""
        text = f"sends {sent} as `{path}` of the {name}{instead}, and tests the connection{warning}"
        if path not in after:
            text = f"no longer sends `{path}` of the {name}, which was {old}"
        rest = f"{instead}, and tests them{warning}"
        several = several_connections(name, f"sends {sent} as `{path}` of ", rest) if sent else None
        place = context.place(unit, "connector", path)
        value = str(after[path]) if path in after else None
        severity: Severity = "stop" if is_another else "note"
        yield Consequence(severity, "secret_changed", text, f"{name}: {path}", unit, place, value, several=several)
    yield from _settings(context, step, name, unit)
    yield from _trust(context, step, name, unit)


def may_name_source(path: str) -> bool:
    """Return whether a changed field, as `config.host`, may let a connection read something else."""
    part, _, name = path.partition(".")
    return part == "auth" or (part == "config" and _HOW.search(name) is None) or path in ROUTE


def digest_source(step: Step) -> str:
    """Return a hash of what decides which source a connection reads; versions of secrets do not."""
    sent = dict(references({part: step.new.get(part) or {} for part in _SENT}))
    secrets = {path: [each.kind, each.name, each.project, each.held] for path, each in sent.items()}
    new = {**step.new, **{part: _without_references(step.new.get(part) or {}) for part in _SENT}}
    paths = [f"{part}.{key}" for part in _SENT for key in new[part]] + sorted(ROUTE)
    named = {path: _value_at(new, path) for path in paths if may_name_source(path)}
    return _digest({"secrets": secrets, "settings": named, "trust": step.new.get("trust")})


def digest_new_connection(context: Context, unit: str) -> str | None:
    """Return a hash of what a unit's new connection reads; None where the run creates none."""
    for step in context.preview.of_type("Connection"):
        if step.name == unit and step.operation == "create" and not step.new.get("adopt"):
            tables = [each.new.get("sync") for each in context.preview.of_type("Activation") if each.name == unit]
            return _digest({"service": step.new.get("service"), "source": digest_source(step), "tables": tables})
    return None


def describe_secrets(step: Step) -> str:
    """Return the references of which a new connection is sent the values; empty for none."""
    sent = references({part: step.new.get(part) or {} for part in _SENT})
    return format_list([f"{_format_reference(each)} as `{path}`" for path, each in sorted(sent) if not each.held])


def _is_rotation(before: Reference | None, after: Reference) -> bool:
    """Return whether a reference is to the same secret as before: another version at most."""
    return before is not None and (before.kind, before.name, before.project) == (after.kind, after.name, after.project)


def _settings(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return the settings that change: those that may name the source together, and each of the others."""
    paths = _changed_settings(step)
    if sources := [path for path in paths if may_name_source(path)]:
        keys = format_list([f"`{_file_key(context, unit, path)}`" for path in sources])
        warning = ". This can change which source is read"
        if step.operation != "replace":
            warning += ". Rows of another source are then added to the existing rows. "
            warning += "Fivetran does not sync the history again by itself"
        is_tested = any(path.startswith(_SENT) for path in sources)
        text = f"changes {keys} of the {name}{', and tests the connection' if is_tested else ''}{warning}"
        value = _digest({path: _value_at(step.new, path) for path in sources})
        several = several_connections(name, f"changes {keys} of ", warning)
        place = context.place(unit, "connector", _file_key(context, unit, sources[0]))
        yield Consequence("stop", "source_changed", text, f"{name}: source", unit, place, value, several=several)
    for path in paths:
        if may_name_source(path):
            continue
        is_tested = path.startswith(_SENT)
        meaning = _MEANINGS.get((path, str(_value_at(step.new, path))), "")
        text = f"changes `{path}` of the {name}{', and tests the connection' if is_tested else ''}{meaning}"
        place = context.place(unit, "connector", path)
        after = f"{', and tests them' if is_tested else ''}{meaning}"
        several = several_connections(name, f"changes `{path}` of ", after)
        yield Consequence("note", "config_changed", text, f"{name}: {path}", unit, place, several=several)


def _file_key(context: Context, unit: str, path: str) -> str:
    """Return the key of the file from which a run makes a setting."""
    connector = context.units[unit].connector if unit in context.units else None
    is_made = path == "config.function_trigger" and connector is not None and connector.function is not None
    return "function" if is_made else path


def _value_at(inputs: Mapping[str, Any], path: str) -> Any:
    """Return the new value of a setting, for a fingerprint: references stand for secrets."""
    part, _, key = path.partition(".")
    return (inputs.get(part) or {}).get(key) if key else {**inputs, **(inputs.get("settings") or {})}.get(part)


def _digest(values: Mapping[str, Any]) -> str:
    """Return a hash of values: a fingerprint needs them, and they are not to be printed by mistake."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


#: What a setting does that pauses a connection later, or no longer does.
_MEANINGS = {
    ("pause_after_trial", "True"): ": Fivetran pauses syncs when the free trial ends",
    ("pause_after_trial", "False"): ": syncs go on when the free trial ends",
}

_TRUSTED = {"certificates": ("certificate", "SHA-256"), "fingerprints": ("host key", "SHA-256")}


def _trust(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return the certificates and host keys by which Fivetran knows the source, as far as they change."""
    for kind, (noun, hashed) in _TRUSTED.items():
        old, new = ((inputs.get("trust") or {}).get(kind) or {} for inputs in (step.old, step.new))
        place = context.place(unit, "connector", "trust", kind)
        if ANY in (old, new) and old != new:
            text = f"no longer trusts any {noun} that the source of the {name} presents"
            if new == ANY:
                text = (
                    f"trusts any {noun} that the source of the {name} presents: another server can then take the "
                    "source's place"
                )
            severity: Severity = "stop" if new == ANY else "note"
            yield Consequence(severity, "trust_changed", text, f"{name}: {kind}", unit, place, str(new == ANY))
        before, after = ({} if each == ANY else each for each in (old, new))
        for each in sorted({*after} - {*before} if new == ANY else {*before} ^ {*after}):
            verb = "trusts another" if each in after else "no longer trusts a"
            subject = (after.get(each) or before.get(each) or {}).get("subject")
            text = f"{verb} {noun} for the source of the {name}: {f'{subject}, ' if subject else ''}{hashed} {each}"
            if each not in after:
                text += ". The run tests the connection, and fails if the source still presents it"
            severity = "stop" if each in after else "note"
            yield Consequence(severity, "trust_changed", text, f"{name}: {kind} {each}", unit, place, each in after)


_KINDS = {"secret": "the secret", "env": "the environment variable", "pulumi_config": "the stack's config key"}


def _format_reference(reference: Reference, other: Reference | None = None) -> str:
    """Return `version 2 of the secret NAME`; `version 2` alone beside a version of the same secret."""
    if reference.held:
        return "the value that Fivetran keeps"
    version = "the latest version" if reference.version is None else f"version {reference.version}"
    exact = ", byte by byte" if reference.exact else ""
    if other is not None and (other.kind, other.name, other.project) == (
        reference.kind,
        reference.name,
        reference.project,
    ):
        return f"{version}{exact}"
    project = f" in project {reference.project}" if reference.project else ""
    return f"{version} of {_KINDS[reference.kind]} {reference.name}{project}{exact}"


def _changed_settings(step: Step) -> list[str]:
    """Return the settings that change, without references: `config.host`, `networking_method`."""
    found = []
    for part in _SENT:
        old, new = (_without_references(inputs.get(part) or {}) for inputs in (step.old, step.new))
        found += [f"{part}.{key}" for key in {*old, *new} if old.get(key) != new.get(key)]
    old, new = ({**inputs, **(inputs.get("settings") or {})} for inputs in (step.old, step.new))
    for key in {*old, *new} - _NO_SETTINGS - (_REPLACING if step.operation == "replace" else frozenset()):
        if not key.startswith("__") and old.get(key) != new.get(key):
            found.append(key)
    return sorted(found)


def _without_references(node: Any) -> Any:
    if Reference.parse(node) is not None:
        return None
    if isinstance(node, dict):
        return {key: _without_references(value) for key, value in node.items()}
    return [_without_references(each) for each in node] if isinstance(node, list) else node
