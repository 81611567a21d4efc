"""Suggest the right form for a value that is in the form of another system or of YAML 1.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from reconciler.config.yaml.document import shown

_BOOLEANS = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}
_ROLES = {name.lower(): name for name in ("dataViewer", "dataEditor", "dataOwner", "metadataViewer")}
#: https://cloud.google.com/bigquery/docs/access-control-basic-roles
_OLD_ROLES = {"reader": "dataViewer", "writer": "dataEditor", "owner": "dataOwner"}
#: Two names this similar (difflib) may be one with a slip: `evn` and `env`, `prefix` and `schema_prefix`.
_NEAR = 0.6
_KINDS = ("user", "group", "serviceAccount", "domain", "workgroup")


def suggest_name(written: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to a misspelt one."""
    lowered = {name.lower(): name for name in known}
    near = get_close_matches(written.lower()[:80], lowered, n=1, cutoff=_NEAR)
    return lowered[near[0]] if near else None


def suggest_boolean(written: str) -> str:
    """Suggest true or false for a string."""
    word = written.lower()
    if word in ("true", "false"):
        return f"write it without quotes: {word}"
    if word in _BOOLEANS:
        return f"write {_BOOLEANS[word]}: {shown(written)} is a string in YAML 1.2"
    return "write true or false"


def suggest_role(written: str) -> str | None:
    """Suggest the role for an old name, a missing prefix, or other capitals."""
    name = re.sub(r"^(roles/)?(bigquery\.)?", "", written.lower())
    meant = _ROLES.get(name) or _OLD_ROLES.get(written.lower())
    return f"roles/bigquery.{meant}" if meant and written != f"roles/bigquery.{meant}" else None


def suggest_member(written: str) -> str | None:
    """Return the hint for a member whose kind is missing or misspelt."""
    kind, colon, rest = written.partition(":")
    if colon:
        right = next((known for known in _KINDS if kind.lower().removesuffix("s") == known.lower()), None)
        return f"did you mean {shown(f'{right}:{rest}')}?" if right and right != kind else None
    if re.fullmatch(r"[a-z0-9_-]+/[a-z0-9_-]+", written):
        return f"did you mean {shown(f'workgroup:{written}')}?"
    if written.endswith(".gserviceaccount.com"):
        return f"did you mean {shown(f'serviceAccount:{written}')}?"
    return f"write {shown(f'user:{written}')}, or `group:` before it for a group" if "@" in written else None


def suggest_fivetran_member(written: str) -> str | None:
    """Return the hint for a member of a Fivetran group whose kind is missing or wrong."""
    kind, colon, rest = written.partition(":")
    if colon and kind.lower().removesuffix("s") in ("user", "team") and rest:
        right = kind.lower().removesuffix("s")
        return f"did you mean {shown(f'{right}:{rest.strip()}')}?"
    if colon and kind in _KINDS:
        return "name the users, or a team in Fivetran: it knows no groups and service accounts of Google"
    if colon:
        return None
    return f"write {shown(f'user:{written}')}" if "@" in written else f"write {shown(f'team:{written}')}"


def suggest_joined_member(written: object) -> str | None:
    """Return the hint for a member that a space after its colon turned into a mapping."""
    if not isinstance(written, dict) or len(written) != 1:
        return None
    [(kind, rest)] = written.items()
    if kind not in _KINDS or not isinstance(rest, str):
        return None
    return f"write it without the space: {shown(f'{kind}:{rest}')}"
