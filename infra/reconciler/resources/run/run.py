"""Share what all operations of one plugin process need.

Fivetran's account, access lists, what files declare, and what failed.

Pulumi's plugin host runs four operations at once in threads of one process, so every part is thread-safe. A part lasts
as long as the process: a listing, a lock and a failure each have one owner here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.resources.run.access_lists import AccessLists
from reconciler.resources.run.account import Account
from reconciler.resources.run.declared import DeclaredInFiles
from reconciler.resources.run.outcomes import Outcomes

if TYPE_CHECKING:
    from reconciler.fivetran.api import FivetranClient


class Run:
    """What all operations of one plugin process share."""

    account: Account
    """Fivetran: the client, listings, reads ahead, locks, setup tests."""
    access_lists: AccessLists
    """BigQuery: the access lists of datasets, read ahead and written."""
    declared: DeclaredInFiles
    """What this run's files declare, and where."""
    outcomes: Outcomes
    """What went wrong."""
    sleep: Callable[[float], None]

    def __init__(self) -> None:
        self.start()

    def start(
        self,
        connect: Callable[[], FivetranClient] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Forget everything, as at the start of a process.

        Args:
            connect: Makes the client, when the first operation needs it; that of the environment's variables if None.
            sleep: Waits between two attempts, for a number of seconds.
        """
        self.account = Account(connect)
        self.access_lists = AccessLists(sleep)
        self.declared = DeclaredInFiles()
        self.outcomes = Outcomes()
        self.sleep = sleep
        self._declaring = threading.Lock()

    def declare(self, **parts: Any) -> None:
        """Replace parts of what the files declare, by the names of `DeclaredInFiles`."""
        with self._declaring:
            self.declared = replace(self.declared, **parts)


#: The run of this process.
run = Run()
