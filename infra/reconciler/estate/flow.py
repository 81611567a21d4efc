"""Draw an estate in four columns: sources → connections → datasets → what starts the syncs.

Pure.

A column with many nodes shows groups with counts. Each node and group knows its units, so that a click can highlight
its neighbourhood without a new layout.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.estate.units import STATE_WORDS, UnitRow
from reconciler.model.commands import count

#: The columns, from left to right.
COLUMNS: Final = ("Sources", "Connections", "Datasets", "Started by")

#: A column with more nodes shows groups.
MOST_NODES: Final = 30
#: The services that stay single nodes if there are more.
_MOST_SERVICES: Final = 18

#: The names of groups, where they differ from the state's.
_GROUP_WORDS: Final[Mapping[str, str]] = {"attention": "need attention", "fine": "work", "data": "datasets alone"}

#: Sizes in the units of the picture.
WIDTH: Final = 1160
_NODE_WIDTH, _NODE_HEIGHT, _GAP, _TOP = 224, 26, 8, 34
#: Characters of a label that fit, alone and beside a note.
_LONGEST, _LONGEST_WITH_NOTE = 29, 24


@dataclass(frozen=True)
class FlowNode:
    """A node: one thing, or a group of things."""

    column: int
    label: str
    detail: str
    """The whole name, for a tooltip and for screen readers."""
    kind: str
    """What its colour says: a state of units, `sensitive`, `airflow` or nothing."""
    units: tuple[int, ...]
    """The numbers of its rows."""
    things: int
    """How many things it stands for."""
    note: str = ""
    """What stands behind the label: the environment."""
    x: int = 0
    y: int = 0

    @property
    def shown(self) -> str:
        """The label as far as it fits."""
        longest = _LONGEST_WITH_NOTE if self.note else _LONGEST
        return self.label if len(self.label) <= longest else f"{self.label[: longest - 1]}…"

    @property
    def spoken(self) -> str:
        """The name for screen readers and for voice control, which begins with the text that is seen."""
        seen = f"{self.shown} {self.note}".rstrip()
        return self.detail if self.detail.startswith(seen) else f"{seen}: {self.detail}"


@dataclass(frozen=True)
class Edge:
    """A line between nodes of two columns."""

    start: int
    end: int
    units: tuple[int, ...]
    path: str
    weight: float
    """The line's width."""


@dataclass(frozen=True)
class Flow:
    """The whole picture."""

    nodes: tuple[FlowNode, ...]
    edges: tuple[Edge, ...]
    height: int
    width: int = WIDTH
    node_width: int = _NODE_WIDTH
    node_height: int = _NODE_HEIGHT

    @property
    def columns(self) -> Sequence[tuple[str, int]]:
        """The headings with their places."""
        return [(name, _x(number)) for number, name in enumerate(COLUMNS)]


@dataclass
class _Thing:
    """A thing of a column before it is grouped: its group, and the nodes of its column that units lead to."""

    key: str
    label: str
    kind: str
    group: tuple[str, str, str]
    """The group's key, its label with `{n}` for its things, and its kind."""
    note: str
    units: list[int]


def place(rows: Sequence[UnitRow]) -> Flow:
    """Return the picture of these rows."""
    columns = [_sources(rows), _connections(rows), _datasets(rows), _starters(rows)]
    nodes: list[FlowNode] = []
    node_of: list[dict[int, list[int]]] = [defaultdict(list) for _ in COLUMNS]
    for number, things in enumerate(columns):
        for node in _grouped(number, things):
            for unit in node.units:
                node_of[number][unit].append(len(nodes))
            nodes.append(node)
    order = _ordered(nodes, node_of)
    placed, height = _placed(nodes, order)
    return Flow(tuple(placed), tuple(_edges(placed, node_of, len(rows))), height)


def _things(found: Iterable[tuple[str, str, str, tuple[str, str, str], str, int]]) -> list[_Thing]:
    things: dict[str, _Thing] = {}
    for key, label, kind, group, note, unit in found:
        things.setdefault(key, _Thing(key, label, kind, group, note, [])).units.append(unit)
    return list(things.values())


