"""The date that a run takes for today."""

from datetime import UTC, datetime

import pytest

from reconciler.model.errors import ReconcilerError
from reconciler.model.today import VARIABLE, today


def test_date_in_the_variable_is_today(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "2027-02-28")
    assert today().isoformat() == "2027-02-28"


def test_today_is_the_clocks_day_in_utc_without_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    before = datetime.now(UTC).date()
    assert before <= today() <= datetime.now(UTC).date()


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "31.12.2026"])
def test_anything_else_is_an_error_that_names_the_variable(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ReconcilerError, match=f"RECONCILER_TODAY is '{text}': expected a date such as"):
        today()
