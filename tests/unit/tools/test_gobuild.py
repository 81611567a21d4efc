"""What the Go build asks of Go, and what it says when Go fails. Go is a stand-in here: a real build takes minutes."""

import json
import sys

import pytest

from installer.gobuild import BUILDS, needed_go
from installer.versions import PROGRAMS, VERSION

SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")

STAND_IN = """
import json, os, sys
from pathlib import Path
home = Path({home!r})
command, arguments = sys.argv[1], sys.argv[2:]
with (home / "calls").open("a") as calls:
    surroundings = {{name: os.environ.get(name) for name in ("GOWORK", "CGO_ENABLED", "GOOS")}}
    calls.write(json.dumps([os.path.basename(os.getcwd()), command, arguments, surroundings]) + "\\n")
if command == "env":
    print({version!r})
elif command == "mod":
    print(json.dumps({{"Dir": str(home / "sdk")}}))
elif command == "list":
    print("go: downloading example.com/a v1.0.0", file=sys.stderr)
    print("example.com/a\\nexample.com/b")
elif command == "build" and {fails!r}:
    sys.exit("example.com/a\\nexample.com/a: cannot compile\\nsee above")
elif command == "build":
    print("example.com/a\\nexample.com/b", file=sys.stderr)
    target = Path(arguments[arguments.index("-o") + 1])
    target.write_text("#!/bin/sh\\necho v" + {engine!r} + "\\n")
    target.chmod(0o755)
"""


class Go:
    """Puts a Go on PATH that takes a moment, and knows what was asked of it."""

    def __init__(self, machine, home):
        self._machine = machine
        self._home = home
        for name in SCRIPTS:
            file = home / "sdk" / name
            file.parent.mkdir(parents=True)
            file.write_text("#!/bin/sh\n")

    def install(self, version=None, engine=VERSION, fails=False):
        version = version or f"go{needed_go()}"
        program = self._home / "go.py"
        program.write_text(STAND_IN.format(home=str(self._home), version=version, engine=engine, fails=fails))
        self._machine.add("go", f'exec "{sys.executable}" "{program}" "$@"')

    def calls(self):
        return [json.loads(line) for line in (self._home / "calls").read_text().splitlines()]


@pytest.fixture
def go(machine, tmp_path):
    return Go(machine, tmp_path)


def test_engine_is_built_without_a_release(machine, go):
    go.install()
    done = machine.install()
    assert (done.returncode, done.stdout) == (0, f"{machine.installed}\n")
    assert {file.name for file in machine.installed.iterdir()} == {*PROGRAMS, "installed.json"}
    assert "No official release: " in done.stderr
    assert f"Building Pulumi {VERSION} with Go (5 to 10 minutes on 2 cores, once)\n" in done.stderr


def test_modules_are_built_by_their_go_sum_and_only_the_cli_is_stamped(machine, go):
    go.install()
    machine.install(GOWORK="/elsewhere/go.work", GOOS="plan9")
    builds = [call for call in go.calls() if call[1] == "build"]
    assert [(module, arguments[-1]) for module, _, arguments, _ in builds] == [
        (build.module, build.package) for build in BUILDS
    ]
    for module, _, arguments, surroundings in builds:
        assert "-mod=readonly" in arguments
        assert surroundings == {"GOWORK": "off", "CGO_ENABLED": "0", "GOOS": None}
        stamped = any(argument.endswith(f"version.Version=v{VERSION}") for argument in arguments)
        assert stamped == (module == "pulumi-cli")


def test_go_that_is_too_old_is_named_with_the_one_that_is_needed(machine, go):
    go.install(version="go1.22.3")
    done = machine.install()
    assert done.returncode == 1
    assert f"  Go build: Go is too old: go1.22.3, {needed_go()} or newer is needed\n" in done.stderr
    assert [call[1] for call in go.calls()] == ["env"]


def test_failed_build_shows_gos_errors_and_leaves_no_files(machine, go):
    go.install(fails=True)
    done = machine.install()
    assert done.returncode == 1
    assert "tools/language-host: example.com/a: cannot compile; see above\n" in done.stderr
    assert [path.suffix for path in (machine.cache / "engine").iterdir()] == [".lock"]


def test_build_of_another_version_is_not_used(machine, go):
    go.install(engine="0.0.1")
    done = machine.install()
    assert done.returncode == 1
    assert f"the installed pulumi is 0.0.1, not {VERSION}" in done.stderr


def test_build_does_not_keep_files_of_a_failed_release(machine, go, site):
    site.publish({f"pulumi/{name}": b"#!/bin/sh\necho v3.1.0\n" for name in (*PROGRAMS, "pulumi-language-go")})
    go.install()
    done = machine.install()
    assert done.returncode == 0
    assert not (machine.installed / "pulumi-language-go").exists()


def test_only_the_go_build_is_tried_when_it_is_asked_for(machine, go, site):
    site.publish()
    go.install()
    assert machine.install(RECONCILER_ENGINE_FROM="go").returncode == 0
    assert site.requests == []
