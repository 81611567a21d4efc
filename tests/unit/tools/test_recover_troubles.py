"""`make recover` that is interrupted, that gets no answer, or whose lock goes away meanwhile: nothing is lost."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.silence import silence
from tests.unit.tools.test_recover import RECOVER, Stack

import recover
import stack_locks
from reconciler.google import rest
from reconciler.google.storage import EMULATOR, Changed, StoredObject

#: A shell that starts pytest in the background lets it ignore interrupts, which a process inherits.
INTERRUPTIBLE = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[0] = {str(RECOVER.parent)!r}
import recover
sys.exit(recover.main())
"""
AGAIN = "    Run this again: make recover STACK=dev\n"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack in a folder, whose lock belongs to a process that has ended."""
    found = Stack(tmp_path, [sys.executable])
    found.pulumi()
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    found.lock(ended)
    monkeypatch.chdir(tmp_path)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


def run() -> tuple[int, str]:
    """Recover in this process; return the exit code, and what went wrong."""
    return recover._run(argparse.Namespace(stack="dev", record_run=False, force=False, if_locked=False))


def pulumi_that(stack: Stack, step: str, does: str) -> None:
    """Let a command of the stand-in for Pulumi do something before it answers."""
    program = stack.directory / "bin" / "pulumi"
    text = program.read_text().replace("#!/bin/sh\n", f'#!/bin/sh\nif [ "$1" = {step} ]; then {does}; fi\n')
    program.write_text(text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["whoami", "refresh"])
def test_recover_lets_pulumi_end_in_order_when_interrupted(stack: Stack, step: str, number: signal.Signals):
    """A step that is killed would leave a lock of its own."""
    done, started = stack.directory / "done", stack.directory / "started"
    waits = f"sleep 30 >/dev/null 2>&1 & touch {started}; wait $!"
    pulumi_that(stack, step, f"trap 'kill $!; sleep 0.4; touch {done}; exit 1' INT; {waits}")
    command = [sys.executable, "-c", INTERRUPTIBLE, "dev"]
    with subprocess.Popen(command, cwd=stack.directory, stderr=subprocess.PIPE, text=True) as process:
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        _, printed = process.communicate(timeout=60)
    assert done.exists()
    assert (process.returncode, printed) == (128 + number, f"recover: interrupted; nothing is lost.\n{AGAIN}")
    assert len(stack.locks()) == (1 if step == "whoami" else 0)
    stack.pulumi()
    assert run() == (0, "")
    assert stack.locks() == []


def test_recover_ends_with_a_message_when_pulumi_gets_no_answer(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recover, "READ_SECONDS", 0.2)
    pulumi_that(stack, "whoami", "exec sleep 30")
    code, text = run()
    assert code == 3
    assert text.startswith("`pulumi whoami` gave no answer in 0 s: the backend cannot be reached.\n    Check ")
    assert len(stack.locks()) == 1


class Vanishing(stack_locks.FileBackend):
    """A folder in which another process releases each lock, or takes it again, before it is deleted."""

    again = False

    def delete(self, found: StoredObject) -> bool:
        if self.again:
            raise Changed(found.name)
        (self.folder / found.name).unlink()
        return super().delete(found)


@pytest.fixture
def vanishing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> type[Vanishing]:
    monkeypatch.setattr(recover, "open_backend", Vanishing)
    monkeypatch.setattr(recover, "FileBackend", stack_locks.FileBackend)
    monkeypatch.setattr(Vanishing, "again", False)
    return Vanishing


def test_recover_goes_on_when_another_process_released_the_lock(
    vanishing: type[Vanishing], capfd: pytest.CaptureFixture[str]
):
    assert run() == (0, "")
    assert "0a1b.json is gone: another process released it.\n" in capfd.readouterr().out


def test_recover_keeps_a_lock_that_changed_since_it_was_read(
    stack: Stack, vanishing: type[Vanishing], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vanishing, "again", True)
    code, text = run()
    assert code == 1
    name = ".pulumi/locks/organization/shop/dev/0a1b.json"
    assert text.startswith(f"another run locked dev just now: {name} has changed.\n    Wait for that run to end.")
    assert stack.asked == ["whoami"]
    assert len(stack.locks()) == 1


@pytest.fixture
def silent_bucket(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rest, "_REQUEST_S", 0.1)
    monkeypatch.setattr(rest, "_ATTEMPTS_S", 0.1)
    stack.pulumi(url="gs://states")
    with silence() as silent:
        monkeypatch.setenv(EMULATOR, silent.url)
        yield


@pytest.mark.usefixtures("silent_bucket")
def test_recover_of_a_silent_bucket_says_what_to_do():
    code, text = run()
    assert code == 3
    assert text.startswith("Cloud Storage, bucket states: Google gave no answer in time. Check the network")
    assert text.endswith("\n    Nothing is lost. Run this again when that is corrected.")


def test_recover_names_the_reason_when_the_folder_may_not_be_read(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    def denied(*_: object) -> Iterator[StoredObject]:
        raise PermissionError(13, "Permission denied", ".pulumi/locks")

    monkeypatch.setattr(stack_locks.FileBackend, "list", denied)
    code, text = run()
    assert code == 3
    assert "Permission denied: '.pulumi/locks'\n    Nothing is lost." in text


def test_recover_without_credentials_says_how_to_log_in(stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv(EMULATOR, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    stack.pulumi(url="gs://states")
    code, text = run()
    assert code == 3
    assert "gcloud auth application-default login" in text


def test_record_of_a_run_is_never_half_written(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    backend = stack_locks.FileBackend(stack.backend)
    backend.write("runs/dev.json", b"first")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backend.write("runs/dev.json", b"second")
    assert backend.read("runs/dev.json") is not None
    assert (backend.read("runs/dev.json") or (b"", 0))[0] == b"first"
