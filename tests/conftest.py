"""What holds for every test.

Hypothesis has no deadlines, since a busy machine is no failure. It tries fewer examples than it would by itself, and
many more in the daily run of the workflow `tests` (`--hypothesis-profile=daily`). Processes that tests start can be
interrupted, also where the tests themselves run in the background of a script, whose children ignore SIGINT unless a
script changes that.
HTTP clients trust one authority that has issued nothing: reading the system's takes 30 ms of CPU in each client, and
tests connect to this machine only.
"""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.certificates import authority

from reconciler.secrets.values_to_mask import forget_values

settings.register_profile(
    "reconciler", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("daily", settings.get_profile("reconciler"), max_examples=500)
settings.load_profile("reconciler")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Name the file of the only authority to trust."""
    folder = tempfile.TemporaryDirectory(prefix="trusted-")
    config.add_cleanup(folder.cleanup)
    file = Path(folder.name) / "authority.pem"
    file.write_text(authority().pem, encoding="ascii")
    os.environ["SSL_CERT_FILE"] = str(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are cores: tests of the engine wait a fifth of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def forgotten_values() -> Iterator[None]:
    """Let each test begin with no known secret, as a process does: commands and providers remember what they read."""
    yield
    forget_values()
