"""What holds for every test.

Hypothesis has no deadlines, since a busy machine is not a failure. It tries fewer examples than it would by itself, and
many more in the daily run of the workflow `tests` (`--hypothesis-profile=daily`). Processes that tests start can be
interrupted, also where the tests themselves run in the background of a script, whose children ignore SIGINT unless a
script changes that.
Workers share the processes that fork for them (`tests/engine/prefork.py`).
HTTP clients trust one authority that has issued nothing: reading the system's takes 30 ms of CPU in each client, and
tests connect to this machine only.
Garbage is collected seldom, and not among modules and tests: it took a quarter of the time of tests of properties.
Each worker of xdist begins to import test modules at another one. So it finds most of them compiled by the others:
rewriting the assertions of all takes 13 s of CPU, and would happen in every worker of a fresh clone.
"""

import contextlib
import gc
import importlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.certificates import authority
from tests.engine.prefork import SHARED, forking_processes, forking_simulators

from reconciler.secrets.values_to_mask import forget_values
from simulator.process import Simulators, running

settings.register_profile(
    "reconciler", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("daily", settings.get_profile("reconciler"), max_examples=500)
settings.load_profile("reconciler")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Name the file of the only authority to trust, and start what the workers of a session share."""
    folder = tempfile.TemporaryDirectory(prefix="trusted-")
    config.add_cleanup(folder.cleanup)
    file = Path(folder.name) / "authority.pem"
    file.write_text(authority().pem, encoding="ascii")
    os.environ["SSL_CERT_FILE"] = str(file)
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        shared = contextlib.ExitStack()
        os.environ[SHARED] = shared.enter_context(forking_processes())
        config.add_cleanup(shared.close)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are cores: tests of the engine wait a fifth of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each worker begin with its part of the long tests, so that none of these is the last one.

    xdist gives each worker an equal piece of the list, and a worker without tests takes some from the end of another's.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    modules: dict[Path, list[pytest.Item]] = {}
    others: list[pytest.Item] = []
    for item in items:
        is_long = item.get_closest_marker("engine") or item.path.name == "test_contributing.py"
        (modules.setdefault(item.path, []) if is_long else others).append(item)
    first: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for module in sorted(modules.values(), key=len, reverse=True):
        min(first, key=len).extend(module)
    left = len(items)
    items.clear()
    for worker, piece in enumerate(first):
        size = left // (workers - worker)
        rest = max(size - len(piece), 0) if worker < workers - 1 else len(others)
        items += [*piece, *others[:rest]]
        del others[:rest]
        left -= len(piece) + rest


def pytest_collection_finish() -> None:
    """Leave modules and tests out of the search for garbage, and search seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import the test modules, each worker from another one on. What fails here, pytest imports again and reports."""
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    gc.disable()
    folders = [Path(argument.partition("::")[0]) for argument in session.config.args]
    files = sorted({file.absolute() for folder in folders for file in folder.rglob("test_*.py")})
    begin = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in [*files[begin:], *files[:begin]]:
        root = next(folder for folder in file.parents if not (folder / "__init__.py").exists())
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.relative_to(root).with_suffix("").parts))


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    """The local Fivetran, GitHub and Google Cloud, of which each test forgets what another one left."""
    with contextlib.ExitStack() as stack:
        with forking_simulators():
            addresses = stack.enter_context(running())
        yield addresses


@pytest.fixture(autouse=True)
def forgotten_values() -> Iterator[None]:
    """Let each test begin with no known secret, as a process does: commands and providers remember what they read."""
    yield
    forget_values()
