"""The same process, account and unit as the tests of resources have."""

from tests.unit.resources.conftest import _forgetful, clock, fivetran, new_run, stack

__all__ = ["_forgetful", "clock", "fivetran", "new_run", "stack"]
