"""The engine in the cache is whole or not there, whichever process is killed and whichever other works on it."""

import json
import signal

import pytest

from installer.versions import PROGRAMS


@pytest.fixture
def downloading(machine, site):
    """A set-up that stands still in the middle of its download."""
    site.publish()
    site.sending.clear()
    process = machine.start()
    assert site.asked.wait(30)
    yield process
    site.sending.set()
    process.kill()
    process.communicate(timeout=30)


def test_second_installer_waits_for_the_first_and_logs_it(machine, site, downloading):
    second = machine.start()
    assert second.stderr.readline() == "Another process is installing the engine; waiting for it\n"
    site.sending.set()
    first_out, _ = downloading.communicate(timeout=30)
    second_out, _ = second.communicate(timeout=30)
    assert first_out == second_out == f"{machine.installed}\n"
    assert (downloading.returncode, second.returncode) == (0, 0)
    assert sum(path.endswith(".tar.gz") for path in site.requests) == 1


def test_killed_installation_leaves_no_complete_cache_and_is_cleaned_up(machine, site, downloading):
    downloading.kill()
    downloading.wait(30)
    assert not machine.installed.exists()
    assert partial(machine)
    site.sending.set()
    done = machine.install()
    assert (done.returncode, done.stdout) == (0, f"{machine.installed}\n")
    assert not partial(machine)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_set_up_tidies_up_and_shows_no_traceback(machine, downloading, number, code):
    downloading.send_signal(number)
    out, err = downloading.communicate(timeout=30)
    assert (downloading.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert not partial(machine)


@pytest.mark.parametrize("missing", [*PROGRAMS, "installed.json"])
def test_cache_that_lost_a_file_is_filled_again(machine, site, missing):
    site.publish()
    machine.install()
    (machine.installed / missing).unlink()
    done = machine.install()
    assert (done.returncode, done.stdout) == (0, f"{machine.installed}\n")
    assert (machine.installed / missing).exists()


def test_cache_of_another_version_or_with_a_broken_marker_is_filled_again(machine, site):
    site.publish()
    machine.install()
    marker = machine.installed / "installed.json"
    for broken in (json.dumps({"version": "3.1.0", "origin": "release"}), "{", ""):
        marker.write_text(broken)
        assert machine.install().returncode == 0
        assert json.loads(marker.read_text())["origin"] == "release"


def test_requested_source_replaces_another_installation(machine, site):
    site.publish()
    machine.install()
    marker = machine.installed / "installed.json"
    marker.write_text(marker.read_text().replace("release", "go"))
    assert machine.install(RECONCILER_ENGINE_FROM="release").returncode == 0
    assert json.loads(marker.read_text())["origin"] == "release"


def test_cache_that_cannot_be_written_is_an_error_that_says_what_to_set(machine, site, tmp_path):
    site.publish()
    (tmp_path / "file").write_text("")
    done = machine.install(RECONCILER_CACHE=str(tmp_path / "file"))
    assert done.returncode == 1
    assert "cannot keep the engine under" in done.stderr
    assert "Set RECONCILER_CACHE to another directory" in done.stderr


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_cache_is_the_users_by_default(machine, site, tmp_path, variable):
    site.publish()
    user = tmp_path / "user"
    expected = user / "reconciler" if variable == "XDG_CACHE_HOME" else user / ".cache" / "reconciler"
    done = machine.install(RECONCILER_CACHE="", **{variable: str(user)})
    assert done.stdout == f"{expected / 'engine' / machine.installed.name}\n"


def partial(machine):
    return list((machine.cache / "engine").glob("*.partial-*"))
