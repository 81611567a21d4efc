"""From a reference to the value it stands for, only when an apply needs it."""

from reconciler.secrets.environment import EnvironmentResolver
from reconciler.secrets.findings import Finding
from reconciler.secrets.memory import Known, known_values
from reconciler.secrets.pulumi_config import PulumiConfigResolver
from reconciler.secrets.resolve import Resolved, UnresolvedReferences, resolve
from reconciler.secrets.resolver import Resolver
from reconciler.secrets.resolvers import resolvers
from reconciler.secrets.versions import check_versions

__all__ = [
    "EnvironmentResolver",
    "Finding",
    "Known",
    "PulumiConfigResolver",
    "Resolved",
    "Resolver",
    "UnresolvedReferences",
    "check_versions",
    "known_values",
    "resolve",
    "resolvers",
]