def _sources(rows: Sequence[UnitRow]) -> list[_Thing]:
    return _things(
        (row.unit.connector.service, row.unit.connector.service, "", ("others", "{n} other services", ""), "", number)
        for number, row in enumerate(rows)
        if row.unit.connector is not None
    )


def _connections(rows: Sequence[UnitRow]) -> list[_Thing]:
    several = len({row.environment for row in rows}) > 1
    return _things(
        (
            f"{row.environment}/{row.unit.name}",
            row.unit.name,
            row.state,
            (
                f"{row.environment}/{row.state}",
                f"{{n}} {_GROUP_WORDS.get(row.state, STATE_WORDS[row.state])}",
                row.state,
            ),
            row.environment if several else "",
            number,
        )
        for number, row in enumerate(rows)
        if row.unit.connector is not None
    )


def _datasets(rows: Sequence[UnitRow]) -> list[_Thing]:
    several = len({row.environment for row in rows}) > 1
    return _things(
        (
            f"{dataset.project}.{dataset.id}",
            dataset.id,
            "sensitive" if dataset.sensitive else "",
            (
                f"{row.environment}/{dataset.sensitive}",
                f"{{n}} {'sensitive' if dataset.sensitive else 'not sensitive'}",
                "sensitive" if dataset.sensitive else "",
            ),
            row.environment if several else "",
            number,
        )
        for number, row in enumerate(rows)
        for dataset in row.datasets
    )


def _starters(rows: Sequence[UnitRow]) -> list[_Thing]:
    found = []
    several = len({row.environment for row in rows}) > 1
    for number, row in enumerate(rows):
        if row.task is not None:
            group = (f"airflow/{row.environment}", "{n} Airflow tasks", "airflow")
            note = row.environment if several else ""
            found.append((f"task/{row.task}", row.task, "airflow", group, note, number))
        elif row.schedule:
            text = f"Fivetran, {row.schedule}"
            daily = row.schedule.startswith("daily")
            group = ("daily", "{n} daily times of Fivetran", "") if daily else (text, text, "")
            found.append((text, text, "", group, "", number))
    return _things(found)


def _grouped(column: int, things: Sequence[_Thing]) -> list[FlowNode]:
    """Return a column's nodes: each thing, or groups where there are too many."""
    if len(things) <= MOST_NODES:
        return [_single(column, thing) for thing in things]
    if column == 0:  # the most used services stay single nodes
        by_use = sorted(things, key=lambda each: (-len(each.units), each.label))
        kept, rest = by_use[:_MOST_SERVICES], by_use[_MOST_SERVICES:]
        return [*(_single(column, thing) for thing in kept), _group(column, rest)]
    groups: dict[str, list[_Thing]] = defaultdict(list)
    for thing in things:
        groups[thing.group[0]].append(thing)
    nodes = [_single(column, each[0]) if len(each) == 1 else _group(column, each) for each in groups.values()]
    if len(nodes) > MOST_NODES:
        nodes.sort(key=lambda each: -each.things)
        others = nodes[MOST_NODES - 1 :]
        things_left = sum(each.things for each in others)
        units = tuple(sorted({unit for each in others for unit in each.units}))
        label = f"{things_left:,} others"
        nodes = [*nodes[: MOST_NODES - 1], FlowNode(column, label, label, "", units, things_left)]
    return nodes


def _single(column: int, thing: _Thing) -> FlowNode:
    units = tuple(dict.fromkeys(thing.units))
    label = f"{thing.label} ({len(units):,})" if column in (0, 3) and len(units) > 1 else thing.label
    detail = _detail(column, thing.label, thing.kind, thing.note, units)
    return FlowNode(column, label, detail, thing.kind, units, 1, thing.note)


def _group(column: int, things: Sequence[_Thing]) -> FlowNode:
    _, label, kind = things[0].group
    units = tuple(sorted({unit for thing in things for unit in thing.units}))
    text = label.format(n=f"{len(things):,}") if "{n}" in label else f"{label} ({len(units):,})"
    note = things[0].note if len({thing.note for thing in things}) == 1 else ""
    return FlowNode(column, text, _detail(column, text, "", note, units), kind, units, len(things), note)


