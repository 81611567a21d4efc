"""Preview and deploy every environment here, and check that a second preview is empty.

Run by `make demo`. It starts a local Fivetran and a local Google Cloud (`reconciler simulate`), runs Pulumi against
them, prints the results, and stops them. Only the installed tools stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from reconciler.config import load

ROOT = Path(__file__).resolve().parent.parent
#: The longest wait for the simulators, which usually take a second.
READY_TIMEOUT_S = 60

#: The width of piped output, in which no id is cut off.
console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def main() -> int:
    """Run the demo. Returns 0 if every second preview is empty."""
    specs = Path(os.environ.get("RECONCILER_SPECS", ROOT / "connectors"))
    stacks = load(specs, ROOT).stacks
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder, simulators(Path(folder)) as settings:
        environment = {**os.environ, **settings}
        for stack in stacks:
            console.rule(f"[bold]{stack}")
            deploy(stack, environment)
        for stack in stacks:
            show(stack, json.loads(pulumi("stack", "output", "--json", stack=stack, environment=environment)))
    console.print(f"\n{len(stacks)} stacks previewed, deployed and unchanged: {time.monotonic() - began:.0f} s")
    return 0


@contextlib.contextmanager
def simulators(folder: Path) -> Iterator[Mapping[str, str]]:
    """Run the local services while the block lasts. Yields the variables that point to them."""
    ready = folder / "ready.json"
    command = ["reconciler", "simulate", "--ready-file", str(ready)]
    with (folder / "simulate.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + READY_TIMEOUT_S
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the simulators did not start:\n{(folder / 'simulate.log').read_text()}")
                time.sleep(0.05)
            yield json.loads(ready.read_text())["environment"]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def deploy(stack: str, environment: Mapping[str, str]) -> None:
    """Run preview, up, and a second preview, which must be empty."""
    for title, arguments in (
        ("pulumi preview", ("preview", "--suppress-outputs")),
        ("pulumi up", ("up", "--yes", "--skip-preview", "--suppress-outputs")),
        ("pulumi preview, again", ("preview", "--expect-no-changes", "--suppress-outputs")),
    ):
        began = time.monotonic()
        console.print(f"[bold cyan]{title}[/] [dim](stack {stack})")
        for line in pulumi(*arguments, stack=stack, environment=environment).splitlines():
            if line.strip() and not line.startswith("@"):
                console.print(f"  {line}", highlight=False, markup=False)
        console.print(f"  [dim]{time.monotonic() - began:.1f} s\n")


def pulumi(*arguments: str, stack: str, environment: Mapping[str, str]) -> str:
    """Run a Pulumi command and return its output. If it fails, print the output and end the demo."""
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never", "--stack", stack]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def show(stack: str, outputs: Mapping[str, Any]) -> None:
    """Print the units of a stack, and its Airflow variables for `airflow variables import`."""
    table = Table(title=stack, title_justify="left")
    for heading in ("unit", "datasets", "connection", "outcome"):
        table.add_column(heading, overflow="fold")
    for name, unit in sorted(outputs["units"].items()):
        table.add_row(name, ", ".join(unit["datasets"]), unit.get("connection_id", ""), unit.get("outcome", ""))
    console.print(table)
    console.print(f"[bold]Airflow variables of {stack}[/]")
    console.print_json(data=outputs["airflow_variables"], sort_keys=True)


def stop(*_: object) -> None:
    """End as after Ctrl-C: the job was cancelled, or the terminal was closed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; the simulators and their state are deleted")
