"""What Preflight asks Fivetran before anything is touched, so that a preview foresees what an apply would meet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from reconciler.fivetran.api import FivetranError, Forbidden, MissingCredentials, Unauthorized

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


def foresee(what: str, ask: Callable[[], Answer], otherwise: Answer, *, told_without_key: bool = True) -> Answer:
    """What `ask` finds; `otherwise` where Fivetran cannot be asked, since an apply looks again before it writes.

    `what` is what could not be seen then, for a warning. Raises `Unauthorized` and `Forbidden`: with such a key every
    unit would fail.
    """
    try:
        return ask()
    except MissingCredentials:
        if told_without_key:
            logger.warning("no Fivetran credentials: %s shows when it is applied", what)
    except (Unauthorized, Forbidden):
        raise
    except FivetranError as error:
        logger.warning("%s could not be seen: %s", what, error)
    return otherwise
