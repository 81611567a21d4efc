"""Ids as Fivetran creates them: two random words, such as `projected_sickle`."""

from __future__ import annotations

import secrets
from collections.abc import Container

_FIRST_WORDS = """
    adaptable amber angular arctic brisk bronze candid central chalky civic copper cordial crisp curly dapper
    decent distant dormant eager earthy elastic elder fabled faint festive fluent frozen gentle gilded glossy
    granular hardy hasty hollow humble idle inert ivory jaunty jovial keen knotted lanky latent lively lunar
    marbled mellow minor mossy narrow nimble noble oaken opaque outer padded pensive plain polar quaint quiet
    rapid rosy rustic sandy scenic sedate silken sleepy solar spare stout sturdy subtle sunlit tacit tepid
    thorny tidal tranquil umber uneven upright vagrant velvet vivid wary weighty wiry woven zesty
"""
_SECOND_WORDS = """
    acorn anchor anvil apron arrow badge barrel basin beacon bellows bobbin bramble bridle bucket burrow cabin
    candle canyon carving castor chisel cinder clover cobble comet compass cradle dagger dapple delta dowel
    easel ember ferry fiddle flagon flint gable garnet girder goblet gravel hammock harbor hinge hollow inlet
    jetty kernel kettle ladle lantern lattice ledger lentil locket magnet mallet mantle meadow mitten mortar
    nettle nugget orchard osprey paddle parcel pebble pewter pillar plover pulley quarry quiver rafter raven
    ribbon rudder saddle satchel shingle sickle socket spindle steeple tassel thicket thimble timber trellis
    tunnel turret valley vessel walnut whistle
"""
_FIRST = _FIRST_WORDS.split()
_SECOND = _SECOND_WORDS.split()


def new_slug(taken: Container[str]) -> str:
    """Return a slug that is not in `taken`. It has more than two words only after many attempts."""
    slug = f"{secrets.choice(_FIRST)}_{secrets.choice(_SECOND)}"
    while slug in taken:
        slug = f"{slug.rpartition('_')[0]}_{secrets.choice(_SECOND)}"
        if slug in taken:
            slug = f"{secrets.choice(_FIRST)}_{slug}"
    return slug
