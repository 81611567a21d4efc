"""`make recover`: which locks it releases, which it rejects, and how it ends a killed run's provider process.

Pulumi itself is a stand-in that logs its calls; the tests under tests/engine kill real runs.
"""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

RECOVER = Path(__file__).resolve().parents[3] / "tools" / "recover.py"
FILE_BACKEND = "file://{directory}/state"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def lock_content(pid, *, hostname=None, since, username="alice"):
    """What Pulumi writes into a lock; Go writes nanoseconds."""
    timestamp = f"{since:%Y-%m-%dT%H:%M:%S.%f}789Z"
    hostname = hostname or socket.gethostname()
    return json.dumps({"pid": pid, "username": username, "hostname": hostname, "timestamp": timestamp}).encode()


class Stack:
    """The project `shop` with a stack `dev` in a file backend."""

    def __init__(self, directory, python):
        self.directory, self.python = directory, python
        self.backend = FILE_BACKEND.format(directory=directory)
        (directory / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: infra/\n")
        (directory / "infra").mkdir()
        self.environment = {
            "PATH": f"{directory / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "PULUMI_BACKEND_URL": self.backend,
        }
        (directory / "bin").mkdir()

    def pulumi(self, url=None, fails="nothing", listed=()):
        program = self.directory / "bin" / "pulumi"
        program.write_text(
            "#!/bin/sh\n"
            f'echo "$@" >>"{self.directory}/asked"\n'
            f'[ "$1" != {fails} ] || {{ echo "error: the reason" >&2; exit 255; }}\n'
            f"[ \"$1\" != whoami ] || echo '{json.dumps({'url': url or self.backend})}'\n"
            f"[ \"$1\" != stack ] || echo '{json.dumps(list(listed))}'\n"
        )
        program.chmod(0o755)

    def lock(self, process, *, project="shop", stack="dev", hostname=None, since=None):
        directory = self.directory / "state" / ".pulumi" / "locks" / "organization" / project / stack
        directory.mkdir(parents=True, exist_ok=True)
        since = since or datetime.now(UTC)
        (directory / "0a1b.json").write_bytes(lock_content(process.pid, hostname=hostname, since=since))

    def locks(self):
        return sorted((self.directory / "state" / ".pulumi" / "locks").rglob("*.json"))

    def recover(self, *arguments):
        done = subprocess.run(
            [*self.python, RECOVER, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    @property
    def asked(self):
        file = self.directory / "asked"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def stack(tmp_path, python):
    stack = Stack(tmp_path, python)
    stack.pulumi()
    return stack


@pytest.fixture
def start():
    started = []

    def run(*command, **options):
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=30)


@pytest.fixture
def alive(start):
    return start("sleep", "60")


@pytest.fixture
def dead(start):
    process = start("true")
    process.wait(30)
    return process


def test_recover_removes_state_attributes_that_the_kill_cut_short(stack, dead):
    stack.lock(dead)
    directory = stack.directory / "state" / ".pulumi" / "stacks" / "shop"
    directory.mkdir(parents=True)
    for name, content in {"dev.json.attrs": "", "dev.json.bak.attrs": "{}", "prod.json.attrs": '{"user'}.items():
        (directory / name).write_text(content)
    done = stack.recover("dev")
    assert done.returncode == 0
    assert "Removed dev.json.attrs, which was cut short.\n" in done.stdout
    assert sorted(file.name for file in directory.iterdir()) == ["dev.json.bak.attrs", "prod.json.attrs"]


def test_recover_releases_the_lock_of_a_killed_run_and_reads_the_state_back(stack, dead):
    stack.lock(dead)
    done = stack.recover("dev")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"dev is locked by alice@{socket.gethostname()}, process {dead.pid}, since ")
    assert lines[1:4] == [
        f"Its run is over: process {dead.pid} on this machine has ended.",
        "Released the lock .pulumi/locks/organization/shop/dev/0a1b.json.",
        "Reading what dev really has (pulumi refresh)",
    ]
    assert lines[-1].startswith("dev is usable again. Next: pulumi preview --stack dev")
    assert stack.locks() == []
    assert (stack.directory / "asked").read_text().splitlines()[1:] == [
        "refresh --yes --non-interactive --skip-preview --suppress-outputs --clear-pending-creates --stack dev",
    ]


def test_recover_rejects_the_lock_of_a_live_process(stack, alive):
    stack.lock(alive)
    done = stack.recover("dev")
    assert done.returncode == 1
    assert f"recover: nothing was changed: process {alive.pid} is alive.\n" in done.stderr
    assert "    Wait for it to end, or end it. Then run this again.\n" in done.stderr
    assert stack.asked == ["whoami"]
    assert len(stack.locks()) == 1


def test_recover_releases_the_lock_of_a_live_process_by_force(stack, alive):
    stack.lock(alive)
    done = stack.recover("dev", "--force")
    assert done.returncode == 0
    assert f"The lock is released by force, although process {alive.pid} is alive.\n" in done.stdout
    assert stack.asked == ["whoami", "refresh"]
    assert stack.locks() == []


def test_process_that_began_after_the_lock_does_not_own_it(stack, alive):
    stack.lock(alive, since=datetime.now(UTC) - timedelta(hours=1))
    assert stack.recover("dev").returncode == 0


def test_recover_rejects_a_lock_of_another_machine(stack, dead):
    stack.lock(dead, hostname="laptop")
    done = stack.recover("dev")
    assert done.returncode == 1
    assert "it was taken on another machine (laptop), which cannot be asked, and no GitHub run is" in done.stderr
    assert stack.asked == ["whoami"]


@pytest.mark.parametrize("other", [{"stack": "prod"}, {"project": "other"}])
def test_recover_ignores_locks_of_other_stacks_and_projects(stack, alive, other):
    stack.lock(alive, **other)
    done = stack.recover("dev")
    assert done.returncode == 0
    assert "dev is not locked.\n" in done.stdout
    assert stack.asked == ["whoami", "refresh"]
    assert len(stack.locks()) == 1


def test_recover_if_locked_does_nothing_to_an_unlocked_stack(stack):
    done = stack.recover("dev", "--if-locked")
    assert (done.returncode, done.stdout) == (0, "dev is not locked.\n")
    assert stack.asked == ["whoami"]


def test_recover_accepts_a_stack_with_organization_and_project(stack, alive):
    stack.lock(alive)
    assert stack.recover("organization/shop/dev").returncode == 1


def test_recover_names_a_broken_lock(stack, dead):
    stack.lock(dead)
    stack.locks()[0].write_text("{}")
    done = stack.recover("dev")
    assert done.returncode == 3
    assert "recover: .pulumi/locks/organization/shop/dev/0a1b.json is not a lock of Pulumi" in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[1]",
        b"[" * 200_000,
        b'{"pid": Infinity}',
        lock_content(0, since=LONG_AGO),
        lock_content(-5, since=LONG_AGO),
        lock_content(2**70, since=LONG_AGO),
        lock_content(4, since=LONG_AGO, username="u" * 1_000),
        lock_content(4, since=datetime(1, 1, 1, tzinfo=UTC)),
        lock_content(4, since=LONG_AGO).replace(b"Z", b"\\u001b[2J token"),
    ],
    ids=[
        "empty",
        "no text",
        "list",
        "deep",
        "infinity",
        "pid 0",
        "negative pid",
        "large pid",
        "long name",
        "year 1",
        "escape code",
    ],
)
def test_recover_names_an_object_that_is_not_a_lock_and_releases_nothing(stack, dead, content):
    stack.lock(dead)
    stack.locks()[0].write_bytes(content)
    done = stack.recover("dev", "--force")
    assert done.returncode == 3
    name = ".pulumi/locks/organization/shop/dev/0a1b.json"
    assert done.stderr == f"recover: {name} is not a lock of Pulumi\n    Remove it by hand.\n"
    assert len(stack.locks()) == 1
    assert stack.asked == ["whoami"]


