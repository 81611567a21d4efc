"""`secret put`: what is written, what is printed, and what never is."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model import Reference
from reconciler.secrets import values_to_mask
from reconciler.secrets.secret_manager import connect

from .workspace import ENVIRONMENT, Ran, Workspace

CANARY = "canary-7Fq2-value"
PROJECT = "dev-project"
NAME = "fivetran-stripe-key"
PEM = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
KEY_FILE = '{\n  "type": "service_account",\n  "private_key": "x\\n"\n}\n'


@pytest.fixture(autouse=True)
def _empty(workspace: Workspace) -> Iterator[None]:
    workspace.admin("POST", "/secret-manager/reset")
    workspace.unit("stripe", config={"api_key": {"secret": NAME, "version": 1}})
    yield
    workspace.admin("POST", "/secret-manager/reset")
    values_to_mask.forget_values()


def store(workspace: Workspace, value: str = "old-value", version: int = 1) -> None:
    item = {"project": PROJECT, "secret": NAME, "version": version, "value": value}
    workspace.admin("PUT", "/secret-manager/versions", {"versions": [item]})


def put(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, value: str | bytes, *arguments: str) -> Ran:
    """Run the command with a value on stdin; nothing that it prints may have the value."""
    raw = value if isinstance(value, bytes) else value.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    ran = workspace.run("secret", "put", *arguments) if arguments else workspace.run("secret", "put", NAME)
    if len(raw) > 5:
        assert raw.decode(errors="replace").strip() not in ran.out + ran.err
    return ran


def stored(version: int | None = None) -> str:
    return connect().value(Reference("secret", NAME, version, PROJECT))


def versions(workspace: Workspace) -> dict[str, str]:
    found: dict[str, dict[str, str]] = workspace.admin("GET", "/secret-manager/state")
    return next((each for name, each in found.items() if name.endswith(f"/{NAME}")), {})


def test_secret_put_writes_a_version_and_prints_its_reference(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    store(workspace)
    ran = put(workspace, monkeypatch, CANARY)
    assert (ran.code, ran.out) == (0, f"{{secret: {NAME}, version: 2}}\n")
    assert ran.err == (
        f"wrote version 2 of the secret {NAME} in project {PROJECT}\n"
        "connectors/dev/stripe.yaml:9:5: refers to version 1\n    Write `version: 2`.\n"
    )
    assert stored() == CANARY


def test_secret_put_writes_nothing_when_the_newest_version_has_the_value(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    store(workspace, CANARY, version=3)
    ran = put(workspace, monkeypatch, f"{CANARY}\n")
    assert (ran.code, ran.out) == (0, f"{{secret: {NAME}, version: 3}}\n")
    assert f"version 3 of {NAME} has this value already: nothing was written" in ran.err
    assert versions(workspace)["3"] == "ENABLED"
    assert "4" not in versions(workspace)


def test_secret_put_writes_the_value_again_when_its_version_is_disabled(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    store(workspace, CANARY)
    workspace.admin("PATCH", f"/secret-manager/versions/{PROJECT}/{NAME}/1", {"state": "DISABLED"})
    assert put(workspace, monkeypatch, CANARY).code == 0
    assert versions(workspace) == {"1": "DISABLED", "2": "ENABLED"}


@pytest.mark.parametrize(
    ("given", "kept", "note"),
    [
        (f"{CANARY}\n", CANARY, "left out: the value ends in a line feed"),
        (f"{CANARY}\r\n", CANARY, "left out: the value ends in a Windows line break, CRLF"),
        (f"\ufeff{CANARY}", CANARY, "left out: the value begins with a byte-order mark"),
        (f'"{CANARY}"', f'"{CANARY}"', "kept: the value is in quotation marks"),
        (PEM, PEM, ""),
        (PEM.replace("\n", "\r\n"), PEM, "left out: the value has Windows line breaks"),
        (KEY_FILE, KEY_FILE, ""),
        (KEY_FILE.replace("\n", "\r\n"), KEY_FILE.replace("\n", "\r\n"), ""),
    ],
)
def test_secret_put_leaves_out_a_byte_order_mark_and_a_line_end(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, given: str, kept: str, note: str
):
    store(workspace)
    ran = put(workspace, monkeypatch, given)
    assert stored() == kept
    assert note in ran.err
    assert note or ("left out" not in ran.err and "kept" not in ran.err)


def test_secret_put_keeps_every_byte_with_exact(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    store(workspace)
    ran = put(workspace, monkeypatch, f"\ufeff{CANARY}\r\n", "--exact", NAME)
    assert ran.out == f"{{secret: {NAME}, version: 2, exact: true}}\n"
    assert stored() == f"\ufeff{CANARY}\r\n"


def test_secret_put_reads_a_file(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    store(workspace)
    (tmp_path / "key.json").write_text(KEY_FILE)
    assert put(workspace, monkeypatch, "", "--from-file", str(tmp_path / "key.json"), NAME).code == 0
    assert stored() == KEY_FILE


@pytest.mark.parametrize("value", ["", "\n", " \t\r\n", "\ufeff\n"])
def test_secret_put_rejects_an_empty_value(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, value: str):
    store(workspace)
    ran = put(workspace, monkeypatch, value)
    assert (ran.code, ran.out, ran.err) == (2, "", "Error: the value is empty: nothing was written\n")
    assert versions(workspace) == {"1": "ENABLED"}


def test_secret_put_takes_64_kib_and_not_a_byte_more(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    store(workspace)
    assert put(workspace, monkeypatch, "x" * 65_536).code == 0
    ran = put(workspace, monkeypatch, "x" * 65_537)
    assert (ran.code, ran.err) == (
        2,
        "Error: the value has more than 65,536 bytes, the most that Secret Manager takes\n",
    )


def test_secret_put_rejects_a_value_that_is_not_utf_8(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    store(workspace)
    assert "not UTF-8 text" in put(workspace, monkeypatch, b"\xff\xfe\x00key").err


@pytest.mark.parametrize("arguments", [(NAME, CANARY), (NAME, f"--value={CANARY}"), ("--from-file", CANARY, NAME)])
def test_secret_put_never_prints_a_value_that_is_an_argument(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
):
    store(workspace)
    ran = put(workspace, monkeypatch, "other", *arguments)
    assert ran.code == 2
    assert CANARY not in ran.out + ran.err
    assert versions(workspace) == {"1": "ENABLED"}


def test_secret_put_rejects_a_value_in_place_of_the_name(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    value = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    ran = put(workspace, monkeypatch, "other", "--create", value)
    assert (ran.code, "this looks like the value" in ran.err) == (2, True)
    assert value not in ran.out + ran.err


def test_secret_put_creates_a_secret_only_when_asked(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    ran = put(workspace, monkeypatch, CANARY)
    assert (ran.code, ran.out) == (2, "")
    assert f"project {PROJECT} has no secret {NAME}\n    Run again with --create" in ran.err
    assert put(workspace, monkeypatch, CANARY, "--create", NAME).out == f"{{secret: {NAME}, version: 1}}\n"
    found = connect().client.get_secret(name=f"projects/{PROJECT}/secrets/{NAME}")
    assert dict(found.labels) == {"managed-by": "fivetran-reconciler"}
    assert "automatic" in found.replication


def test_secret_put_takes_the_environment_before_the_command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    workspace.write("environment", {**ENVIRONMENT, "secrets_project": "more-secrets"}, "prod")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CANARY.encode())))
    ran = workspace.run("-eprod", "secret", "put", "--create", NAME)
    assert ran.err.endswith(f"wrote version 1 of the secret {NAME} in project more-secrets\n")


def test_secret_put_names_the_project_of_a_reference_elsewhere(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    ran = put(workspace, monkeypatch, CANARY, "--create", "--project", "other-project", NAME)
    assert ran.out == f"{{secret: {NAME}, version: 1, project: other-project}}\n"


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "status", "code": "UNAVAILABLE"}])
def test_secret_put_reports_a_write_that_failed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, fault: dict[str, str]
):
    store(workspace)
    workspace.admin("POST", "/secret-manager/faults", {"path": ":addVersion$", "count": None, **fault})
    ran = put(workspace, monkeypatch, CANARY)
    assert (ran.code, ran.out) == (3, "")
    assert "it is not certain whether the version was added" in ran.err


def test_secret_put_names_the_role_that_is_missing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    store(workspace)
    denials = [{"permission": f"secretmanager.{each}"} for each in ("versions.add", "versions.access", "secrets.get")]
    workspace.admin("PUT", "/secret-manager/denials", {"denials": denials})
    ran = put(workspace, monkeypatch, CANARY)
    assert ran.code == 3
    assert "roles/secretmanager.secretVersionAdder" in ran.err


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, workspace: Workspace) -> None:
        self._side, other = pty.openpty()
        code = "from reconciler.cli.main import main; main()"
        command = [sys.executable, "-c", code, "secret", "put", "--specs", str(workspace.specs), NAME]
        self.process = subprocess.Popen(
            command, stdin=other, stdout=subprocess.PIPE, stderr=other, start_new_session=True, text=True
        )
        self.other, self.shown = other, ""

    def wait_for(self, text: str) -> None:
        """Read what the terminal shows until it has a text."""
        deadline = time.monotonic() + 60
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._side], [], [], 1)[0]:
                self.shown += os.read(self._side, 4096).decode()

    def type(self, text: str) -> None:
        """Type, once the terminal has stopped echoing."""
        deadline = time.monotonic() + 60
        while termios.tcgetattr(self.other)[3] & termios.ECHO:
            assert time.monotonic() < deadline
        os.write(self._side, text.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the code and what was printed to stdout."""
        out, _ = self.process.communicate(timeout=60)
        while select.select([self._side], [], [], 0)[0]:
            self.shown += os.read(self._side, 4096).decode()
        return self.process.returncode, out

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.other)[3] & termios.ECHO)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._side)
        os.close(self.other)


