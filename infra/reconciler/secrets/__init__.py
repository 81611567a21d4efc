"""From a reference to the value it stands for, only when an apply needs it."""

from reconciler.secrets.environment import EnvironmentResolver
from reconciler.secrets.resolve import Resolved, Resolver, UnresolvedReferences, resolve

__all__ = ["EnvironmentResolver", "Resolved", "Resolver", "UnresolvedReferences", "resolve"]
