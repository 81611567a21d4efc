"""The parts of `make bench`: targets, reasons for calls, plots and what is measured of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from benching import page, plot, scale, targets
from benching.fleet import write_change, write_units
from benching.measuring import OUR_ENGINE, Measured, Samples, kind_of, measure, outside
from benching.reasons import UnknownCall, explain_calls
from benching.targets import Run
from reconciler.config import load

READ = "GET /v1/connections/{connection_id}"


def of(title: str, wall_s: float, cpu_s: float = 1.0, calls: int = 0, program_mb: int = 100) -> Measured:
    """A measurement."""
    routes = {READ: calls} if calls else {}
    memory = {"program": program_mb, "provider": 100}
    return Measured(title, wall_s, cpu_s, routes, peak_mb=memory, dataset_reads=2 * calls)


def run_of(size: int, preview_s: float, floor_s: float, drift_s: float = 12.0, program_mb: int = 100) -> Run:
    """A run with a preview and a drift check of us, and the floor's preview."""
    run = Run(size, latency_ms=80)
    Run.add(run.ours, of("no-op preview", preview_s, program_mb=program_mb))
    Run.add(run.ours, of("drift check", drift_s, calls=size))
    Run.add(run.floor, of("no-op preview", floor_s))
    return run


def verdict(run: Run, target: str) -> targets.Verdict:
    """The verdict about a target."""
    return next(each for each in targets.verdicts(run) if target in each.target)


@pytest.mark.parametrize(("preview_s", "passed"), [(7.0, True), (7.1, False)])
def test_preview_passes_up_to_seven_tenths_of_the_floor(preview_s, passed):
    assert verdict(run_of(100, preview_s, floor_s=10.0), "floor, wall seconds").passed is passed


@pytest.mark.parametrize(("drift_s", "passed"), [(5 + 2.6, True), (5 + 2.7, False)])
def test_drift_check_may_take_as_long_as_the_reads_of_bigquery(drift_s, passed):
    assert verdict(run_of(100, 5.0, floor_s=10.0, drift_s=drift_s), "drift check").passed is passed


def test_drift_check_may_take_as_long_as_the_calls_to_a_slow_fivetran():
    check = of("drift check", 1.0, calls=1_000)
    assert targets.drift_limit(check, latency_ms=3_000) == pytest.approx(1.3 * 1_000 / 32 * 3)


@pytest.mark.parametrize(("program_mb", "passed"), [(200, True), (201, False)])
def test_program_and_plugin_may_take_300_mb_together(program_mb, passed):
    assert verdict(run_of(100, 5.0, floor_s=10.0, program_mb=program_mb), "together").passed is passed


@pytest.mark.parametrize(("many_s", "passed"), [(11.5, True), (11.6, False)])
def test_preview_of_ten_times_the_units_may_take_slightly_more_than_ten_times(many_s, passed):
    few, many = run_of(100, 1.0, floor_s=1.0), run_of(1_000, many_s, floor_s=1.0)
    assert [each.passed for each in targets.growth([few, many])] == [passed]


def test_call_without_a_reason_ends_the_benchmark():
    assert len(list(explain_calls(of("drift check", 1.0, calls=3), units=3))) == 2
    with pytest.raises(UnknownCall, match="no-op preview asks 3 times without a known reason: GET"):
        list(explain_calls(of("no-op preview", 1.0, calls=3), units=3))


def test_table_has_a_row_for_each_command_and_a_dash_for_what_was_not_measured():
    rows = list(targets.table(run_of(100, 5.0, floor_s=10.0)))
    assert rows[2] == "| no-op preview | 5.0 s, 1.0 CPU s | 10.0 s, 1.0 CPU s | - |"
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[2:]] == list(targets.COMMANDS)


def test_plot_is_xml_with_a_point_for_each_measurement():
    drawn = plot.draw("a < b", {"us": [(100, 1.0), (1_000, 9.0)], "floor": [(100, 2.0)]})
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own text
    assert len(root.findall("{*}circle")) == 3


