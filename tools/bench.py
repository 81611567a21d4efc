"""Measure the main commands beside their floor, and compare them with the targets (`make bench`).

Against the local services, with `--latency-ms` on each of their answers. The floor is a Pulumi program with three
resources a unit that do nothing, with the SDK and the engine as they come; `--peer` adds Terraform with Fivetran's
provider. No-op previews of both run in pairs, and ours as `reconciler review` starts them. Times depend on the machine:
compare them within one run. Every call to Fivetran is printed with its reason, and a call without a reason ends the
benchmark.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.console import Console

from benching import extras, page, peer, plot, scale, targets
from benching.fleet import write_change, write_empty, write_units
from benching.measuring import Measured, Project
from benching.reasons import explain_calls
from benching.targets import Run
from reconciler.cli.review import PARALLEL_DIFF
from simulator.process import running

PROFILED = Path(__file__).resolve().parent / "benching" / "profiled"


def main() -> None:
    """Measure each size, print each command when it ends, and the tables at the end."""
    arguments = parse()
    # A shell starts background commands so that they ignore interrupts. The engine interrupts its language host at the
    # end of a run, and would wait 5 s for one that ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(soft_wrap=True, highlight=False)
    if arguments.set_up or arguments.reviews or arguments.files or arguments.commands:
        for line in measure_extras(arguments):
            console.print(line)
        return
    load = os.getloadavg()[0]
    runs = [measure_size(size, arguments, console) for size in arguments.sizes]
    verdicts = [*(verdict for run in runs for verdict in targets.verdicts(run)), *targets.growth(runs)]
    for run in runs:
        notes = [*targets.processes(run), *peer.notes(run.peer)]
        console.print("\n" + "\n".join([*targets.table(run), "", *notes]), markup=False)
    for verdict in verdicts:
        console.print(str(verdict), markup=False)
    if arguments.page:
        plots = write_plots(arguments.page.with_suffix(""), runs)
        links = [str(each.relative_to(arguments.page.parent)) for each in plots]
        page.write(arguments.page, page.body(runs, verdicts, links, load, datetime.now(UTC).date()))
    if arguments.scale and len(runs) > 1:
        page.write(arguments.scale, scale.body(runs, load, datetime.now(UTC).date()))
    raise SystemExit(1 if arguments.check and not all(each.passed for each in verdicts) else 0)


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000], help="how many units (100 and 1000)")
    parser.add_argument("--latency-ms", type=int, default=80, help="how long each answer takes, in milliseconds (80)")
    parser.add_argument("--slow-ms", type=int, default=300, help="of Fivetran's answers in a second drift check (300)")
    parser.add_argument("--pairs", type=int, default=2, help="no-op previews of us and of the floor, in pairs (2)")
    parser.add_argument("--peer", help="a Terraform or OpenTofu binary, which runs Fivetran's provider")
    parser.add_argument(
        "--peer-provider", type=Path, metavar="FOLDER", help="of the provider's binary (else `init` installs it)"
    )
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help="write a profile of each process of a preview")
    parser.add_argument("--page", type=Path, help="write the tables, and plots of growth as SVG, into this page")
    parser.add_argument("--scale", type=Path, help="write what follows for 10,000 units into this page")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument("--set-up", action="store_true", help="measure only how long a fresh clone takes to work")
    parser.add_argument("--reviews", action="store_true", help="measure only what a review takes beyond its preview")
    parser.add_argument("--files", action="store_true", help="measure only how long files take to load and to check")
    parser.add_argument("--commands", action="store_true", help="measure only commands that people wait for")
    return parser.parse_args()


def measure_extras(arguments: argparse.Namespace) -> Iterator[str]:
    """Measure what is beside the table."""
    if arguments.set_up:
        yield from extras.set_up()
    if arguments.reviews:
        yield from map(extras.reviewing, arguments.sizes)
    if arguments.commands:
        yield from extras.commands()
    if arguments.files:
        yield from map(extras.validation, arguments.sizes)
        yield from extras.growth()
        yield extras.editor()


def measure_size(size: int, arguments: argparse.Namespace, console: Console) -> Run:
    """Run the commands of a unit's life with one number of units, beside the floor and the peer."""
    run = Run(size, arguments.latency_ms)
    console.print(f"\n[bold]{size:,} units, {arguments.latency_ms} ms an answer[/]")

    def note(column: dict[str, list[Measured]], name: str, measured: Measured) -> Measured:
        Run.add(column, measured)
        peak = ", ".join(f"{kind} {megabytes} MB" for kind, megabytes in sorted(measured.peak_mb.items()))
        console.print(
            f"{name + ', ' + measured.title:<28}{measured.wall_s:>8.1f} s {measured.cpu_s:>8.1f} CPU s  {peak}"
        )
        if column is run.ours:
            for line in explain_calls(measured, size):
                console.print(f"    [dim]{line}")
        return measured

    with (
        tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name,
        running(latency_ms=arguments.latency_ms) as services,
        httpx.Client(base_url=services.admin_url) as admin,
    ):
        folder = Path(name)
        write_units(folder / "specs", size)
        write_empty(folder / "program", size)
        settings = {**services.environment, "RECONCILER_SPECS": str(folder / "specs"), "BENCH_KEY": "secret"}
        ours = Project(folder / "ours", "bench", settings)
        path = {"PYTHONPATH": str(folder / "program")}
        floor = Project(folder / "floor", "bench", path, root=folder / "program", as_it_comes=True)
        note(run.ours, "us", ours.run("first up", "up", "--yes", "--skip-preview", admin=admin))
        run.state_bytes = ours.state_bytes()
        note(run.floor, "floor", floor.run("first up", "up", "--yes", "--skip-preview"))
        for number in range(arguments.pairs):
            for column, whose, project in ((run.ours, "us", ours), (run.floor, "floor", floor))[:: (-1) ** number]:
                of = admin if project is ours else None
                more = PARALLEL_DIFF if project is ours else {}
                note(column, whose, project.run("no-op preview", "preview", "--expect-no-changes", admin=of, env=more))
        refresh = ("drift check", "preview", "--refresh", "--expect-no-changes")
        note(run.ours, "us", ours.run(*refresh, admin=admin, env=PARALLEL_DIFF))
        note(run.floor, "floor", floor.run(*refresh))
        admin.patch("options", json={"latency_ms": arguments.slow_ms}).raise_for_status()
        slow = ours.run(*refresh, admin=admin, env=PARALLEL_DIFF)
        run.slow_drift = (arguments.slow_ms, slow)
        console.print(f"us, drift check, {arguments.slow_ms} ms of Fivetran {slow.wall_s:>6.1f} s")
        admin.patch("options", json={"latency_ms": arguments.latency_ms}).raise_for_status()
        if arguments.profile:
            profile(ours, arguments.profile, size)
        write_change(folder / "specs")
        note(run.ours, "us", ours.run("one field", "up", "--yes", "--skip-preview", admin=admin))
    if arguments.peer:
        with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as name:
            folder, latency_ms = Path(name) / "peer", arguments.latency_ms
            for each in peer.measure_peer(
                arguments.peer, folder, size, latency_ms=latency_ms, provider=arguments.peer_provider
            ):
                note(run.peer, "peer", each)
    return run


