"""The peer: Fivetran's Terraform provider with as many connections and schedules, and no datasets.

It works in an account of its own, so that its quota is whole, and without the settings of `make env`.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import httpx

from benching.measuring import CommandFailed, Measured, measure, outside
from simulator.process import running

#: What the provider prints when Fivetran rejected one request four times. It waits as long as Fivetran asks, but ten
#: requests at once wait for the same place in the quota.
RATE_LIMITED = "rate limit retry max attempts count reached"

#: More applies than the quota can ask for. 250 tests a minute fit between two of them.
MOST_RUNS = 100

UNREAD_PLAN, UNREAD_APPLY = "plan -refresh=false", "apply -refresh=false"
UNTESTED = "first up, schedules untested"


def measure_peer(
    binary: str, folder: Path, size: int, *, latency_ms: int, provider: Path | None = None
) -> Iterator[Measured]:
    """Create, plan and change the connections of a group, with and without reading what exists.

    Args:
        binary: Terraform or OpenTofu.
        folder: Where the configuration and the state go.
        size: How many connections.
        latency_ms: How long each answer of Fivetran takes.
        provider: The folder of the provider's binary. Without it, `init` installs the provider.
    """
    folder.mkdir()
    with _new_account(latency_ms) as (services, admin):
        peer = _Peer(binary, folder / "tested", size, services, admin)
        peer.set_up(provider)
        yield peer.apply("first up")
        plan = peer.run("no-op preview", "plan")
        yield plan
        yield replace(plan, title="drift check")
        yield peer.run(UNREAD_PLAN, "plan", "-refresh=false")
        peer.write(every=60)
        yield peer.apply("one field")
        peer.write(every=120)
        yield peer.apply(UNREAD_APPLY, "-refresh=false")
    with _new_account(latency_ms) as (services, admin):
        admin.patch("options", json={"patch_tests": "config"}).raise_for_status()
        peer = _Peer(binary, folder / "untested", size, services, admin)
        peer.set_up(provider)
        yield peer.apply(UNTESTED)


@contextlib.contextmanager
def _new_account(latency_ms: int) -> Iterator[tuple[Mapping[str, str], httpx.Client]]:
    """Yield the variables of local services that nothing used before, and a client of their admin routes."""
    with running(latency_ms=latency_ms) as services, httpx.Client(base_url=services.admin_url) as admin:
        yield services.environment, admin


class _Peer:
    """A configuration with its state."""

    def __init__(self, binary: str, folder: Path, size: int, services: Mapping[str, str], admin: httpx.Client) -> None:
        self._binary, self._folder, self._size, self._admin = binary, folder, size, admin
        self._env = {**outside(as_it_comes=True), "CHECKPOINT_DISABLE": "1", **services}

    def set_up(self, provider: Path | None) -> None:
        """Write the configuration, and name the folder of the provider or install it."""
        self._folder.mkdir()
        self.write(every=360)
        if provider is None:
            measure("init", [self._binary, "init", "-input=false"], self._env, cwd=self._folder)
        else:
            settings = self._folder / "settings.tfrc"
            settings.write_text(cli_settings(provider))
            self._env["TF_CLI_CONFIG_FILE"] = str(settings)

    def write(self, *, every: int) -> None:
        """Write the configuration; `every` are the minutes of the first connection's schedule."""
        (self._folder / "main.tf.json").write_text(json.dumps(configuration(self._size, every)))

    def run(self, title: str, *arguments: str) -> Measured:
        """Run a command that needs no confirmation."""
        command = [self._binary, *arguments, "-input=false", "-no-color"]
        return measure(title, command, self._env, self._admin, cwd=self._folder)

    def apply(self, title: str, *options: str) -> Measured:
        """Run `apply`, again where Fivetran's limits stop it, as a user would."""
        stopped: list[Measured] = []
        while True:
            try:
                return add_up([*stopped, self.run(title, "apply", "-auto-approve", *options)])
            except CommandFailed as failed:
                if not is_rate_limited(failed.output) or len(stopped) + 1 == MOST_RUNS:
                    raise
                stopped.append(failed.measured)


def is_rate_limited(output: str) -> bool:
    """Return whether each error in the output of `apply` is that Fivetran rejected one request too often."""
    errors = " ".join(output.replace("│", " ").split()).split("Error: ")[1:]
    return bool(errors) and all(RATE_LIMITED in error for error in errors)


def add_up(measured: Sequence[Measured]) -> Measured:
    """Return the sum of several runs of a command, and how many there were."""
    calls: Counter[str] = Counter()
    for each in measured:
        calls.update(each.calls)
    return replace(
        measured[-1],
        wall_s=sum(each.wall_s for each in measured),
        cpu_s=sum(each.cpu_s for each in measured),
        calls=calls,
        runs=len(measured),
    )


def cli_settings(provider: Path) -> str:
    """Format the settings with which Terraform takes the provider from a folder, without `init`."""
    overrides = f'dev_overrides {{\n    "fivetran/fivetran" = {json.dumps(str(provider.resolve()))}\n  }}'
    return f"provider_installation {{\n  {overrides}\n  direct {{}}\n}}\n"


def configuration(size: int, every: int) -> dict[str, object]:
    """Return a group with connections and their schedules; `every` are the minutes of the first one's."""
    return {
        "terraform": {"required_providers": {"fivetran": {"source": "fivetran/fivetran"}}},
        "provider": {"fivetran": {}},
        "resource": {
            "fivetran_group": {"bench": {"name": "Bench"}},
            "fivetran_connection": {
                "unit": {
                    "count": size,
                    "group_id": "${fivetran_group.bench.id}",
                    "service": "stripe",
                    "run_setup_tests": False,
                    "destination_schema": {"name": "peer_${count.index}"},
                    "config": json.dumps({"api_key": "secret"}),
                }
            },
            "fivetran_connector_schedule": {
                "unit": {
                    "count": size,
                    "connector_id": "${fivetran_connection.unit[count.index].id}",
                    "schedule_type": "auto",
                    "paused": "true",
                    "sync_frequency": f'${{count.index == 0 ? "{every}" : "360"}}',
                }
            },
        },
    }


def notes(column: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    """Format what makes the peer's figures comparable with ours, and what does not."""
    if not column:
        return
    yield "peer: one group, its connections and their schedules, without a destination and datasets; without `init`"
    for title in ("first up", "one field"):
        if (runs := column[title][0].runs) > 1:
            yield (
                f"peer, {title}: the sum of {runs} runs of `apply`. Fivetran allows 250 setup tests a minute, and the "
                "provider gives up on a request that Fivetran rejected four times"
            )
    yield (
        "peer, first up: one setup test a connection, as ours. The provider creates connections untested, and then "
        "sets schedules without `run_setup_tests`, which Fivetran documents to be true by default"
    )
    untested, unread_plan, unread_apply = (_figures(column[each][0]) for each in (UNTESTED, UNREAD_PLAN, UNREAD_APPLY))
    yield f"peer, first up, if Fivetran tested only a changed `config` or `auth`: {untested}"
    yield f"peer, no-op preview and drift check: `plan`, which reads all. Without reads, as our preview: {unread_plan}"
    yield f"peer, one field: `apply`, which reads all. Without reads, as our `up --skip-preview`: {unread_apply}"


def _figures(each: Measured) -> str:
    runs = f", {each.runs} runs of `apply`" if each.runs > 1 else ""
    return f"{each.wall_s:.1f} s, {each.cpu_s:.1f} CPU s, {sum(each.calls.values()):,} calls{runs}"
