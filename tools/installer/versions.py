"""Which Pulumi we want, and which we accept."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The release that is installed where none is found. `tools/pulumi-cli/go.mod` pins the same one; a test compares them.
VERSION = "3.259.0"

#: What a run needs from the CLI itself.
CLI = "pulumi"

#: What the CLI starts for a Python program with dynamic resources: it looks beside itself and on PATH.
COMPANIONS = ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

PROGRAMS = (CLI, *COMPANIONS)


@dataclass(frozen=True, order=True)
class Version:
    """A semantic version, as far as we compare them. A pre-release comes before its release."""

    major: int
    minor: int
    patch: int
    released: bool = True

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Read `v3.259.0`, `3.260.0-alpha.1`, `go1.25.11` or `1.25`; None when there is no version in the text."""
        match = re.match(r"\s*(?:v|go)?(\d+)\.(\d+)(?:\.(\d+))?(-[0-9A-Za-z.-]+|rc\d+|beta\d+)?", text)
        if match is None:
            return None
        major, minor, patch, before = match.groups()
        return cls(int(major), int(minor), int(patch or 0), released=before is None)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}{'' if self.released else ' (pre-release)'}"


#: The oldest CLI the programs here were tried with. A fourth major version is another engine.
MINIMUM = Version(3, 250, 0)


def good_enough(version: Version) -> bool:
    """Whether a CLI of this version serves."""
    return version >= MINIMUM and version.major == MINIMUM.major
