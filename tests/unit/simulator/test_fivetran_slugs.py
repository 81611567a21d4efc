"""Ids of the local Fivetran."""

import re

from simulator.fivetran.slugs import new_slug


def test_ids_are_words_and_never_given_twice():
    taken: set[str] = set()
    for _ in range(5000):
        slug = new_slug(taken)
        assert slug not in taken
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", slug)
        taken.add(slug)
    assert sum(slug.count("_") == 1 for slug in taken) > 4000
