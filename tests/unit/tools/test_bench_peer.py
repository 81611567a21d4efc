"""The peer of `make bench`: what its commands are, and when `apply` runs again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benching import page, peer
from benching.measuring import Measured
from benching.targets import Run

#: Writes its arguments and the first connection's minutes into files. The first applies of a folder fail, as often as
#: FAILURES says.
STAND_IN = """#!/bin/sh
echo "$@" >> calls
grep -o '? ..[0-9]*' main.tf.json | grep -o '[0-9]*' >> minutes
if [ "$1" = apply ] && [ "$(grep -c ^apply calls)" -le FAILURES ]; then
    echo 'MESSAGE'
    exit 1
fi
"""
REJECTED = f"""
╷
│ Error: Unable to Create Connector Schedule Resource.
│
│ {peer.RATE_LIMITED[:20]}
│ {peer.RATE_LIMITED[21:]}; code: ; message:
╵
"""
MISSING = "Error: Read error.\n\nstatus code: 404"


def stand_in(folder: Path, *, failures: int = 0, message: str = REJECTED) -> str:
    """A program in the place of Terraform."""
    program = folder / "terraform"
    program.write_text(STAND_IN.replace("FAILURES", str(failures)).replace("MESSAGE", message))
    program.chmod(0o755)
    return str(program)


def of(title: str, wall_s: float, runs: int = 1) -> Measured:
    """A measurement."""
    return Measured(title, wall_s, 1.0, {"GET": 3}, runs=runs)


def test_peer_applies_again_at_rate_limits_and_plans_with_and_without_reads(tmp_path: Path):
    binary = stand_in(tmp_path, failures=2)
    measured = list(peer.measure_peer(binary, tmp_path / "peer", 3, latency_ms=0, provider=tmp_path))
    assert {each.title: each.runs for each in measured} == {
        "first up": 3,
        "no-op preview": 1,
        "drift check": 1,
        "plan -refresh=false": 1,
        "one field": 1,
        "apply -refresh=false": 1,
        "first up, schedules untested": 3,
    }
    calls = [line.split(" -input")[0] for line in (tmp_path / "peer/tested/calls").read_text().splitlines()]
    create, unread = "apply -auto-approve", "apply -auto-approve -refresh=false"
    assert calls == [*3 * [create], "plan", "plan -refresh=false", create, unread]
    minutes = (tmp_path / "peer/tested/minutes").read_text().split()
    assert minutes == [*5 * ["360"], "60", "120"]


def test_peer_without_a_folder_of_its_provider_begins_with_init(tmp_path: Path):
    next(peer.measure_peer(stand_in(tmp_path), tmp_path / "peer", 3, latency_ms=0))
    calls = (tmp_path / "peer/tested/calls").read_text().splitlines()
    assert [line.split()[0] for line in calls] == ["init", "apply"]


def test_peer_ends_the_benchmark_when_apply_fails_for_another_reason(tmp_path: Path):
    binary = stand_in(tmp_path, failures=1, message=REJECTED + MISSING)
    with pytest.raises(SystemExit, match="404"):
        next(peer.measure_peer(binary, tmp_path / "peer", 3, latency_ms=0, provider=tmp_path))


@pytest.mark.parametrize(
    ("output", "is_limited"), [(REJECTED, True), (2 * REJECTED, True), (MISSING, False), ("", False)]
)
def test_rate_limit_is_found_in_wrapped_errors(output: str, is_limited: bool):
    assert peer.is_rate_limited(output) is is_limited


def test_several_runs_add_up():
    total = peer.add_up([of("first up", 2.0), of("first up", 3.0)])
    assert (total.wall_s, total.cpu_s, total.calls, total.runs) == (5.0, 2.0, {"GET": 6}, 2)


def test_one_connection_of_the_peer_gets_another_schedule():
    before, after = (peer.configuration(2, every) for every in (360, 60))
    assert before != after
    assert str(before).replace('"360" : "360"', '"60" : "360"') == str(after)


def column_of_peer() -> dict[str, list[Measured]]:
    """What was measured of the peer. Its first up ran four times."""
    titles = ("first up", "no-op preview", "one field", peer.UNREAD_PLAN, peer.UNREAD_APPLY, peer.UNTESTED)
    column = {title: [of(title, number + 0.5)] for number, title in enumerate(titles)}
    return {**column, "first up": [of("first up", 300.0, runs=4)]}


def test_notes_of_the_peer_name_its_runs_and_what_it_takes_without_reads():
    text = "\n".join(peer.notes(column_of_peer()))
    assert "the sum of 4 runs of `apply`" in text
    assert "as our preview: 3.5 s, 1.0 CPU s, 3 calls" in text
    assert list(peer.notes({})) == []


def test_page_has_the_notes_of_the_peer_below_its_table():
    run = Run(100, latency_ms=80, peer=column_of_peer())
    body = page.body([run], [], [], 0.2, date(2026, 12, 1))
    assert body.index("| 100 units, 80 ms |") < body.index("- peer, first up: the sum of 4 runs")
