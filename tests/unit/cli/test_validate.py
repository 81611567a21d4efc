import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import COMMANDS, cli

CASES = Path(__file__).parents[2] / "config"
ENVIRONMENT = """
gcp_project: example-dev
fivetran: {group: Dev, destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}}
"""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("RECONCILER_SPECS", "RECONCILER_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["validate", *arguments], standalone_mode=False)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch):
    def enter(folder: Path) -> None:
        monkeypatch.chdir(folder)

    return enter


def test_validate_prints_problems_to_stdout_and_a_summary_to_stderr(inside):
    folder = CASES / "bad" / "task_ids"
    inside(folder)
    result = validate("--specs", ".")
    assert result.stdout == (folder / "expected.txt").read_text()
    assert result.stderr == "3 problems in 3 files\n"
    assert result.return_value == 1


def test_validate_counts_the_problems_of_a_thousand_files(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "environment.yaml").write_text(ENVIRONMENT)
    for number in range(1000):
        connector = f"{{service: stripe, destination: {{schema: u{number}}}, config: {{api_kye: {{env: KEY}}}}}}"
        file = f"description: x\nowners: [a@example.com]\nconnector: {connector}\ndataset: {{}}\n"
        (tmp_path / "dev" / f"u{number}.yaml").write_text(file)
    result = validate("--specs", str(tmp_path))
    assert result.stderr == "1,000 problems in 1,000 files\n"


def line(start: str) -> int:
    """Return the number of the line that starts like this in the file with every field."""
    lines = (CASES / "good" / "every_field" / "dev" / "stripe.yaml").read_text().splitlines()
    return next(number for number, text in enumerate(lines, start=1) if text.startswith(start))


def test_validate_prints_nothing_to_stdout_when_there_is_no_problem(inside):
    inside(CASES / "good" / "smallest")
    result = validate("--specs", ".")
    assert result.stdout == ""
    assert result.stderr == "2 files in dev: no problems\n"
    assert result.return_value == 0


def test_validate_says_what_it_looked_at(inside):
    inside(CASES / "good" / "every_field")
    beside = "(read with 11 files in dev, prod)\n"
    notices = {"dev/stripe.yaml": ", 3 notices", "dev/budget.yaml": "", "dev": ", 3 notices"}
    for name in ("dev/stripe.yaml", "dev/budget.yaml"):
        assert validate("--specs", ".", name).stderr == f"{name}: no problems{notices[name]} {beside}"
    assert validate("--specs", ".", "dev").stderr.startswith("7 files in dev: no problems, 3 notices ")
    assert validate("--specs", ".", "dev/").stderr == validate("--specs", ".", "-e", "dev").stderr
    both = validate("--specs", ".", "dev/stripe.yaml", "dev/budget.yaml").stderr
    assert both == f"the 2 files named: no problems, 3 notices {beside}"


def test_validate_counts_problems_of_files_that_were_not_named(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "environment.yaml").write_text(f"{ENVIRONMENT}polic: {{}}\n")
    (tmp_path / "dev" / "shop.yaml").write_text("description: x\nowners: [a@example.com]\ndataset: {}\n")
    result = validate("--specs", str(tmp_path), str(tmp_path / "dev" / "shop.yaml"))
    assert result.return_value == 0
    assert "shop.yaml: no problems; 1 problem in other files (read with 2 files in dev)" in result.stderr


def test_validate_rejects_a_file_outside_the_folder(tmp_path: Path, inside):
    inside(CASES / "good" / "every_field")
    copied = tmp_path / "stripe.yaml"
    copied.write_bytes((CASES / "good" / "every_field" / "dev" / "stripe.yaml").read_bytes())
    assert "is in no environment's folder" in str(validate("--specs", ".", str(copied)).exception)


def test_validate_prints_notices_among_problems_without_counting_them(inside):
    inside(CASES / "good" / "every_field")
    once, ends = line("  allow_resync:"), line("  default_table_expiration_ms:")
    result = validate("--specs", ".")
    assert result.stdout == (
        "dev/stripe.yaml:5:12: notice: the service `acme` is not in the catalogue, so `config` and `auth` are "
        "not checked\n"
        "    if Fivetran has it, add it to the catalogue: `reconciler services pull acme`\n"
        f"dev/stripe.yaml:{once}:3: notice: `allow_resync` allows its change once: remove it after the run that "
        "makes the change\n"
        "    write `retire` under it if that run may also remove the old dataset\n"
        f"dev/stripe.yaml:{ends}:3: notice: BigQuery deletes the connector's tables after this time, with their "
        "history\n"
        "    remove it, unless each sync rewrites everything\n"
    )
    assert result.stderr == "11 files in dev, prod: no problems, 3 notices\n"
    assert result.return_value == 0
    assert validate("--specs", ".", "prod").stdout == ""
    inside(CASES / "bad" / "yaml_tags")
    result = validate("--specs", ".")
    assert result.stdout == (CASES / "bad" / "yaml_tags" / "expected.txt").read_text()
    assert result.stderr == "3 problems in 1 file, 1 notice\n"
    assert result.return_value == 1


def test_validate_marks_notices_in_every_format(inside):
    inside(CASES / "good" / "every_field")
    notice, *_ = json.loads(validate("--specs", ".", "--format", "json").stdout)
    assert (notice["file"], notice["line"], notice["severity"]) == ("dev/stripe.yaml", 5, "notice")
    assert validate("--specs", ".", "--format", "github").stdout.startswith(
        "::notice file=dev/stripe.yaml,line=5,col=12::the service `acme` is not in the catalogue"
    )


def test_validate_reads_the_folder_of_option_variable_or_default(
    tmp_path: Path, inside, monkeypatch: pytest.MonkeyPatch
):
    for name in ("connectors", "by_variable", "by_option"):
        (tmp_path / name / "dev").mkdir(parents=True)
        (tmp_path / name / "dev" / "environment.yaml").write_text(ENVIRONMENT)
        (tmp_path / name / "dev" / f"{name}.yaml").write_text("")
    inside(tmp_path)
    assert validate().stdout.startswith("connectors/dev/connectors.yaml:1:1: the file is empty")
    monkeypatch.setenv("RECONCILER_SPECS", "by_variable")
    assert validate().stdout.startswith("by_variable/dev/by_variable.yaml:1:1:")
    assert validate("--specs", "by_option").stdout.startswith("by_option/dev/by_option.yaml:1:1:")


def test_validate_reports_expiry_as_of_the_given_day(inside, monkeypatch: pytest.MonkeyPatch):
    inside(CASES / "good" / "every_field")
    notices = validate("--specs", ".", "--today", "2199-12-30").stdout
    notice = "notice: expires on 2199-12-31, in 1 day: its connection is paused after that"
    assert f"dev/stripe.yaml:{line('expires:')}:1: {notice}" in notices
    assert "dev/budget.yaml:8:1: notice: expires on 2199-12-30, today is the last day" in notices
    monkeypatch.setenv("RECONCILER_TODAY", "2199-12-30")
    assert validate("--specs", ".").stdout == notices
    assert validate("--specs", ".", "--today", "2199-12-30").return_value == 0
    wrong = CliRunner().invoke(cli, ["validate", "--today", "soon"], standalone_mode=True)
    assert wrong.exit_code == 2
    assert "'soon': expected a date such as 2026-12-31" in wrong.output


def test_validate_prints_only_problems_of_named_environments(inside):
    inside(CASES / "bad" / "task_ids")
    result = validate("--specs", ".", "prod")
    assert result.stdout.startswith(
        "prod/a.yaml:6:36: `fivetran_a` is the task_id of another connector too: dev/a.yaml:6\n"
    )
    assert result.stderr == "1 problem in 1 file; 2 problems in other files\n"
    assert validate("--specs", ".", "prod", "dev", "dev").stdout == validate("--specs", ".").stdout


def test_validate_prints_only_problems_of_named_files(tmp_path: Path, inside):
    folder = tmp_path / "connectors" / "dev"
    folder.mkdir(parents=True)
    (folder / "environment.yaml").write_text(ENVIRONMENT)
    for name in ("shop", "other"):
        (folder / f"{name}.yaml").write_text("description: x\nowners: [a@example.com]\ndatasett: {}\n")
    inside(tmp_path)
    found = validate("connectors/dev/shop.yaml")
    assert found.return_value == 1
    assert {line.partition(":")[0] for line in found.stdout.splitlines() if line[0] != " "} == {
        "connectors/dev/shop.yaml"
    }
    assert validate("connectors/dev/environment.yaml").return_value == 0


def test_validate_exits_with_0_when_only_other_environments_have_problems(inside):
    inside(CASES / "bad" / "dataset_declared_twice")
    assert validate("--specs", ".", "prod").return_value == 0
    assert validate("--specs", ".", "dev").return_value == 1


def test_validate_counts_problems_that_it_does_not_print(tmp_path: Path, inside):
    (tmp_path / "connectors" / "dev").mkdir(parents=True)
    (tmp_path / "connectors" / "dev" / "environment.yaml").write_text(ENVIRONMENT + "x: 1\n")
    owners = f"owners: {list(range(251))}"
    (tmp_path / "connectors" / "dev" / "a.yaml").write_text(f"description: x\ndataset: {{}}\n{owners}\n")
    inside(tmp_path)
    for arguments in ([], ["dev"]):
        result = validate(*arguments)
        assert result.stderr == "252 problems in 2 files\n"
        assert result.stdout.count("connectors/dev/a.yaml:3") == 101


def test_validate_prints_a_json_list_even_if_empty(inside):
    inside(CASES / "bad" / "adopted_twice")
    result = validate("--specs", ".", "--format", "json", "dev")
    assert json.loads(result.stdout)[0] == {
        "file": "dev/a.yaml",
        "line": 6,
        "column": 10,
        "message": "another connector adopts `duel_salutation`: dev/b.yaml:6",
        "hint": "remove `adopt` from one of the two files",
        "severity": "problem",
    }
    inside(CASES / "good" / "smallest")
    assert json.loads(validate("--specs", ".", "--format", "json").stdout) == []


def test_validate_prints_an_annotation_for_each_problem(inside):
    inside(CASES / "bad" / "adopted_twice")
    assert validate("--specs", ".", "--format", "github").stdout.splitlines() == [
        "::error file=dev/a.yaml,line=6,col=10::another connector adopts `duel_salutation`: dev/b.yaml:6"
        "%0Aremove `adopt` from one of the two files",
        "::error file=dev/b.yaml,line=7,col=5::another connector adopts `duel_salutation`: dev/a.yaml:6"
        "%0Aremove `adopt` from one of the two files",
    ]


def test_validate_escapes_workflow_commands_in_annotations(tmp_path: Path, inside):
    folder = tmp_path / "a,b:c%d"
    (folder / "dev").mkdir(parents=True)
    (folder / "dev" / "environment.yaml").write_text(ENVIRONMENT + '"50%\\n::error::x": 1\n')
    inside(tmp_path)
    assert validate("--specs", "a,b:c%d", "--format", "github").stdout == (
        "::error file=a%2Cb%3Ac%25d/dev/environment.yaml,line=4,col=1::unknown key `50%25\\n::error::x`"
        "%0Ause a known key: gcp_project, secrets_project, fivetran, workgroups, automation, default_access, "
        "project_access, labels, stacks, ignore, bigquery_etl, policy\n"
    )


def run(program: list[str], *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*program, *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def test_validate_names_known_environments_when_one_is_unknown(program: list[str]):
    result = run(program, "validate", "--specs", ".", "prd", cwd=CASES / "bad" / "task_ids")
    assert result.returncode == 2
    assert "no environment 'prd'. Did you mean 'prod'?" in result.stderr
    result = run(program, "validate", "--specs", ".", "x", cwd=CASES / "bad" / "task_ids")
    assert "no environment 'x'. Known environments: dev, prod." in result.stderr


@pytest.mark.parametrize("named", [["-e", "prod"], ["--environment", "prod", "-e", "prod"], ["prod", "-e", "prod"]])
def test_validate_accepts_environments_by_option(inside, named: list[str]):
    inside(CASES / "bad" / "task_ids")
    by_option, everything = validate("--specs", ".", *named), validate("--specs", ".")
    assert {line.partition("/")[0] for line in by_option.stdout.splitlines() if line[0] != " "} == {"prod"}
    assert by_option.return_value == 1
    assert validate("--specs", ".", "-e", "dev", "-e", "prod").stdout == everything.stdout


def test_validate_rejects_an_unknown_environment_given_by_option(program: list[str]):
    result = run(program, "validate", "--specs", ".", "-e", "prd", cwd=CASES / "bad" / "task_ids")
    assert (result.returncode, "no environment 'prd'. Did you mean 'prod'?" in result.stderr) == (2, True)


def test_commands_that_read_files_have_the_environment_option():
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        options = {flag for parameter in command.params for flag in parameter.opts}
        # These serve, write, list or compare all environments, and `init` makes one.
        if "--specs" in options and name not in ("simulate", "head-files", "changed", "check-etl", "init"):
            assert {"-e", "--environment"} <= options, name


def test_validate_rejects_a_folder_that_does_not_exist(tmp_path: Path, program: list[str]):
    result = run(program, "validate", cwd=tmp_path)
    assert result.returncode == 2
    assert (
        "Directory 'connectors' does not exist.\n    Write a first environment with `reconciler init NAME`"
        in result.stderr
    )
    assert result.stdout == ""


def test_validate_imports_no_network_library(tmp_path: Path):
    script = (
        "import sys; from click.testing import CliRunner; from reconciler.cli.main import cli\n"
        "result = CliRunner().invoke(cli, ['validate', '--specs', '.'], standalone_mode=False)\n"
        "assert result.return_value == 0, result\n"
        "imported = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted({'pulumi', 'httpx', 'grpc', 'aiohttp', 'rich', 'google'} & imported))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=CASES / "good" / "every_field", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_validate_runs_without_pulumi_and_credentials(tmp_path: Path):
    script = (
        "import sys\n"
        "for name in ('pulumi', 'httpx', 'grpc', 'aiohttp'): sys.modules[name] = None\n"
        "from reconciler.cli.main import main; main(['validate', '--specs', '.'])"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command,
        cwd=CASES / "good" / "every_field",
        capture_output=True,
        text=True,
        env={"PATH": os.defpath},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "11 files in dev, prod: no problems, 3 notices\n")


@pytest.mark.parametrize("shape", ["text", "github"])
def test_validate_names_files_of_a_pull_request_as_the_repository_does(tmp_path: Path, inside, shape: str):
    for folder in (tmp_path / "checkout" / "connectors", tmp_path / "head" / "connectors"):
        (folder / "dev").mkdir(parents=True)
        (folder / "dev" / "environment.yaml").write_text(ENVIRONMENT)
    (tmp_path / "head" / "connectors" / "dev" / "shop.yaml").write_text("descriptoin: x\n")
    inside(tmp_path / "checkout")
    printed = validate("--specs", str(tmp_path / "head" / "connectors"), "--format", shape).stdout
    places = [line.removeprefix("::error file=") for line in printed.splitlines() if not line.startswith(" ")]
    assert places
    assert all(place.startswith("connectors/dev/shop.yaml") for place in places)
    inside(tmp_path)
    assert "head/connectors/dev/shop.yaml" in validate("--specs", "head/connectors").stdout


def test_validate_watch_checks_again_after_a_change_until_ctrl_c(tmp_path: Path):
    folder = tmp_path / "connectors" / "dev"
    folder.mkdir(parents=True)
    (folder / "environment.yaml").write_text(ENVIRONMENT)
    (folder / "shop.yaml").write_text("description: x\nowners: [a@example.com]\ndataset: {}\n")
    changed = tmp_path / "changed.yaml"
    changed.write_text("description: x\nowners: [a@example.com]\ndatasett: {}\n")
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "validate", "--watch"]
    with subprocess.Popen(
        [*command, "--specs", str(folder.parent)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "2 files in dev: no problems\n"
        changed.replace(folder / "shop.yaml")
        printed: list[str] = []
        while not (printed and printed[-1].endswith("in 1 file\n")):
            printed.append(process.stdout.readline())
            assert printed[-1], "".join(printed)
        assert "unknown key `datasett`" in "".join(printed)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
