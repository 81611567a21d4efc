"""The client of a state bucket, on the local Cloud Storage."""

from __future__ import annotations

import pytest
from tests.served import served

from reconciler.google.storage import EMULATOR, Changed, StateBucket, StoredObject
from reconciler.model.errors import RemoteError
from simulator.storage.app import build_app
from simulator.storage.state import Bucket, Store


@pytest.fixture
def store(monkeypatch):
    store = Store(buckets={"states": Bucket("states")})
    with served(build_app(store)) as url:
        monkeypatch.setenv(EMULATOR, url)
        yield store


@pytest.fixture
def states(store):
    with StateBucket("gs://states/team/") as bucket:
        yield bucket


def test_bucket_lists_the_objects_of_one_folder_over_all_pages(states, store, monkeypatch):
    monkeypatch.setattr("simulator.storage.app._MOST", 2)
    for name in ("a/1", "a/2", "a/3", "a/4", "a/5", "a/deeper/6", "b/7"):
        states.write(name, b"")
    assert [each.name for each in states.list("a")] == ["a/1", "a/2", "a/3", "a/4", "a/5"]
    assert all(name.startswith("team/") for name in store.buckets["states"].objects)


def test_bucket_reads_the_generation_that_was_listed(states):
    states.write("a/name with spaces%2F", b"first")
    (first,) = states.list("a")
    assert states.read(first.name) == (b"first", first.generation)
    states.write(first.name, b"second")
    assert states.read(first.name, first.generation) is None
    assert states.read("a/nothing") is None


def test_bucket_deletes_an_object_only_if_it_has_not_changed(states):
    states.write("a/lock", b"first")
    (first,) = states.list("a")
    states.write("a/lock", b"second")
    with pytest.raises(Changed):
        states.delete(first)
    (second,) = states.list("a")
    assert states.delete(second) is True
    assert states.delete(second) is False
    assert states.delete(StoredObject("a/never", 1)) is False


def test_bucket_error_names_the_bucket_and_keeps_googles_message_apart(states, store):
    store.buckets["states"].granted = frozenset({"storage.objects.list"})
    with pytest.raises(RemoteError) as error:
        states.read("a/lock")
    assert str(error.value).startswith("Cloud Storage, bucket states: cannot read a/lock: Google answered 403")
    assert "storage.objects.get" in error.value.unmasked_message
    assert "storage.objects.get" not in str(error.value)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"type": "none"}'])
def test_bucket_names_the_variable_with_unusable_credentials(monkeypatch, content):
    monkeypatch.delenv(EMULATOR, raising=False)
    monkeypatch.delenv("GOOGLE_OAUTH_ACCESS_TOKEN", raising=False)
    monkeypatch.setenv("GOOGLE_CREDENTIALS", content or " ")
    with pytest.raises(RemoteError, match="no valid Google credentials in GOOGLE_CREDENTIALS"):
        StateBucket("gs://states")
