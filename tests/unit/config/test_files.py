"""Files beside a unit: regular, inside the specs folder, and of a limited size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.config.files import FileRules, UnreadableFile, read_beside

LIMITS = FileRules(most_bytes=1024, if_missing="check", if_special="replace", if_large="shorten")


def test_read_beside_returns_the_bytes_of_a_regular_file(tmp_path: Path):
    (tmp_path / "code.zip").write_bytes(b"x" * 1024)
    assert read_beside(tmp_path / "code.zip", tmp_path, LIMITS) == b"x" * 1024


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_read_beside_rejects_a_special_file_without_waiting(tmp_path: Path, make):
    make(tmp_path / "code.zip")
    assert read_beside(tmp_path / "code.zip", tmp_path, LIMITS) == UnreadableFile("not a regular file", "replace")


def test_read_beside_reads_no_further_than_the_limit(tmp_path: Path):
    with (tmp_path / "code.zip").open("wb") as huge:
        huge.truncate(10**12)
    assert read_beside(tmp_path / "code.zip", tmp_path, LIMITS) == UnreadableFile("larger than 1 KiB", "shorten")


def test_read_beside_rejects_a_link_out_of_the_specs_folder(tmp_path: Path):
    specs = tmp_path / "specs"
    specs.mkdir()
    (tmp_path / "key").write_text("canary")
    (specs / "code.zip").symlink_to(tmp_path / "key")
    found = read_beside(specs / "code.zip", specs, LIMITS)
    assert found == UnreadableFile("a symbolic link out of the specs folder", "replace the link with the file itself")
