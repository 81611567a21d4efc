"""This machine's operating system and processor."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

_PROCESSORS = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Platform:
    """An operating system and a processor, with Go's names (`linux`, `amd64`) if Go has them."""

    system: str
    processor: str

    @classmethod
    def current(cls) -> Platform:
        """Return this machine's platform."""
        machine = platform.machine().lower()
        return cls(sys.platform, _PROCESSORS.get(machine, machine))

    @property
    def key(self) -> str:
        """Both names: `linux-amd64`."""
        return f"{self.system}-{self.processor}"

    @property
    def release(self) -> str | None:
        """The name in Pulumi's releases (`linux-x64`); None without a tarball."""
        processor = {"amd64": "x64", "arm64": "arm64"}.get(self.processor)
        return f"{self.system}-{processor}" if self.system in ("linux", "darwin") and processor else None
