"""Forms in which Fivetran stores a text of a request.

Documented for Google's files: `sheet_id` accepts the address in the browser or the id in it, and `folder_id` is
described as the folder's URL (google_sheets_config_V1, google_drive_config_V1). That answers have the id, and the other
forms, come from users' reports about databases and hosts; tests use them in services of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_GOOGLE_ID = re.compile(r"https://(?:docs|drive)\.google\.com/\S*?(?:/d/|/folders/|[?&]id=)(?P<id>[A-Za-z0-9_-]+)")


def _google_id(text: str) -> str:
    """Return the id of a document or folder in its address."""
    match = _GOOGLE_ID.match(text)
    return match["id"] if match else text


FORMS: Mapping[str, Callable[[str], str]] = {
    "google_id": _google_id,
    "upper_case": str.upper,
    "lower_case": str.lower,
    "no_last_slash": lambda text: text.rstrip("/"),
}
