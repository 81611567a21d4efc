"""Random files of units, as people write them: any order of keys, and every form that `documents` knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .documents import Renderer

MEMBERS = ["user:a@example.com", "user:b@example.com", "group:team@example.com", "workgroup:data/engineers"]
_TEXTS = st.sampled_from(
    ["Payments.", "Pay now", "it's 50% & more", "*all* of them", "a: b # c", 'the "shop"', "Zahlungen für ☃"]
)
_REFERENCE = st.sampled_from(
    [{"env": "K", "version": 1}, {"version": 3, "env": "K"}, {"env": "K", "version": 1, "exact": True}]
)
_DAY = st.sampled_from(["2026-12-01", "2026-12-09", "2026-12-13"])
_LAST_DAY = st.sampled_from(["2026-12-31", "2026-11-20", "2027-02-20"])
_GRANT = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["roles/bigquery.dataViewer", "roles/bigquery.dataEditor"]),
        "members": st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3, unique=True),
    },
    optional={"ticket": st.sampled_from(["T-1", "INC-22"]), "until": _DAY},
)


def _names_each_once(grants: list[dict[str, Any]]) -> bool:
    """Return whether no role is given to a member twice, which `validate` rejects."""
    given = [(grant["role"], member) for grant in grants for member in grant["members"]]
    return len(given) == len(set(given))


_DATASET = st.fixed_dictionaries(
    {},
    optional={
        "friendly_name": _TEXTS,
        "access": st.lists(_GRANT, max_size=3).filter(_names_each_once),
        "labels": st.just({"team": "a"}),
    },
)
_CONNECTOR: dict[str, st.SearchStrategy[Any]] = {
    "schedule": st.sampled_from(
        [{"by": "airflow", "task_id": "fivetran_stripe_dev"}, {"by": "fivetran", "every": "6h"}]
    ),
    "paused": _TEXTS,
}


@dataclass(frozen=True)
class UnitText:
    """A unit's file, what it says, and the comments in it."""

    raw: bytes
    data: dict[str, Any]
    comments: list[str]

    @property
    def dataset(self) -> tuple[str, ...]:
        """Where the dataset is declared."""
        return ("datasets", "public") if "datasets" in self.data else ("dataset",)


@st.composite
def unit_files(draw: st.DrawFn) -> UnitText:
    """Return a valid unit of the environment dev, without an anchor."""
    several = draw(st.booleans())
    service = (
        {"service": "postgres", "destination": {"schema_prefix": "shop"}}
        if several
        else {"service": "stripe", "destination": {"schema": "stripe"}}
    )
    secret = {("password" if several else "api_key"): draw(_REFERENCE)}
    connector = {**service, "config": secret, **draw(st.fixed_dictionaries({}, optional=_CONNECTOR))}
    dataset = draw(_DATASET)
    unit: dict[str, Any] = {
        "description": draw(_TEXTS),
        "owners": draw(st.sampled_from([["owner@example.com"], ["owner@example.com", "team@example.com"]])),
        "connector": _shuffled(draw, connector),
        **({"datasets": {"public": dataset}} if several else {"dataset": dataset}),
    }
    unit |= draw(st.sampled_from([{}, {"expires": draw(_LAST_DAY)}, {"expires": {"never": draw(_TEXTS)}}]))
    unit = _shuffled(draw, unit)
    renderer = Renderer(draw(st.integers(0, 2**32)), anchors=False)
    lines = [*draw(st.sampled_from([[], ["---"], ["# top", ""]])), *renderer.block(unit, 0)]
    lines += draw(st.sampled_from([[], [], ["# end"], ["", "# end"]]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(lines) + draw(st.sampled_from(["", end]))
    raw = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()
    return UnitText(raw, unit, [each for each in renderer.comments if each in text])


def _shuffled(draw: st.DrawFn, data: dict[str, Any]) -> dict[str, Any]:
    return {key: data[key] for key in draw(st.permutations(list(data)))}
