"""A pulumi on PATH is used when it is new enough and complete, and left alone otherwise."""

import pytest

from installer.versions import COMPANIONS


@pytest.fixture
def complete(machine):
    for name in COMPANIONS:
        machine.add(name, "exit 0")
    return machine


def test_complete_and_new_enough_pulumi_on_path_is_used_and_nothing_is_fetched(complete, site):
    complete.add("pulumi", "echo v3.250.0")
    done = complete.install()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{complete.bin}\n", "")
    assert site.requests == []
    assert not complete.cache.exists()


def test_companions_are_found_beside_the_target_of_a_link_on_path(machine, tmp_path):
    home = tmp_path / "opt"
    home.mkdir()
    for name in ("pulumi", *COMPANIONS):
        machine.add(name, "echo v3.259.0").rename(home / name)
    (machine.bin / "pulumi").symlink_to(home / "pulumi")
    done = machine.install()
    assert (done.returncode, done.stdout) == (0, f"{machine.bin}\n")


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("echo v3.249.0", "{pulumi} is 3.249.0; 3.250.0 or newer of the same major version is needed"),
        ("echo v4.0.0", "{pulumi} is 4.0.0; 3.250.0 or newer of the same major version is needed"),
        ("echo no idea", "{pulumi} does not print its version: no idea"),
        ("echo broken >&2; exit 9", "{pulumi} does not print its version: broken"),
        ("exit 0", "{pulumi} does not print its version: no output"),
    ],
)
def test_old_or_broken_pulumi_is_rejected_with_the_reason(complete, says, reason):
    pulumi = complete.add("pulumi", says)
    done = complete.install(RECONCILER_ENGINE_FROM="path")
    assert done.returncode == 1
    assert f"  pulumi on PATH: {reason.format(pulumi=pulumi)}\n" in done.stderr


def test_pulumi_without_companions_is_rejected_by_their_names(machine):
    pulumi = machine.add("pulumi", "echo v3.259.0")
    machine.add(COMPANIONS[0], "exit 0")
    done = machine.install(RECONCILER_ENGINE_FROM="path")
    assert done.returncode == 1
    missing = "pulumi-language-python-exec, pulumi-resource-pulumi-python"
    assert f"{pulumi} is 3.259.0, but {missing} is neither beside it nor on PATH" in done.stderr


def test_file_that_is_not_executable_is_not_a_companion(complete):
    complete.add("pulumi", "echo v3.259.0")
    (complete.bin / COMPANIONS[0]).chmod(0o644)
    done = complete.install(RECONCILER_ENGINE_FROM="path")
    assert f"but {COMPANIONS[0]} is neither" in done.stderr


def test_next_source_is_used_and_logged_when_path_is_too_old(complete, site):
    pulumi = complete.add("pulumi", "echo v3.1.0")
    site.publish()
    done = complete.install()
    assert (done.returncode, done.stdout) == (0, f"{complete.installed}\n")
    assert done.stderr.startswith(f"Not used: {pulumi} is 3.1.0;")
