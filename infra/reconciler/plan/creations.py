"""Find the connections that a run is to create.

As far as Preflight can know, with the intents that it records for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from reconciler.plan.inventory import Declared
from reconciler.plan.rejections import recreated
from reconciler.resources.run.account import look_ahead
from reconciler.resources.run.intent import Creator, Intent
from reconciler.resources.run.run import run


@dataclass(frozen=True)
class Creations:
    """The units whose connection this run creates or adopts, and the intents of earlier runs."""

    recalled: Mapping[str, Intent]
    """The intents of earlier runs that still hold, by connection name."""
    looked_for: Mapping[str, str]
    """Connection names by unit: new to the environment or to its group, or gone when a refresh just read them."""
    in_place: Mapping[str, str]
    """Connection names by unit: deleted by this run, to be created again under the same name in the same group."""
    replaced: Mapping[str, str]
    """The connections that are deleted for those of `looked_for`, by unit."""

    @classmethod
    def of(
        cls,
        recorded: Mapping[str, Any],
        before: Mapping[str, Declared],
        after: Mapping[str, Declared],
        groups: tuple[str, str],
    ) -> Self:
        """Compare the units of the last run with those of this one.

        An intent is used up once state has the connection that came of it, which a refresh of this process shows. What
        is created by hand under that name later is not ours.

        Args:
            recorded: The intents that state has.
            before: The units of the last run.
            after: The units of this run.
            groups: The name of the Fivetran group in the last run, and in this one.
        """
        names = {unit: each.connection for unit, each in after.items() if each.connection}
        replaced, in_state = recreated(before, after, groups), run.account.refreshed()
        known = {each.connection for each in before.values()}
        in_place = {
            unit: names[unit] for unit, old in replaced.items() if old == names[unit] and groups[0] == groups[1]
        }
        looked_for = {
            unit: name
            for unit, name in names.items()
            if unit not in in_place
            and (unit in replaced or name not in known or (name in in_state and in_state[name] is None))
        }
        unchanged = set(names.values()) - {*in_place.values(), *looked_for.values()}
        recalled = {name: Intent.of(stored) for name, stored in recorded.items() if name in unchanged}
        return cls(
            {
                name: intent
                for name, intent in recalled.items()
                if intent is not None
                and not ((live := in_state.get(name)) is not None and intent.is_fulfilled_by(live))
            },
            looked_for,
            in_place,
            {unit: old for unit, old in replaced.items() if unit in looked_for},
        )

    def intents(self, existing: Collection[str], *, applies: bool) -> dict[str, dict[str, str]]:
        """Return what state is to hold of intents, old and new, by connection name.

        Raises `Unauthorized` and `Forbidden`.

        Args:
            existing: The connections that exist already. They are adopted, so they get no intent.
            applies: Whether this run applies what it shows. A preview does not ask Fivetran whose key it is.
        """
        created = {*self.looked_for.values(), *self.in_place.values()} - set(existing)
        creator = _creator() if applies and created else Creator()
        # After the question whose key it is, so that Fivetran's clock is known.
        intended = {name: Intent(run.account.now(), creator) for name in created}
        return {name: intent.as_property() for name, intent in sorted({**self.recalled, **intended}.items())}


def has_new_intents(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether there are intents that state does not have yet."""
    return any(olds.get(name) != intent for name, intent in news.items())


def _creator() -> Creator:
    """Return the owner of our key.

    Where Fivetran does not name one, the intent makes nothing ours.
    """

    def ask() -> Creator:
        return run.account.creator()

    return look_ahead("which user owns the API key", ask, Creator(), warns_without_key=False)
