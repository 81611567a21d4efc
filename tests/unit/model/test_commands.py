"""Parts of sentences."""

from __future__ import annotations

from reconciler.model.commands import format_names


def test_format_names_joins_names_into_a_sentence():
    assert [format_names(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert format_names([str(number) for number in range(9)]) == "0, 1, 2, 3, 4, 5 and 3 more"