def test_recover_prints_names_in_a_lock_as_text(stack, dead):
    stack.lock(dead, hostname="other\x1b[2J\n::error::x")
    done = stack.recover("dev")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert "\n::error" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "*", "../../dev", "a b", "a/b/c/d"])
def test_recover_of_a_text_that_is_not_a_stack_name_is_wrong_usage(stack, name):
    done = stack.recover(name)
    assert done.returncode == 2
    assert "STACK is not the name of a stack" in done.stderr
    assert stack.asked == []


@pytest.mark.parametrize("content", [b"a: [1", b"[1]", b"runtime: python", b"name: 1", b"\xff\xfe"])
def test_recover_names_a_broken_project_file(stack, content):
    (stack.directory / "Pulumi.yaml").write_bytes(content)
    done = stack.recover("dev")
    assert done.returncode == 2
    assert (
        done.stderr
        == f"recover: {stack.directory / 'Pulumi.yaml'} is not a Pulumi project with a name.\n    Restore it.\n"
    )


@pytest.mark.parametrize("url", ["https://api.pulumi.com", "s3://states"])
def test_recover_cancels_in_other_backends_only_by_force(stack, url):
    stack.pulumi(url=url, listed=[{"name": "dev", "url": "https://app.pulumi.com/a/shop/dev"}])
    done = stack.recover("dev")
    assert done.returncode == 1
    assert f"whether the run that locked dev has ended cannot be seen in {url}." in done.stderr
    assert "See who runs it: https://app.pulumi.com/a/shop/dev\n" in done.stderr
    assert stack.asked == ["whoami", "stack"]
    assert stack.recover("dev", "--force").returncode == 0
    assert stack.asked[2:] == ["whoami", "stack", "cancel", "refresh"]


