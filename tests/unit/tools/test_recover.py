"""`make recover`: whose lock it is, when it must not be touched, and what a killed run's provider process is told.

Pulumi itself is a stand-in that writes down what it is asked; the tests under tests/engine kill real runs.
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


class Stack:
    """The project `shop` with a stack `dev` in a file backend."""

    def __init__(self, directory):
        self.directory = directory
        self.backend = FILE_BACKEND.format(directory=directory)
        (directory / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: infra/\n")
        (directory / "infra").mkdir()
        self.environment = {
            "PATH": f"{directory / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "PULUMI_BACKEND_URL": self.backend,
        }
        (directory / "bin").mkdir()

    def pulumi(self, url=None, fails="nothing"):
        program = self.directory / "bin" / "pulumi"
        program.write_text(
            "#!/bin/sh\n"
            f'echo "$@" >>"{self.directory}/asked"\n'
            f'[ "$1" != {fails} ] || {{ echo "error: it said so" >&2; exit 255; }}\n'
            f"[ \"$1\" != whoami ] || echo '{json.dumps({'url': url or self.backend})}'\n"
        )
        program.chmod(0o755)

    def lock(self, process, *, project="shop", stack="dev", hostname=None, since=None):
        directory = self.directory / "state" / ".pulumi" / "locks" / "organization" / project / stack
        directory.mkdir(parents=True, exist_ok=True)
        since = since or datetime.now(UTC)
        content = {
            "pid": process.pid,
            "username": "alice",
            "hostname": hostname or socket.gethostname(),
            # Go writes nanoseconds.
            "timestamp": f"{since:%Y-%m-%dT%H:%M:%S.%f}789Z",
        }
        (directory / "0a1b.json").write_text(json.dumps(content))

    def recover(self, *arguments):
        done = subprocess.run(
            [sys.executable, RECOVER, *arguments],
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
def stack(tmp_path):
    stack = Stack(tmp_path)
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


def test_attributes_of_the_state_that_the_kill_cut_short_are_removed_and_others_stay(stack, dead):
    stack.lock(dead)
    directory = stack.directory / "state" / ".pulumi" / "stacks" / "shop"
    directory.mkdir(parents=True)
    for name, content in {"dev.json.attrs": "", "dev.json.bak.attrs": "{}", "prod.json.attrs": '{"user'}.items():
        (directory / name).write_text(content)
    done = stack.recover("dev")
    assert done.returncode == 0
    assert "dev.json.attrs was cut short; it is removed.\n" in done.stdout
    assert sorted(file.name for file in directory.iterdir()) == ["dev.json.bak.attrs", "prod.json.attrs"]


def test_the_lock_of_a_killed_run_is_named_and_released_and_the_state_read_back(stack, dead):
    stack.lock(dead)
    done = stack.recover("dev")
    assert done.returncode == 0
    assert f"dev is locked by alice@{socket.gethostname()}, process {dead.pid}, since " in done.stdout
    assert (stack.directory / "asked").read_text().splitlines()[1:] == [
        "cancel --yes --non-interactive --stack dev",
        "refresh --yes --non-interactive --skip-preview --suppress-outputs --clear-pending-creates --stack dev",
    ]
    assert done.stdout.splitlines()[-1].startswith("dev is usable again. Next: pulumi preview --stack dev")


def test_the_lock_of_a_run_that_is_still_going_is_not_touched(stack, alive):
    stack.lock(alive)
    done = stack.recover("dev")
    assert done.returncode == 1
    assert f"recover: nothing was changed: process {alive.pid} is alive.\n" in done.stderr
    assert stack.asked == ["whoami"]


def test_force_releases_it_all_the_same(stack, alive):
    stack.lock(alive)
    assert stack.recover("dev", "--force").returncode == 0
    assert stack.asked == ["whoami", "cancel", "refresh"]


def test_a_process_that_began_after_the_lock_was_taken_does_not_hold_it(stack, alive):
    stack.lock(alive, since=datetime.now(UTC) - timedelta(hours=1))
    assert stack.recover("dev").returncode == 0


def test_a_lock_from_another_machine_is_not_touched(stack, dead):
    stack.lock(dead, hostname="laptop")
    done = stack.recover("dev")
    assert done.returncode == 1
    assert "it was taken on another machine (laptop), where this one cannot look" in done.stderr
    assert stack.asked == ["whoami"]


@pytest.mark.parametrize("other", [{"stack": "prod"}, {"project": "other"}])
def test_locks_of_other_stacks_and_projects_do_not_count(stack, alive, other):
    stack.lock(alive, **other)
    done = stack.recover("dev")
    assert done.returncode == 0
    assert "dev is not locked.\n" in done.stdout
    assert stack.asked == ["whoami", "refresh"]


def test_a_stack_may_be_named_with_its_organization_and_project(stack, alive):
    stack.lock(alive)
    assert stack.recover("organization/shop/dev").returncode == 1


def test_a_broken_lock_file_is_named(stack, dead):
    stack.lock(dead)
    file = next((stack.directory / "state").rglob("*.json"))
    file.write_text("{}")
    done = stack.recover("dev")
    assert done.returncode == 3
    assert f"{file} is no lock file of Pulumi's" in done.stderr


def test_in_another_backend_the_lock_is_released_with_a_warning(stack):
    stack.pulumi(url="gs://bucket")
    done = stack.recover("dev")
    assert done.returncode == 0
    assert "Whose lock it is cannot be seen in gs://bucket; make sure that no other run is going." in done.stdout
    assert stack.asked == ["whoami", "cancel", "refresh"]


@pytest.mark.parametrize("step", ["whoami", "cancel", "refresh"])
def test_what_pulumi_says_when_it_fails_is_shown_and_nothing_comes_after(stack, dead, step):
    stack.lock(dead)
    stack.pulumi(fails=step)
    done = stack.recover("dev")
    assert done.returncode == 3
    assert done.stderr == f"error: it said so\nrecover: `pulumi {step}` failed; what it said is above.\n"
    assert stack.asked[-1] == step


def test_without_a_project_or_without_pulumi_the_reason_is_given(stack):
    (stack.directory / "bin" / "pulumi").unlink()
    assert stack.recover("dev").stderr == 'recover: no pulumi on PATH: eval "$(make -s env)" first.\n'
    (stack.directory / "Pulumi.yaml").unlink()
    assert stack.recover("dev").stderr == "recover: no Pulumi.yaml here or above: run this in the repository.\n"
    assert stack.recover().returncode == 2


@pytest.fixture
def provider(stack, start):
    """Starts the real process of Pulumi's dynamic provider for an engine at an address."""

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


def test_the_provider_process_of_a_killed_run_is_made_to_end_before_the_state_is_read(stack, provider):
    left = provider("127.0.0.1:1")
    done = stack.recover("dev")
    assert done.returncode == 0
    assert f"A killed run left its provider process ({left.pid}); waiting for the calls it is in\n" in done.stdout
    assert left.poll() == 0


def test_that_of_a_run_that_is_going_and_that_of_another_project_are_left_alone(stack, provider):
    with socket.create_server(("127.0.0.1", 0)) as engine:
        going = provider(f"127.0.0.1:{engine.getsockname()[1]}")
        other = provider("127.0.0.1:1", project="other")
        done = stack.recover("dev")
    assert done.returncode == 0
    assert "provider process" not in done.stdout
    assert (going.poll(), other.poll()) == (None, None)
