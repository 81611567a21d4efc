"""What holds for every test.

Hypothesis has no deadlines, since a busy machine is no failure. Processes that tests start can be interrupted, also
where the tests themselves run in the background of a script, whose children ignore SIGINT unless told otherwise.
"""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from reconciler.secrets.resolved_values import forget_values

settings.register_profile("reconciler", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("reconciler")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def forgotten_values() -> Iterator[None]:
    """Let each test begin with no known secret, as a process does: commands and providers remember what they read."""
    yield
    forget_values()
