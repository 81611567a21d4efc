"""What somebody who wrote a value of another system, or of an older YAML, probably meant."""

from __future__ import annotations

import re

from reconciler.config.yaml.document import shown

_BOOLEANS = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}
_ROLES = {name.lower(): name for name in ("dataViewer", "dataEditor", "dataOwner", "metadataViewer")}
#: https://cloud.google.com/bigquery/docs/access-control-basic-roles
_OLD_ROLES = {"reader": "dataViewer", "writer": "dataEditor", "owner": "dataOwner"}
_KINDS = ("user", "group", "serviceAccount", "domain", "workgroup")


def boolean(written: str) -> str:
    """What to write in place of a text where true or false belongs."""
    word = written.lower()
    if word in ("true", "false"):
        return f"write it without quotes: {word}"
    if word in _BOOLEANS:
        return f"write {_BOOLEANS[word]}: {shown(written)} is a string in YAML 1.2"
    return "write true or false"


def role(written: str) -> str | None:
    """The role behind BigQuery's old name for it, a name without its beginning, or one in other capitals."""
    name = re.sub(r"^(roles/)?(bigquery\.)?", "", written.lower())
    meant = _ROLES.get(name) or _OLD_ROLES.get(written.lower())
    return f"roles/bigquery.{meant}" if meant and written != f"roles/bigquery.{meant}" else None


def member(written: str) -> str | None:
    """What to do about a member whose kind is missing or misspelt."""
    kind, colon, rest = written.partition(":")
    if colon:
        right = next((known for known in _KINDS if kind.lower().removesuffix("s") == known.lower()), None)
        return f"did you mean {shown(f'{right}:{rest}')}?" if right and right != kind else None
    if re.fullmatch(r"[a-z0-9_-]+/[a-z0-9_-]+", written):
        return f"did you mean {shown(f'workgroup:{written}')}?"
    if written.endswith(".gserviceaccount.com"):
        return f"did you mean {shown(f'serviceAccount:{written}')}?"
    return f"write {shown(f'user:{written}')}, or `group:` before it for a group" if "@" in written else None


def split_member(written: object) -> str | None:
    """What to do about a member that a space after its colon makes a mapping."""
    if not isinstance(written, dict) or len(written) != 1:
        return None
    [(kind, rest)] = written.items()
    if kind not in _KINDS or not isinstance(rest, str):
        return None
    return f"write it without the space: {shown(f'{kind}:{rest}')}"