def test_page_gets_the_tables_and_plots_between_its_markers(tmp_path: Path):
    file = tmp_path / "page.md"
    file.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    run = run_of(100, 8.0, floor_s=10.0)
    body = page.body([run], targets.verdicts(run), ["bench/no-op-preview.svg"], load=0.2, day=date(2026, 12, 1))
    page.write(file, body)
    page.write(file, body)
    text = file.read_text()
    assert (text.startswith("before\n"), text.endswith("\nafter\n"), "old" in text) == (True, True, False)
    assert "| 100 units: no-op preview / floor, wall seconds | 0.80 times | 0.70 | no |" in text
    assert "![no op preview](bench/no-op-preview.svg)" in text


def test_page_says_when_the_machine_was_busy():
    run = run_of(100, 8.0, floor_s=10.0)
    texts = [page.body([run], [], [], load, date(2026, 12, 1)) for load in (0.2, 9.0)]
    assert ["busy" in text for text in texts] == [False, True]


def test_measured_units_are_valid_and_one_of_them_changes(tmp_path: Path):
    write_units(tmp_path, 11)
    before = load(tmp_path, tmp_path).fleet("bench").units
    write_change(tmp_path)
    after = load(tmp_path, tmp_path).fleet("bench").units
    assert [new.name for old, new in zip(before, after, strict=True) if old != new] == ["unit_0000"]


def test_floor_runs_without_what_make_env_sets_for_the_engine(monkeypatch: pytest.MonkeyPatch):
    for name in OUR_ENGINE:
        monkeypatch.setenv(name, "x")
    assert set(outside(as_it_comes=False)) - set(outside(as_it_comes=True)) == set(OUR_ENGINE)


def test_command_is_measured_with_its_children():
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    measured = measure("busy", [sys.executable, "-c", child], dict(os.environ))
    assert measured.cpu_s >= 0.3
    assert measured.wall_s >= 0.3


def test_command_that_fails_ends_the_benchmark_with_its_output():
    with pytest.raises(SystemExit, match="no such thing"):
        measure("failing", [sys.executable, "-c", "raise SystemExit('no such thing')"], dict(os.environ))


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("python /engine/pulumi-language-python-exec --pwd . main", "program"),
        ("python3 -u -m pulumi.dynamic 127.0.0.1:1", "provider"),
        ("pulumi preview", "engine"),
    ],
)
def test_kind_of_a_process_is_read_from_its_command(command, kind):
    assert kind_of(command.split()) == kind


def test_profile_of_a_program_is_written(tmp_path: Path):
    profiled = Path(plot.__file__).with_name("profiled")
    env = {"PYTHONPATH": str(profiled), "BENCH_PROFILE": str(tmp_path / "preview")}
    program = tmp_path / "pulumi-language-python-exec"
    program.write_text("sum(range(10))")
    subprocess.run([sys.executable, str(program)], env=env, check=True)
    assert (tmp_path / "preview.program").stat().st_size > 0


def test_scale_table_continues_the_slope_between_the_measured_sizes():
    runs = [run_of(size, 5.0, floor_s=1.0, drift_s=size / 10) for size in (100, 300)]
    for run in runs:
        Run.add(run.ours, of("first up", 1.0, calls=4 * run.size))
    rows = list(scale.table(runs))
    assert rows[0] == "| | 100 units *m* | 300 units *m* | 1,000 units | 2,000 units | 10,000 units |"
    assert "| drift check, wall | 10.0 s | 30.0 s | 100.0 s | 200.0 s | 1,000.0 s |" in rows
    assert "| drift check, reads of BigQuery | 200 | 600 | 2,000 | 4,000 | 20,000 |" in rows
    assert not any("wall" in row for row in scale.table(runs, with_wall=False))


def test_interrupted_measurement_ends_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    started: list[int] = []

    def interrupt(_samples: Samples, pid: int) -> None:
        started.append(pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(Samples, "take", interrupt)
    with pytest.raises(KeyboardInterrupt):
        measure("sleep", ["sleep", "60"], os.environ, None, cwd=tmp_path)
    assert [pid for pid in started if psutil.pid_exists(pid)] == []
