"""Forms in which Fivetran stores a text, whatever form it was sent in.

Documented for Google's files: `sheet_id` takes the address that the browser shows, or the id in it, and `folder_id` is
described as the folder's URL (google_sheets_config_V1, google_drive_config_V1). That the id is what a read shows, and
the other forms, are what people report of databases and hosts; a test gives them to services of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_GOOGLE_ID = re.compile(r"https://(?:docs|drive)\.google\.com/\S*?(?:/d/|/folders/|[?&]id=)(?P<id>[A-Za-z0-9_-]+)")


def _google_id(text: str) -> str:
    """The id of a document or folder in its address."""
    match = _GOOGLE_ID.match(text)
    return match["id"] if match else text


FORMS: Mapping[str, Callable[[str], str]] = {
    "google_id": _google_id,
    "upper_case": str.upper,
    "lower_case": str.lower,
    "no_last_slash": lambda text: text.rstrip("/"),
}
