"""The targets of the benchmark, as ratios within one run, and the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

from benching.measuring import BIGQUERY_A_SECOND, Measured

#: The commands of the table, in its order.
COMMANDS = ("no-op preview", "one field", "drift check", "first up")

#: How many reads run at once, and how many tests Fivetran starts.
FIVETRAN_AT_ONCE, TESTS_A_MINUTE, TESTS_AN_HOUR = 32, 250, 2_500


@dataclass
class Run:
    """What was measured of one size, by command; several for those that run in pairs."""

    size: int
    latency_ms: int
    ours: dict[str, list[Measured]] = field(default_factory=dict)
    floor: dict[str, list[Measured]] = field(default_factory=dict)
    peer: dict[str, list[Measured]] = field(default_factory=dict)
    state_bytes: int = 0
    slow_drift: tuple[int, Measured] | None = None
    """A drift check with another latency of Fivetran, in milliseconds."""

    @staticmethod
    def add(column: dict[str, list[Measured]], measured: Measured) -> None:
        """Keep a measurement."""
        column.setdefault(measured.title, []).append(measured)


@dataclass(frozen=True)
class Verdict:
    """A target, and what was measured for it, in the same unit."""

    target: str
    measured: float
    limit: float
    unit: str = "s"

    @property
    def passed(self) -> bool:
        """Whether it is met."""
        return self.measured <= self.limit

    def __str__(self) -> str:
        word = "pass" if self.passed else "FAIL"
        return f"{word}  {self.target}: {self.measured:.2f} {self.unit}, at most {self.limit:.2f}"


def seconds(column: Mapping[str, Sequence[Measured]], command: str) -> float | None:
    """Return the mean of a command's wall seconds."""
    return mean(each.wall_s for each in column[command]) if command in column else None


def verdicts(run: Run) -> Iterator[Verdict]:
    """Compare one size with the targets."""
    preview = _mean(run.ours, "no-op preview", "wall_s")
    if run.floor:
        for name, unit in (("wall_s", "wall seconds"), ("cpu_s", "CPU seconds")):
            ratio = _mean(run.ours, "no-op preview", name) / _mean(run.floor, "no-op preview", name)
            yield Verdict(f"{run.size:,} units: no-op preview / floor, {unit}", ratio, 0.7, "times")
    if run.peer:
        yield Verdict(
            f"{run.size:,} units: no-op preview / the peer's plan", preview, _mean(run.peer, "no-op preview", "wall_s")
        )
    if "one field" in run.ours:
        yield Verdict(
            f"{run.size:,} units: one field beyond a no-op preview", _mean(run.ours, "one field", "wall_s") - preview, 3
        )
    checks = [(run.latency_ms, each) for each in run.ours.get("drift check", ())]
    for latency_ms, each in checks + ([run.slow_drift] if run.slow_drift else []):
        title = f"{run.size:,} units: drift check beyond a no-op preview, {latency_ms} ms"
        yield Verdict(title, each.wall_s - preview, drift_limit(each, latency_ms))
        yield Verdict(f"{title}: reads that BigQuery rejected", each.rejected_reads, 0, "reads")
    if run.floor and "first up" in run.ours:
        floor = _mean(run.floor, "first up", "wall_s")
        limit = 1.2 * max(floor, run.size / TESTS_A_MINUTE * 60, run.size / TESTS_AN_HOUR * 3600)
        yield Verdict(f"{run.size:,} units: first up", _mean(run.ours, "first up", "wall_s"), limit)
    peaks = [each.peak_mb for column in run.ours.values() for each in column]
    memory = max(peak.get("program", 0) + peak.get("provider", 0) for peak in peaks)
    yield Verdict(f"{run.size:,} units: program and plugin together", memory, 300, "MB")


def drift_limit(check: Measured, latency_ms: int) -> float:
    """Return how much longer than a no-op preview a drift check may take, by the calls that it made."""
    fivetran = sum(check.calls.values()) / FIVETRAN_AT_ONCE * latency_ms / 1000
    return 1.3 * max(fivetran, check.dataset_reads / BIGQUERY_A_SECOND)


def growth(runs: Sequence[Run]) -> Iterator[Verdict]:
    """Compare what one more unit costs between sizes: the third size against the first two's slope."""
    first, *rest = runs
    for run in rest:
        allowed = 1.15 if run.size <= 1_000 else 1.3
        times = run.size / first.size
        grown = _mean(run.ours, "no-op preview", "wall_s") / _mean(first.ours, "no-op preview", "wall_s")
        yield Verdict(f"growth of a no-op preview from {first.size} to {run.size:,}", grown, times * allowed, "times")


def _mean(column: Mapping[str, Sequence[Measured]], command: str, name: str) -> float:
    return float(mean(getattr(each, name) for each in column[command]))


def table(run: Run) -> Iterator[str]:
    """Format the table of one size in Markdown."""
    yield f"| {run.size:,} units, {run.latency_ms} ms | us | floor as the SDK comes | peer |"
    yield "|---|---|---|---|"
    for command in COMMANDS:
        cells = (_cell(column, command) for column in (run.ours, run.floor, run.peer))
        yield f"| {command} | {' | '.join(cells)} |"


def _cell(column: Mapping[str, Sequence[Measured]], command: str) -> str:
    if command not in column:
        return "-"
    calls = sum(column[command][0].calls.values())
    cpu = _mean(column, command, "cpu_s")
    return f"{_mean(column, command, 'wall_s'):.1f} s, {cpu:.1f} CPU s" + (f", {calls:,} calls" if calls else "")


def processes(run: Run) -> Iterator[str]:
    """Format CPU seconds and peak memory of a no-op preview by kind of process."""
    for name, column in (("us", run.ours), ("floor", run.floor)):
        for each in column.get("no-op preview", ())[:1]:
            parts = (f"{kind} {cpu:.1f} s, {each.peak_mb.get(kind, 0)} MB" for kind, cpu in each.cpu_by_kind.items())
            yield f"no-op preview, {name}: {'; '.join(parts)}"
