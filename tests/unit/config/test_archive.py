"""Two packs of the same files have one hash, and nothing else has."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.build import archives
from reconciler.config.build.archives import content_hash

FILES = st.dictionaries(
    st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1), st.binary(), max_size=4
)


def pack(files: dict[str, bytes], *, year: int = 2026, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP file of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files.items():
            opened.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content, compression)
    return buffer.getvalue()


@given(FILES, st.randoms())
def test_content_hash_ignores_order_time_and_compression(files: dict[str, bytes], random):
    names = list(files)
    random.shuffle(names)
    again = pack({name: files[name] for name in names}, year=2027, compression=zipfile.ZIP_DEFLATED)
    assert content_hash(again) == content_hash(pack(files))


@given(FILES, FILES)
def test_hash_differs_with_names_and_bytes(one: dict[str, bytes], other: dict[str, bytes]):
    assert (content_hash(pack(one)) == content_hash(pack(other))) == (one == other)


def test_folders_do_not_count():
    assert content_hash(pack({"a/": b"", "a/b": b"1"})) == content_hash(pack({"a/b": b"1"}))


def test_content_hash_ignores_files_that_programs_leave_beside_the_code():
    code = {"connector.py": b"1", "lib/x.py": b"2", "pycache.py": b"3"}
    left = {"__pycache__/connector.cpython-311.pyc": b"a", "lib/__pycache__/x.pyc": b"b", "lib/.DS_Store": b"c"}
    assert content_hash(pack({**code, **left, "__MACOSX/._connector.py": b"d"})) == content_hash(pack(code))
    assert content_hash(pack({f"./{name}": content for name, content in code.items()})) == content_hash(pack(code))
    assert content_hash(pack({**code, "connector.pyc": b"a"})) != content_hash(pack(code))


def test_content_hash_of_an_unreadable_archive_is_that_of_its_bytes(monkeypatch: pytest.MonkeyPatch):
    good = pack({"a": b"123456789"})
    damaged = good.replace(b"123456789", b"12345678X")
    assert content_hash(damaged) not in (content_hash(good), content_hash(pack({"a": b"12345678X"})))
    assert content_hash(b"PK") != content_hash(b"PK2")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", bytes(range(256)) * 20)
    damaged = packed.getvalue()[:35] + b"\xff" * 40 + packed.getvalue()[75:]
    assert content_hash(damaged) != content_hash(packed.getvalue())
    monkeypatch.setattr(archives, "MAX_UNPACKED", 5)
    assert content_hash(good) != content_hash(pack({"a": b"123456789"}, year=2027))
