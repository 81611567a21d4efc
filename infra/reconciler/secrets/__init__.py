"""From a reference to the value it stands for, only when an apply needs it."""

from reconciler.secrets.foreign_text import show, show_label, trace, withheld
from reconciler.secrets.odd_values import ADVICE, OddValue, odd_value
from reconciler.secrets.resolve import Resolved, UnresolvedReferences, resolve
from reconciler.secrets.resolved_values import (
    Known,
    declare,
    known_value,
    known_values,
    known_values_of_run,
    wait_until_declared,
)
from reconciler.secrets.resolvers import EnvironmentResolver, PulumiConfigResolver, Resolver, resolvers
from reconciler.secrets.versions import Finding, check_versions

__all__ = [
    "ADVICE",
    "EnvironmentResolver",
    "Finding",
    "Known",
    "OddValue",
    "PulumiConfigResolver",
    "Resolved",
    "Resolver",
    "UnresolvedReferences",
    "check_versions",
    "declare",
    "known_value",
    "known_values",
    "known_values_of_run",
    "odd_value",
    "resolve",
    "resolvers",
    "show",
    "show_label",
    "trace",
    "wait_until_declared",
    "withheld",
]