def _detail(column: int, label: str, kind: str, note: str, units: Sequence[int]) -> str:
    """Return the whole name of a node, which begins with what is seen of it."""
    what = "" if column == 3 else f", {COLUMNS[column].lower().removesuffix('s')}"
    more = f", {STATE_WORDS.get(kind, kind)}" if kind and kind != "airflow" else ""
    return f"{label}{f' {note}' if note else ''}{what}{more}: {count(len(units), 'unit')}"


def _ordered(nodes: Sequence[FlowNode], node_of: Sequence[Mapping[int, list[int]]]) -> list[list[int]]:
    """Return the nodes of each column in an order with few crossings: near what they are connected with."""
    columns: list[list[int]] = [[] for _ in COLUMNS]
    for number, node in enumerate(nodes):
        columns[node.column].append(number)
    columns[0].sort(key=lambda number: (nodes[number].things > 1, -len(nodes[number].units), nodes[number].label))
    if any(node.things > 1 for node in nodes[1:]):
        states = [*STATE_WORDS, "sensitive", "airflow", ""]
        for each in columns[1:]:
            each.sort(key=lambda number: (nodes[number].note, states.index(nodes[number].kind), nodes[number].label))
        return columns
    rank: dict[int, float] = {}

    def by_neighbours(column: int, other: int) -> None:
        def middle(number: int) -> float:
            places = [rank[each] for unit in nodes[number].units for each in node_of[other].get(unit, ())]
            return sum(places) / len(places) if places else float(len(nodes))

        columns[column].sort(key=lambda number: (middle(number), nodes[number].label))
        remember(column)

    def remember(column: int) -> None:
        most = max(len(columns[column]) - 1, 1)
        rank.update({number: at / most for at, number in enumerate(columns[column])})

    remember(0)
    for column in (1, 2, 3):
        by_neighbours(column, column - 1)
    for _ in range(2):
        for column in (2, 1, 0):
            by_neighbours(column, column + 1)
        for column in (1, 2, 3):
            by_neighbours(column, column - 1)
    return columns


def _placed(nodes: Sequence[FlowNode], order: Sequence[Sequence[int]]) -> tuple[list[FlowNode], int]:
    """Return the nodes with their places, each column in the middle; and the height."""
    step = _NODE_HEIGHT + _GAP
    tallest = max((len(column) for column in order), default=0)
    height = _TOP + max(tallest, 1) * step
    placed = list(nodes)
    for number, column in enumerate(order):
        top = _TOP + (tallest - len(column)) * step // 2
        for at, node in enumerate(column):
            placed[node] = replace(nodes[node], x=_x(number), y=top + at * step)
    return placed, height


def _x(column: int) -> int:
    return column * (WIDTH - _NODE_WIDTH) // (len(COLUMNS) - 1)


def _edges(nodes: Sequence[FlowNode], node_of: Sequence[Mapping[int, list[int]]], rows: int) -> list[Edge]:
    pairs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for unit in range(rows):
        for left, right in ((0, 1), (1, 2), (2, 3)):
            for start in node_of[left].get(unit, ()):
                for end in node_of[right].get(unit, ()):
                    pairs[start, end].append(unit)
    most = max(Counter({pair: len(units) for pair, units in pairs.items()}).values(), default=1)
    edges = []
    for (start, end), units in sorted(pairs.items()):
        one, other = nodes[start], nodes[end]
        x1, y1 = one.x + _NODE_WIDTH, one.y + _NODE_HEIGHT / 2
        x2, y2 = other.x, other.y + _NODE_HEIGHT / 2
        bend = (x2 - x1) / 2
        path = f"M{x1} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2} {y2:g}"
        edges.append(Edge(start, end, tuple(units), path, round(1.2 + 6 * (len(units) - 1) / max(most, 8), 1)))
    return edges
