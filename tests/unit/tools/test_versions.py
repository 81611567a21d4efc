"""Which Pulumi is good enough, and that all pins agree."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer.versions import MINIMUM, VERSION, Version, good_enough

TOOLS = Path(__file__).resolve().parents[3] / "tools"
numbers = st.integers(min_value=0, max_value=10**6)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0\n", Version(3, 259, 0)),
        ("3.250.1", Version(3, 250, 1)),
        ("v3.260.0-alpha.1695000000", Version(3, 260, 0, released=False)),
        ("v3.260.0+build.7", Version(3, 260, 0)),
        ("go1.25.11", Version(1, 25, 11)),
        ("go1.26rc1", Version(1, 26, 0, released=False)),
        ("go1.25", Version(1, 25, 0)),
        ("devel", None),
        ("", None),
    ],
)
def test_versions_are_read_as_pulumi_and_go_print_them(text, version):
    assert Version.parse(text) == version


@given(numbers, numbers, numbers)
def test_every_released_version_reads_back_from_its_text(major, minor, patch):
    version = Version(major, minor, patch)
    assert Version.parse(f"v{version}") == version


@given(st.text())
def test_any_text_is_a_version_or_none(text):
    assert Version.parse(text) is None or isinstance(Version.parse(text), Version)


@pytest.mark.parametrize("text", ["3.250.0", "3.250.1-rc.1", "3.259.0", "3.300.0"])
def test_version_from_the_minimum_on_is_good_enough(text):
    assert good_enough(parsed(text))


@pytest.mark.parametrize("text", ["3.249.9", "3.250.0-alpha.1", "2.300.0", "4.0.0", "3.9.0"])
def test_version_is_not_good_enough_when_older_pre_release_or_of_another_major(text):
    assert not good_enough(parsed(text))


def test_installed_version_satisfies_the_requirement():
    assert good_enough(parsed(VERSION))
    assert str(MINIMUM) == "3.250.0"


def test_go_module_of_the_cli_pins_the_version_that_is_installed():
    required = dict(re.findall(r"^\s*(?:require )?(github\.com/pulumi/\S+) v(\S+)", go_mod("pulumi-cli"), re.MULTILINE))
    assert required["github.com/pulumi/pulumi/pkg/v3"] == VERSION
    assert required["github.com/pulumi/pulumi/sdk/v3"] == VERSION


def test_go_that_builds_the_cli_builds_the_language_host_too():
    cli, host = (
        re.findall(r"^go (\S+)$", go_mod(module), re.MULTILINE)[0] for module in ("pulumi-cli", "language-host")
    )
    assert parsed(host) <= parsed(cli)


def parsed(text):
    version = Version.parse(text)
    assert version is not None
    return version


def go_mod(module):
    return (TOOLS / module / "go.mod").read_text(encoding="utf-8")
