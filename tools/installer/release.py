"""The second source: Pulumi's official release, with a verified checksum."""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from installer.errors import EngineError, UnavailableError
from installer.platforms import Platform
from installer.progress import Progress, say
from installer.versions import CLI, PROGRAMS, VERSION

#: Variables of mirrors, which tests use too.
RELEASES = os.environ.get("RECONCILER_ENGINE_RELEASES") or "https://get.pulumi.com/releases/sdk"
CHECKSUMS = os.environ.get("RECONCILER_ENGINE_CHECKSUMS") or "https://github.com/pulumi/pulumi/releases/download"

#: Seconds for name resolution, all addresses and the TLS handshake together.
CONNECT_SECONDS = 6.0
READ_SECONDS = 30.0
ATTEMPTS = 3
CHUNK = 1 << 18


def install(directory: Path, platform: Platform) -> None:
    """Download the release's programs into a directory.

    Raises `UnavailableError` if the servers cannot be reached or lack the release. Raises `EngineError` for a wrong
    checksum, so that another source does not hide it.
    """
    if platform.release is None:
        raise UnavailableError(f"Pulumi publishes no release for {platform.key}")
    name = f"pulumi-v{VERSION}-{platform.release}.tar.gz"
    expected = _published_checksum(name)
    tarball = directory / name
    url = f"{RELEASES.rstrip('/')}/{name}"
    actual = _download(url, tarball)
    if actual != expected:
        tarball.unlink()
        raise EngineError(
            f"{url} is not the file that Pulumi published: SHA-256 {actual}, expected {expected}.\n"
            "Nothing was installed. Try again. If it fails again, find out which proxy or mirror changes downloads."
        )
    _unpack(tarball, directory)
    tarball.unlink()


def _published_checksum(name: str) -> str:
    url = f"{CHECKSUMS.rstrip('/')}/v{VERSION}/pulumi-{VERSION}-checksums.txt"
    with _open(url) as answer:
        try:
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"{url}: {error}") from error
    for line in text.splitlines():
        checksum, _, file = line.partition(" ")
        if file.strip().lstrip("*") == name and len(checksum) == hashlib.sha256().digest_size * 2:
            return checksum.lower()
    raise EngineError(f"{url} has no SHA-256 checksum for {name}: unverified files are not installed.")


def _download(url: str, target: Path) -> str:
    """Download a file, again if the connection breaks. Returns its SHA-256."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _download_once(url, target)
        except (OSError, http.client.HTTPException) as error:
            reason = f"{url} broke off: {error}"
            if attempt < ATTEMPTS:
                say(f"{reason}; again")
    raise UnavailableError(reason)


def _download_once(url: str, target: Path) -> str:
    digest = hashlib.sha256()
    with (
        _open(url) as answer,
        target.open("wb") as file,
        Progress(f"Downloading Pulumi {VERSION} from {urlsplit(url).netloc}") as progress,
    ):
        total = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            progress.update(f"{done >> 20} of {total >> 20} MB" if total else f"{done >> 20} MB")
    if done < total:
        raise ConnectionError(f"{done} of {total} bytes arrived")
    return digest.hexdigest()


def _open(url: str) -> http.client.HTTPResponse:
    """Send a GET. A thread limits the time for connecting, because the socket's timeout is per address."""
    outcome: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def connect() -> None:
        try:
            outcome.put(urllib.request.urlopen(url, timeout=READ_SECONDS))
        except Exception as error:  # raised below
            outcome.put(error)

    threading.Thread(target=connect, daemon=True).start()
    host = urlsplit(url).netloc
    try:
        answer = outcome.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise UnavailableError(f"{host} does not answer within {CONNECT_SECONDS:.0f} s") from None
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
        raise UnavailableError(f"{url} answers {answer.code} {answer.reason}")
    if isinstance(answer, urllib.error.URLError):
        reason = getattr(answer.reason, "strerror", None) or answer.reason
        raise UnavailableError(f"{host} cannot be reached: {reason}")
    if isinstance(answer, (OSError, http.client.HTTPException, ValueError)):
        raise UnavailableError(f"{url} cannot be fetched: {answer}")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _unpack(tarball: Path, directory: Path) -> None:
    """Unpack the files beside the CLI in the tarball by their base names, so that none lands elsewhere."""
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            files = [member for member in archive if member.isfile()]
            homes = {PurePosixPath(member.name).parent for member in files if PurePosixPath(member.name).name == CLI}
            for member in files:
                path = PurePosixPath(member.name)
                content = archive.extractfile(member) if path.parent in homes else None
                if content is None:
                    continue
                target = directory / path.name
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
                target.chmod(0o755)
    except (tarfile.TarError, EOFError) as error:
        raise EngineError(f"{tarball.name} cannot be unpacked, though its checksum is right: {error}") from error
    missing = [program for program in PROGRAMS if not (directory / program).is_file()]
    if missing:
        raise EngineError(f"{tarball.name} has no {', '.join(missing)}.")
