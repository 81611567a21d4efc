"""Messages that are written after the files were read still name the line."""

import pytest

from reconciler.config import places as lines
from reconciler.config.places import Places
from reconciler.config.yaml import read

FILE = "connectors/dev/shop.yaml"


@pytest.fixture
def places(tmp_path):
    (tmp_path / "connectors" / "dev").mkdir(parents=True)
    text = "connector:\n  config:\n    hosts:\n      - {name: a}\n      - name: b\n        port: 1\n"
    (tmp_path / FILE).write_text(text)
    return Places(tmp_path)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("connector", "config"), "2:3"),
        (("connector.config.hosts[1].port",), "6:9"),
        (("connector", "config", "hosts", 1, "name"), "5:9"),
        (("connector", "config.hosts[0].missing"), "4:9"),
        ((), "1:1"),
    ],
)
def test_places_find_the_key_or_its_nearest_ancestor(places, path, place):
    assert places.find(FILE, *path) == f"{FILE}:{place}"


@pytest.mark.parametrize("text", [None, b"\xff", b"a: [", b""])
def test_places_name_the_file_alone_when_it_cannot_be_read(tmp_path, text):
    if text is not None:
        (tmp_path / "a.yaml").write_bytes(text)
    assert Places(tmp_path).find("a.yaml", "connector") in ("a.yaml", "a.yaml:1:1")


def test_places_parse_a_file_once_for_each_content(tmp_path, monkeypatch):
    lines._parsed.cache_clear()
    parsed: list[bytes] = []

    def parse(raw, **names):
        parsed.append(raw)
        return read.parse(raw, **names)

    monkeypatch.setattr(lines, "parse", parse)
    (tmp_path / "a.yaml").write_text("one: 1\ntwo: 2\n")
    assert [Places(tmp_path).find("a.yaml", key) for key in ("one", "two", "one")] == [
        "a.yaml:1:1",
        "a.yaml:2:1",
        "a.yaml:1:1",
    ]
    assert len(parsed) == 1
    # As long, and perhaps within one tick of the clock.
    (tmp_path / "a.yaml").write_text("two: 1\none: 2\n")
    assert Places(tmp_path).find("a.yaml", "two") == "a.yaml:1:1"
    assert len(parsed) == 2
