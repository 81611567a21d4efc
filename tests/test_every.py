"""One test for many cases names all that fail."""

import pytest
from tests.every import for_every


def test_for_every_names_each_value_that_fails():
    @for_every("number", [1, 2, 3])
    def check(number: int, least: int) -> None:
        assert number == least

    with pytest.raises(ExceptionGroup, match=r"^number: 1, number: 3$"):
        check(least=2)
