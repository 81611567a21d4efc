"""Which units a quick review looks at."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest

from reconciler.model.errors import ReconcilerError
from reconciler.stack.program import units_looked_at


def test_program_registers_only_the_units_that_a_quick_review_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    file = tmp_path / "units"
    file.write_text("a b-c")
    assert units_looked_at({"RECONCILER_LOOK_AT": str(file)}) == frozenset({"a", "b-c"})
    assert units_looked_at({}) is None


def test_program_applies_nothing_when_it_looks_at_some_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    with pytest.raises(ReconcilerError, match="this run changed nothing"):
        units_looked_at({"RECONCILER_LOOK_AT": str(tmp_path)})
