"""Datasets that exist and are new to an environment, held against their files before anything is touched.

Previews do it too, so that a pull request shows what taking one over would meet.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from reconciler.datasets import Findings
from reconciler.provider.foreseeing import foresee
from reconciler.provider.session import session
from reconciler.removal import Declared

logger = logging.getLogger(__name__)


def refusals(found: Findings, before: Mapping[str, Declared], group: str) -> list[str]:
    """Why datasets that exist are not taken over, a text each. The others are told.

    `before` is what the last run declared: a dataset that it knew is ours, also where it died before that was in state.
    """
    known = {dataset for unit in before.values() for dataset in unit.datasets}
    new = [meeting for meeting in found.meetings if meeting.dataset not in known]
    writer = _writer(group) if any(meeting.asks_for_the_writer for meeting in new) else None
    judged = [meeting.judged(writer) for meeting in new]
    for each in judged:
        if each.refusal is None:
            for notice in each.notices:
                logger.warning("%s", notice)
    return [each.refusal for each in judged if each.refusal is not None]


def _writer(group: str) -> str | None:
    """The address with which Fivetran writes; empty where the group is not there yet, None where nobody can say.

    Raises `Unauthorized` and `Forbidden`.
    """

    def ask() -> str | None:
        groups = [each.id for each in session.client().list_groups() if each.name == group]
        return session.service_account(groups[0]) if groups else ""

    return foresee("which service account is Fivetran's", ask, None, told_without_key=False)
