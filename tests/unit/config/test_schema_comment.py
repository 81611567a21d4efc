"""The comment with the schema, when a file goes to another folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config.build.to_yaml import fit_schema_comment

DEV = Path("connectors") / "dev"


def comment(schema: str) -> bytes:
    return f"# yaml-language-server: $schema={schema}\r\ndescription: x # ../\r\n".encode()


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"# first\n"])
def test_schema_comment_fits_another_depth_and_back(mark: bytes):
    own = mark + comment("../../schemas/unit.schema.json")
    moved = fit_schema_comment(own, DEV, DEV / "ads")
    assert moved == mark + comment("../../../schemas/unit.schema.json")
    assert fit_schema_comment(moved, DEV / "ads", DEV) == own


@pytest.mark.parametrize("raw", [b"", b"description: x\n", comment("https://example.com/a.json"), comment("/a/b.json")])
def test_schema_comment_without_a_relative_path_stays(raw: bytes):
    assert fit_schema_comment(raw, DEV, DEV / "ads") == raw


def test_schema_comment_stays_at_the_same_depth():
    own = comment("../../schemas/unit.schema.json")
    assert fit_schema_comment(own, DEV, Path("connectors") / "prod") == own
