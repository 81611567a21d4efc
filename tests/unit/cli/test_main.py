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
    """Run a command that raises; answers the exit code and what stood on stderr."""

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


def test_an_error_of_ours_is_its_text_and_nothing_else(failing):
    assert failing(ReconcilerError("the folder is gone: make it")) == (2, "Error: the folder is gone: make it\n")


def test_invalid_specs_are_the_problems_as_validate_prints_them(failing):
    problem = Problem("dev/a.yaml", 3, 5, "unknown key `x`", "did you mean `y`?")
    assert failing(InvalidSpecs([problem])) == (1, "dev/a.yaml:3:5: unknown key `x`\n    did you mean `y`?\n")


@pytest.fixture(params=[1000, 0], ids=["usual", "no frames"])
def _limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process has been told about tracebacks: a provider in the same one wants none."""
    monkeypatch.setattr(sys, "tracebacklimit", request.param, raising=False)


@pytest.mark.usefixtures("_limit")
def test_an_unexpected_error_is_one_line_without_its_text_which_could_hold_anything(failing):
    code, shown = failing(KeyError("canary"))
    assert code == 70
    assert shown.startswith("Error: KeyError in fail (test_main.py:")
    assert shown.endswith("this is a bug. RECONCILER_DEBUG=1 shows more.\n")
    assert "canary" not in shown
    assert "Traceback" not in shown
    assert shown.count("\n") == 1


@pytest.mark.usefixtures("_limit")
def test_an_unexpected_error_shows_its_traceback_when_asked(failing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(module.DEBUG_VARIABLE, "1")
    code, shown = failing(KeyError("x"))
    assert code == 70
    assert "Traceback" in shown


def test_ctrl_c_is_a_word_and_the_shell_s_own_exit_code(failing):
    code, shown = failing(KeyboardInterrupt())
    assert code == 128 + signal.SIGINT
    assert shown.strip() == "interrupted"


def test_a_reader_that_leaves_early_is_no_error():
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
def test_help_names_every_command_without_importing_one(arguments: list[str]):
    script = (
        "import sys; from reconciler.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(sorted(n for n in sys.modules if n.startswith('reconciler.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert all(f"  {name} " in said for name in COMMANDS)
    assert "['reconciler.cli.main']" in done.stdout


def test_every_command_is_where_the_table_says():
    for name, (module_name, text) in COMMANDS.items():
        assert (Path(module.__file__).parent / f"{module_name.rpartition('.')[2]}.py").exists(), name
        assert text.endswith("."), name


def test_an_unknown_command_is_wrong_usage_with_the_nearest_named():
    done = subprocess.run([*PROGRAM, "validat"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command 'validat'" in done.stderr


def test_the_version_is_the_package_s():
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("reconciler 0.")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("services", "simulate")])
@pytest.mark.parametrize("spelled", [("-e", "dev"), ("-edev",), ("--environment", "dev"), ("--environment=dev",)])
def test_the_environment_stands_before_the_command_or_after_it(
    command: str, spelled: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    said = []
    (tmp_path / "other").mkdir()
    for arguments in ([*spelled, command], [command, *spelled]):
        more = ["NAME"] if command == "authorise" else []
        with pytest.raises(SystemExit) as exit_:
            main(["--specs", str(tmp_path), *arguments, *more])
        said.append((exit_.value.code, capsys.readouterr().err))
    assert said[0] == said[1]
    assert "No such option" not in said[0][1]
