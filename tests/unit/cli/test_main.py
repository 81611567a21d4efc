import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli import main as module
from reconciler.cli.main import COMMANDS, main
from reconciler.model.errors import InvalidSpecs, Problem, ReconcilerError

BAD = Path(__file__).parents[2] / "config" / "bad"
PROGRAM = [sys.executable, "-c", "from reconciler.cli.main import main; main()"]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command that raises; return its exit code and what it printed to stderr."""

    def run(error: BaseException) -> tuple[object, str]:
        @click.command()
        def fail() -> None:
            raise error

        monkeypatch.setitem(COMMANDS, "fail", (__name__, "Fails."))
        monkeypatch.setattr(sys.modules[__name__], "fail", fail, raising=False)
        with pytest.raises(SystemExit) as exit_:
            main(["fail"])
        return exit_.value.code, capsys.readouterr().err

    monkeypatch.delenv(module.DEBUG_VARIABLE, raising=False)
    return run


def test_main_prints_only_the_text_of_a_reconciler_error(failing):
    assert failing(ReconcilerError("the folder is gone: make it")) == (2, "Error: the folder is gone: make it\n")


def test_main_prints_invalid_specs_as_validate_does(failing):
    problem = Problem("dev/a.yaml", 3, 5, "unknown key `x`", "did you mean `y`?")
    assert failing(InvalidSpecs([problem])) == (1, "dev/a.yaml:3:5: unknown key `x`\n    did you mean `y`?\n")


@pytest.fixture(params=[1000, 0], ids=["usual", "no frames"])
def _limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the process's limit for tracebacks: a provider in the same process sets it to none."""
    monkeypatch.setattr(sys, "tracebacklimit", request.param, raising=False)


@pytest.mark.usefixtures("_limit")
def test_main_hides_the_text_of_an_unexpected_error(failing):
    code, shown = failing(KeyError("canary"))
    assert code == 70
    assert shown.startswith("Error: KeyError in fail (test_main.py:")
    assert shown.endswith("this is a bug. RECONCILER_DEBUG=1 shows more.\n")
    assert "canary" not in shown
    assert "Traceback" not in shown
    assert shown.count("\n") == 1


@pytest.mark.usefixtures("_limit")
def test_main_prints_the_traceback_when_debugging(failing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(module.DEBUG_VARIABLE, "1")
    code, shown = failing(KeyError("x"))
    assert code == 70
    assert "Traceback" in shown


def test_main_ends_the_line_of_a_question_when_interrupted(failing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert failing(click.Abort()) == (128 + signal.SIGINT, "\ninterrupted\n")


def test_main_exits_with_the_shells_code_when_interrupted(failing):
    code, shown = failing(KeyboardInterrupt())
    assert code == 128 + signal.SIGINT
    assert shown.strip() == "interrupted"


def test_main_prints_no_error_when_stdout_is_closed():
    command = [*PROGRAM, "validate", "--specs", "."]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command, cwd=BAD / "schedules", stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command_without_importing_any(arguments: list[str]):
    script = (
        "import sys; from reconciler.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(sorted(n for n in sys.modules if n.startswith('reconciler.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert all(f"  {name} " in printed for name in COMMANDS)
    assert "['reconciler.cli.interrupts', 'reconciler.cli.main']" in done.stdout


def test_command_table_names_existing_modules():
    for name, (module_name, text) in COMMANDS.items():
        assert (Path(module.__file__).parent / f"{module_name.rpartition('.')[2]}.py").exists(), name
        assert text.endswith("."), name


def test_main_rejects_an_unknown_command_as_wrong_usage():
    done = subprocess.run([*PROGRAM, "validat"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command 'validat'" in done.stderr


def test_version_option_prints_the_packages_version():
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("reconciler 0.")


#: Commands that need other options too, or that are about no one environment.
OTHERS = {"services", "simulate", "head-files", "changed", "with-fivetran-key", "comment", "record", "agrees"}
OTHERS |= {"secret", "check-etl", "init"}


@pytest.mark.parametrize("command", sorted({*COMMANDS} - OTHERS))
@pytest.mark.parametrize("spelled", [("-e", "dev"), ("-edev",), ("--environment", "dev"), ("--environment=dev",)])
def test_environment_option_works_before_and_after_the_command(
    command: str, spelled: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    printed = []
    (tmp_path / "other").mkdir()
    for arguments in ([*spelled, command], [command, *spelled]):
        more = ["NAME"] if command == "authorise" else []
        with pytest.raises(SystemExit) as exit_:
            main(["--specs", str(tmp_path), *arguments, *more])
        printed.append((exit_.value.code, capsys.readouterr().err))
    assert printed[0] == printed[1]
    assert "No such option" not in printed[0][1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("review", "-e", "dev", "--preview"),
        ("status", "-e", "dev", "--from-outputs"),
        ("report", "-e", "dev", "--from-outputs"),
        ("airflow-variables", "--from-outputs"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_file_that_is_not_utf_8_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
):
    file = tmp_path / "file"
    file.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(SystemExit) as ended:
        main([*arguments, str(file)])
    assert ended.value.code == 2, capsys.readouterr().err
