"""Whether Fivetran refused this process's API key: said in full once, and from then on nothing more is tried."""

from __future__ import annotations

import threading

from reconciler.fivetran.api import Forbidden, Unauthorized


class ApiKey:
    """The key of one process, good until Fivetran says otherwise."""

    #: What an operation says that comes after the first one refused.
    NOT_DONE = "not done: Fivetran refuses the API key, as is said in full where that came to light"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused = False

    def forget(self) -> None:
        """Know nothing, as at the start of a process."""
        with self._lock:
            self._refused = False

    @property
    def is_refused(self) -> bool:
        """Whether there is no use in asking."""
        with self._lock:
            return self._refused

    def refuse(self) -> bool:
        """Take note that Fivetran answered 401; returns whether that is news."""
        with self._lock:
            news, self._refused = not self._refused, True
        return news


def refusal(environment_file: str, error: Unauthorized | Forbidden) -> str:
    """Return that a run ends here for want of a key, with what to set."""
    return f"{environment_file}: {error} Nothing was touched"


#: This process's.
api_key = ApiKey()
