"""Fit the comment from which an editor finds the schema to the folder of a file. Pure."""

from __future__ import annotations

import os
import re
from pathlib import Path

_COMMENT = re.compile(rb"(?m)^(?P<before>(?:\xef\xbb\xbf)?# yaml-language-server: \$schema=)(?P<schema>\.\.?/[^\s#]+)")


def fit_schema_comment(raw: bytes, before: Path, after: Path) -> bytes:
    """Return a file's bytes with the relative path of its schema as it is from another folder."""
    found = _COMMENT.search(raw)
    if found is None or before == after:
        return raw
    schema = os.path.normpath(before.absolute() / os.fsdecode(found["schema"]))
    there = os.fsencode(Path(os.path.relpath(schema, after.absolute())).as_posix())
    return raw[: found.start("schema")] + there + raw[found.end("schema") :]
