"""Pulumi's release is installed only when it is the file that its checksum names."""

import pytest

from installer import release
from installer.errors import UnavailableError
from installer.versions import PROGRAMS, VERSION

TARBALL_MARK = ".tar.gz"


def program(version=VERSION):
    return f"#!/bin/sh\necho v{version}\n".encode()


def whole(**others):
    return {f"pulumi/{name}": program() for name in PROGRAMS} | others


def test_release_is_installed_with_all_its_programs(machine, site):
    site.publish()
    done = machine.install()
    assert (done.returncode, done.stdout) == (0, f"{machine.installed}\n")
    assert {file.name for file in machine.installed.iterdir()} == {*PROGRAMS, "pulumi-language-go", "installed.json"}
    assert f"Pulumi {VERSION} is installed from the official release.\n" in done.stderr


def test_release_is_fetched_once(machine, site):
    site.publish()
    machine.install()
    asked = list(site.requests)
    again = machine.install()
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{machine.installed}\n", "")
    assert site.requests == asked


def test_pulumi_that_is_newly_first_on_path_is_not_started(machine, site):
    site.publish()
    machine.install()
    (machine.installed / "pulumi").write_text("#!/bin/sh\nexit 1\n")
    again = machine.install(PATH=str(machine.installed))
    assert (again.returncode, again.stdout) == (0, f"{machine.installed}\n")


def test_wrong_checksum_is_an_error_and_no_other_way_is_tried(machine, site):
    site.publish(checksum="ab" * 32)
    machine.add("go", f"echo called >{machine.bin}/called")
    done = machine.install()
    assert done.returncode == 1
    assert done.stdout == ""
    assert "is not the file that Pulumi published: SHA-256 " in done.stderr
    assert f"expected {'ab' * 32}" in done.stderr
    assert not (machine.bin / "called").exists()
    assert leftovers(machine) == []


def test_release_without_a_published_checksum_is_an_error(machine, site):
    site.publish()
    path = next(path for path in site.files if path.endswith("checksums.txt"))
    site.files[path] = b"<html>Please log in to the network</html>"
    done = machine.install()
    assert done.returncode == 1
    assert "has no SHA-256 checksum for pulumi-v" in done.stderr
    assert not any(path.endswith(TARBALL_MARK) for path in site.requests)


def test_answer_that_is_cut_short_is_fetched_again(machine, site):
    site.publish()
    site.cuts = 2
    done = machine.install()
    assert done.returncode == 0
    assert done.stderr.count("bytes arrived; again") == 2


def test_truncated_release_is_unavailable_and_leaves_no_files(machine, site):
    site.publish()
    site.cuts = 3
    done = machine.install(RECONCILER_ENGINE_FROM="release")
    assert done.returncode == 1
    assert "  official release: " in done.stderr
    assert "broke off" in done.stderr
    assert leftovers(machine) == []


def test_tarball_writes_no_file_outside_its_directory(machine, site, tmp_path):
    site.publish(whole(**{"../evil": b"x", "/evil": b"x", "pulumi/../../evil": b"x", "other/evil": b"x"}))
    assert machine.install().returncode == 0
    assert list(tmp_path.rglob("evil")) == []


@pytest.mark.parametrize("home", ["pulumi/bin", "./pulumi", "."])
def test_programs_are_found_wherever_the_cli_lies_in_the_tarball(machine, site, home):
    site.publish({f"{home}/{name}": program() for name in PROGRAMS})
    assert machine.install().returncode == 0


def test_release_without_the_language_host_is_an_error_that_names_it(machine, site):
    files = whole()
    del files["pulumi/pulumi-language-python"]
    site.publish(files)
    done = machine.install()
    assert done.returncode == 1
    assert "has no pulumi-language-python." in done.stderr
    assert leftovers(machine) == []


def test_release_that_is_another_version_than_it_says_is_not_used(machine, site):
    site.publish(whole(**{"pulumi/pulumi": program("3.1.0")}))
    done = machine.install(RECONCILER_ENGINE_FROM="release")
    assert done.returncode == 1
    assert f"the installed pulumi is 3.1.0, not {VERSION}" in done.stderr
    assert leftovers(machine) == []


def test_server_that_does_not_answer_is_given_up_after_the_time_to_connect(machine, site, monkeypatch):
    site.publish()
    site.sending.clear()
    monkeypatch.setattr(release, "CONNECT_SECONDS", 0.1)
    url = next(f"{site.url}{path}" for path in site.files if path.endswith(TARBALL_MARK))
    with pytest.raises(UnavailableError, match="does not answer within"):
        release._open(url)


def leftovers(machine):
    return [path for path in (machine.cache / "engine").iterdir() if path.suffix != ".lock"]
