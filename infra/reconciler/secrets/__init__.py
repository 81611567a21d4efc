"""Resolve references to secrets, only when an apply needs them, and keep the values out of every text."""

from reconciler.secrets.foreign_text import explain_withheld, masked_trace, shorten_line, show, show_label
from reconciler.secrets.odd_values import ADVICE, OddValue, inspect_value
from reconciler.secrets.resolve import Resolved, UnresolvedReferences, resolve
from reconciler.secrets.resolvers import EnvironmentResolver, PulumiConfigResolver, Resolver, resolvers
from reconciler.secrets.values_to_mask import (
    KnownValues,
    known_value,
    known_values,
    known_values_of_run,
    remember_declared,
    wait_until_declared,
)

__all__ = [
    "ADVICE",
    "EnvironmentResolver",
    "KnownValues",
    "OddValue",
    "PulumiConfigResolver",
    "Resolved",
    "Resolver",
    "UnresolvedReferences",
    "explain_withheld",
    "inspect_value",
    "known_value",
    "known_values",
    "known_values_of_run",
    "masked_trace",
    "remember_declared",
    "resolve",
    "resolvers",
    "shorten_line",
    "show",
    "show_label",
    "wait_until_declared",
]