@pytest.fixture
def terminal(workspace: Workspace) -> Iterator[Terminal]:
    store(workspace)
    opened = Terminal(workspace)
    yield opened
    opened.close()


def test_secret_put_does_not_show_what_is_typed(terminal: Terminal):
    terminal.wait_for("not shown): ")
    terminal.type(f"{CANARY}é\x7f\n")
    code, out = terminal.end()
    assert (code, out) == (0, f"{{secret: {NAME}, version: 2}}\n")
    assert CANARY not in terminal.shown
    assert stored() == CANARY
    assert terminal.echoes()


def test_secret_put_takes_a_pasted_line_of_any_length(terminal: Terminal):
    terminal.wait_for("not shown): ")
    pasted = f"{CANARY}{'x' * 9_000}"
    terminal.type(pasted)
    terminal.type("\n")
    assert terminal.end()[0] == 0
    assert stored() == pasted


def test_secret_put_rejects_pasted_lines_and_leaves_none_to_the_shell(terminal: Terminal, workspace: Workspace):
    terminal.wait_for("not shown): ")
    terminal.type(f"{CANARY}\nrm -rf canary\n")
    assert terminal.end()[0] == 2
    assert "several lines were pasted: nothing was written" in terminal.shown
    assert select.select([terminal.other], [], [], 0)[0] == []
    assert versions(workspace) == {"1": "ENABLED"}


