"""What a user reads when there is no engine to be had."""

import pytest

from installer.gobuild import needed_go
from installer.versions import VERSION


def test_failed_installation_names_all_failures_and_remedies_at_once(machine, site):
    done = machine.install()
    checksums = f"{site.url}/download/v{VERSION}/pulumi-{VERSION}-checksums.txt"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"No official release: {checksums} answers 404 Not Found\n"
        "engine: this machine has no Pulumi engine, and none could be installed:\n"
        "  pulumi on PATH: no pulumi there\n"
        f"  official release: {checksums} answers 404 Not Found\n"
        f"  Go build: Go is not installed; {needed_go()} or newer is needed\n"
        "One of these is enough; then run the same command again:\n"
        "  - install Pulumi 3.250.0 or newer and put it on PATH (https://www.pulumi.com/docs/install/)\n"
        "  - allow connections to get.pulumi.com and github.com, or set mirrors in RECONCILER_ENGINE_RELEASES and\n"
        "    RECONCILER_ENGINE_CHECKSUMS\n"
        f"  - install Go {needed_go()} or newer (https://go.dev/doc/install), with access to a Go module proxy\n"
    )


def test_error_names_a_missing_release_site(machine):
    done = machine.install(RECONCILER_ENGINE_CHECKSUMS="http://127.0.0.1:1/none")
    assert "  official release: 127.0.0.1:1 cannot be reached: Connection refused\n" in done.stderr


@pytest.mark.parametrize("way", ["path", "release", "go"])
def test_only_the_chosen_source_of_pulumi_is_tried(machine, way):
    done = machine.install(RECONCILER_ENGINE_FROM=way)
    assert done.returncode == 1
    names = {"path": "pulumi on PATH", "release": "official release", "go": "Go build"}
    assert [name for name in names.values() if f"  {name}: " in done.stderr] == [names[way]]


def test_unknown_source_of_the_engine_is_rejected_with_the_known_ones(machine):
    done = machine.install(RECONCILER_ENGINE_FROM="brew")
    assert (done.returncode, done.stderr) == (
        1,
        "engine: RECONCILER_ENGINE_FROM is 'brew'; it can be path, release, go.\n",
    )
