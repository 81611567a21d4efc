"""A machine of its own for each test: an empty PATH, an empty cache, and a download site on the loopback interface."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.engine.prefork import shared_or_preforked

from installer.platforms import Platform
from installer.versions import PROGRAMS, VERSION

INSTALL = Path(__file__).resolve().parents[3] / "tools" / "install.py"
TARBALL = f"pulumi-v{VERSION}-{Platform.current().release}.tar.gz"
CHECKSUMS = f"v{VERSION}/pulumi-{VERSION}-checksums.txt"

#: What `tools/recover.py` imports, also inside of functions.
RECOVERING = (
    "psutil",
    "yaml",
    "reconciler.google.storage",
    "reconciler.github.client",
    "google.api_core.exceptions",
    "google.auth.transport.requests",
    "google.oauth2.service_account",
    "httpcore",
)


def script(text: str) -> bytes:
    """A program that needs nothing from PATH."""
    return f"#!/bin/sh\n{text}\n".encode()


def tarball(files: dict[str, bytes]) -> bytes:
    """A gzipped tar with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def release(version: str = VERSION) -> dict[str, bytes]:
    """What a release holds, as far as we look."""
    return {f"pulumi/{name}": script(f"echo v{version}") for name in (*PROGRAMS, "pulumi-language-go")}


@dataclass
class Site:
    """What the download site serves, and what was asked of it."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    #: Cut this many answers short.
    cuts: int = 0
    #: The tarball is sent when this is set; `asked` is set when a client asked for it.
    sending: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def publish(self, files: dict[str, bytes] | None = None, checksum: str | None = None) -> None:
        """Serve a release (or a tarball of these files) with its checksum, or with another one."""
        content = tarball(release() if files is None else files)
        self.files[f"/sdk/{TARBALL}"] = content
        actual = hashlib.sha256(content).hexdigest()
        lines = [f"{'0' * 64}  pulumi-v{VERSION}-windows-x64.zip", f"{checksum or actual}  {TARBALL}"]
        self.files[f"/download/{CHECKSUMS}"] = "\n".join(lines).encode()


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            content = served.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            if self.path.endswith(".tar.gz"):
                served.asked.set()
                served.sending.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.path.endswith(".tar.gz") and served.cuts:
                served.cuts -= 1
                content = content[: len(content) // 2]
            try:
                self.wfile.write(content)
            except OSError:
                return  # the client was killed by its test

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Site(f"http://127.0.0.1:{server.server_address[1]}")
        served.sending.set()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.sending.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def python() -> Iterator[list[str]]:
    """Return what to write in place of `python`, for scripts that import what `tools/recover.py` does."""
    with shared_or_preforked(*RECOVERING) as command:
        yield command


@dataclass
class Machine:
    """Where `tools/install.py` runs."""

    bin: Path
    cache: Path
    variables: dict[str, str]

    @property
    def installed(self) -> Path:
        """Where the engine lands."""
        return self.cache / "engine" / f"{VERSION}-{Platform.current().key}"

    def add(self, name: str, text: str) -> Path:
        """Put a program on PATH."""
        program = self.bin / name
        program.write_bytes(script(text))
        program.chmod(0o755)
        return program

    def start(self, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", INSTALL],
            env=self.variables | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def install(self, **variables: str) -> subprocess.CompletedProcess[str]:
        process = self.start(**variables)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def machine(tmp_path: Path, site: Site) -> Machine:
    home = tmp_path / "bin"
    home.mkdir()
    cache = tmp_path / "a cache"
    variables = {
        "PATH": str(home),
        "HOME": str(tmp_path),
        "RECONCILER_CACHE": str(cache),
        "RECONCILER_ENGINE_RELEASES": f"{site.url}/sdk",
        "RECONCILER_ENGINE_CHECKSUMS": f"{site.url}/download",
    }
    return Machine(home, cache, variables)
