"""A local GitHub for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub import REPOSITORY, Hub
from tests.hub import hub as serve

from reconciler.github.client import GitHub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The local GitHub, to which the variables of GitHub Actions lead."""
    with serve(tmp_path) as found:
        for name, value in (("TOKEN", found.bot), ("REPOSITORY", REPOSITORY), ("API_URL", found.url)):
            monkeypatch.setenv(f"GITHUB_{name}", value)
        yield found


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat requests at once, also in commands."""
    defaults = GitHub.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "sleep", lambda _: None)