def profile(project: Project, folder: Path, size: int) -> None:
    """Write a profile of each process of a no-op preview.

    `go tool pprof` reads those of the engine, `python -m pstats` the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begin = str(folder.resolve() / f"preview-{size}")
    watch = {"BENCH_PROFILE": begin, "PYTHONPATH": str(PROFILED), **PARALLEL_DIFF}
    project.run("profile", "preview", "--profiling", f"{begin}.engine", env=watch)


def write_plots(folder: Path, runs: list[Run]) -> list[Path]:
    """Write a plot of each command's growth, and return the files."""
    files = [folder / f"{command.replace(' ', '-')}.svg" for command in targets.COMMANDS]
    folder.mkdir(parents=True, exist_ok=True)
    for command, file in zip(targets.COMMANDS, files, strict=True):
        columns = {
            "us": [(run.size, targets.seconds(run.ours, command)) for run in runs],
            "floor as the SDK comes": [(run.size, targets.seconds(run.floor, command)) for run in runs],
            "peer": [(run.size, targets.seconds(run.peer, command)) for run in runs],
        }
        known = {name: [(size, wall) for size, wall in points if wall is not None] for name, points in columns.items()}
        lines = {name: points for name, points in known.items() if points}
        file.write_text(plot.draw(f"{command}, wall seconds", lines), encoding="utf-8")
    return files


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