def test_secret_put_ends_cleanly_on_ctrl_c(terminal: Terminal, workspace: Workspace):
    terminal.wait_for("not shown): ")
    terminal.type("half-a-canary")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end()[0] == 130
    assert terminal.shown.endswith("\r\ninterrupted\r\n")
    assert "canary" not in terminal.shown
    assert terminal.echoes()
    assert versions(workspace) == {"1": "ENABLED"}


def test_secret_put_adds_one_version_when_the_reply_is_lost(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    store(workspace)
    workspace.admin("POST", "/secret-manager/faults", {"path": ":addVersion$", "count": None, "kind": "lose"})
    ran = put(workspace, monkeypatch, CANARY)
    assert (ran.code, ran.out) == (0, f"{{secret: {NAME}, version: 2}}\n"), ran.err
    assert versions(workspace) == {"1": "ENABLED", "2": "ENABLED"}


def test_secret_put_creates_one_secret_when_the_reply_is_lost(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    workspace.admin("POST", "/secret-manager/faults", {"path": "/secrets$", "count": None, "kind": "lose"})
    ran = put(workspace, monkeypatch, CANARY, "--create", NAME)
    assert (ran.code, ran.out) == (0, f"{{secret: {NAME}, version: 1}}\n"), ran.err
    assert versions(workspace) == {"1": "ENABLED"}


def test_secret_put_reports_a_write_whose_result_is_unknown(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    store(workspace)
    workspace.admin("POST", "/secret-manager/faults", {"path": ":addVersion$", "kind": "lose"})
    workspace.admin("PUT", "/secret-manager/denials", {"denials": [{"permission": "secretmanager.versions.access"}]})
    ran = put(workspace, monkeypatch, CANARY)
    assert (ran.code, ran.out) == (3, "")
    assert "it is not certain whether the version was added" in ran.err
    assert f"`gcloud secrets versions list {NAME} --project={PROJECT}`" in ran.err
    assert versions(workspace) == {"1": "ENABLED", "2": "ENABLED"}


def test_secret_put_needs_valid_files_in_its_own_environment_only(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    workspace.write("environment", {"gcp_project": 1}, "prod")
    ran = put(workspace, monkeypatch, CANARY, "--create", "-e", "dev", NAME)
    assert ran.out == f"{{secret: {NAME}, version: 1}}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_secret_put_gives_the_terminal_its_echo_back_when_it_is_ended(terminal: Terminal, number: signal.Signals):
    terminal.wait_for("not shown): ")
    terminal.type("half-a-canary")
    terminal.process.send_signal(number)
    assert terminal.end()[0] != 0
    assert terminal.echoes()
    assert "canary" not in terminal.shown