def test_recover_cancels_nothing_when_pulumi_cloud_reports_no_update(stack):
    stack.pulumi(url="https://api.pulumi.com", listed=[{"name": "a/dev", "updateInProgress": False}])
    assert stack.recover("dev").returncode == 0
    assert stack.asked == ["whoami", "stack", "refresh"]


@pytest.mark.parametrize("step", ["whoami", "refresh"])
def test_recover_stops_when_pulumi_fails_and_shows_its_message(stack, dead, step):
    stack.lock(dead)
    stack.pulumi(fails=step)
    done = stack.recover("dev")
    assert done.returncode == 3
    step_ = "Correct what it names, then run this again."
    assert done.stderr == f"error: the reason\nrecover: `pulumi {step}` failed; its message is above.\n    {step_}\n"
    assert stack.asked[-1] == step


def test_recover_without_a_project_or_without_pulumi_names_the_reason(stack):
    (stack.directory / "bin" / "pulumi").unlink()
    assert stack.recover("dev").stderr == 'recover: no pulumi on PATH.\n    Run this first: eval "$(make -s env)"\n'
    (stack.directory / "Pulumi.yaml").unlink()
    assert stack.recover("dev").stderr.startswith("recover: no Pulumi.yaml here or above.\n")
    assert stack.recover().returncode == 2


@pytest.fixture
def provider(stack, start):
    """Start the real process of Pulumi's dynamic provider for an engine at an address."""

    def serve(address, project="shop"):
        process = start(
            sys.executable,
            *("-u", "-m", "pulumi.dynamic", address),
            cwd=stack.directory / "infra",
            env=stack.environment | {"PULUMI_PROJECT": project},
            stdout=subprocess.PIPE,
        )
        assert process.stdout.readline().strip().isdigit()
        return process

    return serve


def test_recover_ends_the_provider_process_of_a_killed_run(stack, provider):
    left = provider("127.0.0.1:1")
    done = stack.recover("dev")
    assert done.returncode == 0
    assert f"A killed run left its provider process ({left.pid}); waiting for the calls it is in\n" in done.stdout
    assert left.poll() == 0


def test_recover_leaves_provider_processes_of_live_runs_and_other_projects(stack, provider):
    with socket.create_server(("127.0.0.1", 0)) as engine:
        going = provider(f"127.0.0.1:{engine.getsockname()[1]}")
        other = provider("127.0.0.1:1", project="other")
        done = stack.recover("dev")
    assert done.returncode == 0
    assert "provider process" not in done.stdout
    assert (going.poll(), other.poll()) == (None, None)
