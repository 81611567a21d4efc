"""Make a virtual environment for each client, from the lock beside its scripts.

They are in `.cache/clients` of the checkout.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache" / "clients"
#: The Python of all clients. Airflow 2.10 supports no newer one.
PYTHONS = ">=3.11,<3.13"


def environment(client: str) -> Path:
    """Return the folder of the client's programs. A changed lock creates the environment anew."""
    lock, folder = HERE / client / "requirements.txt", CACHE / client
    stamp = folder / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(folder, ignore_errors=True)
        _uv("venv", "--python", PYTHONS, str(folder))
        python = str(folder / "bin" / "python")
        _uv("pip", "install", "--python", python, "--require-hashes", "--requirements", str(lock))
        stamp.write_text(digest)
    return folder / "bin"


def node_packages(client: str) -> Path:
    """Return the folder of the client's packages from npm. A changed lock installs them anew."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is not on PATH. Install Node.js 20 or newer.")
    lock, folder = HERE / client / "package-lock.json", CACHE / f"{client}-node"
    stamp = folder / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / client / name, folder)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
        subprocess.run(command, cwd=folder, check=True, timeout=600)
        stamp.write_text(digest)
    return folder / "node_modules"


def _uv(*arguments: str) -> None:
    """Run the uv of `make clients`, which uses an installed Python and downloads none."""
    command = [os.environ.get("UV", "uv"), "--quiet", "--no-python-downloads", *arguments]
    subprocess.run(command, check=True, timeout=1200)
