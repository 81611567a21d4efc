"""The versions of Pulumi to install and to accept."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The release to install. `tools/pulumi-cli/go.mod` has the same version, as a test checks.
VERSION = "3.259.0"

#: Programs of the CLI.
CLI = "pulumi"

#: Programs that the CLI starts for Python with dynamic resources. It looks beside itself and on PATH.
COMPANIONS = ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

PROGRAMS = (CLI, *COMPANIONS)


@dataclass(frozen=True, order=True)
class Version:
    """A semantic version. A pre-release comes before its release."""

    major: int
    minor: int
    patch: int
    released: bool = True

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Read `v3.259.0`, `3.260.0-alpha.1`, `go1.25.11` or `1.25`; None for a text without a version."""
        match = re.match(r"\s*(?:v|go)?(\d+)\.(\d+)(?:\.(\d+))?(-[0-9A-Za-z.-]+|rc\d+|beta\d+)?", text)
        if match is None:
            return None
        major, minor, patch, before = match.groups()
        return cls(int(major), int(minor), int(patch or 0), released=before is None)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}{'' if self.released else ' (pre-release)'}"


#: The oldest supported CLI. Other major versions are not supported.
MINIMUM = Version(3, 250, 0)


def good_enough(version: Version) -> bool:
    """Return whether a CLI of this version is supported."""
    return version >= MINIMUM and version.major == MINIMUM.major
