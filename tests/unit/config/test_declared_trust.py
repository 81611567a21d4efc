"""What `trust` of a file means, and which certificates a notice is about."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.certificates import authority, host_key, private_key

from reconciler.config import load
from reconciler.fivetran import public_keys
from reconciler.model import HostKey, Trust

ENVIRONMENT = """\
gcp_project: example-dev
fivetran: {group: Fivetran_Dev, destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}}
"""
UNIT = """\
description: A database.
owners: [data@example.com]
connector:
  service: postgres
  destination: {schema_prefix: shop}
  trust:
    certificates: [{file: ca.pem}]
    fingerprints: [{file: tunnel.pub}]
datasets: {public: {}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dev = tmp_path / "dev"
    dev.mkdir()
    (dev / "environment.yaml").write_text(ENVIRONMENT)
    (dev / "shop.yaml").write_text(UNIT)
    (dev / "ca.pem").write_text(authority().pem)
    (dev / "tunnel.pub").write_text(host_key())
    return tmp_path


def _trust(folder: Path) -> Trust:
    [unit] = load(folder, folder).fleet("dev").units
    assert unit.connector is not None
    assert unit.connector.trust is not None
    return unit.connector.trust


def test_every_certificate_of_a_file_is_trusted(folder: Path):
    ca = authority()
    middle = ca.issue("Middle")
    (folder / "dev" / "ca.pem").write_text(f"subject=CN=Middle\n{middle.pem}\n{ca.pem}")
    certificates = _trust(folder).certificates
    assert isinstance(certificates, tuple)
    assert [each.subject for each in certificates] == ["CN=Middle", "CN=Example CA"]
    assert [public_keys.pem(each) for each in certificates] == [middle.pem, ca.pem]


@pytest.mark.parametrize(
    "line", ["{} root@host", "tunnel.example.com {}", "[10.0.0.1]:2222 {} c", "# note\n\n{}", "\ufeff{}\r\n"]
)
def test_host_key_is_read_as_ssh_tools_print_it(folder: Path, line: str):
    key = host_key()
    (folder / "dev" / "tunnel.pub").write_text(line.format(key))
    assert _trust(folder).fingerprints == (HostKey(public_keys.read_host_keys(key)[0].hash, key),)


def test_hash_is_the_one_that_fivetran_documents(folder: Path):
    amazon = "r+u4QL4MGvZeY+DL15zONWVL9g9OB2JUu6k16WNtU/c="
    assert public_keys.is_hash(amazon)
    assert public_keys.hex_of(amazon).startswith("AF:EB:B8:40:BE:0C:1A:F6")


def test_link_out_of_the_folder_is_rejected(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    outside = tmp_path_factory.mktemp("outside") / "ca.pem"
    outside.write_text(authority().pem)
    (folder / "dev" / "ca.pem").unlink()
    (folder / "dev" / "ca.pem").symlink_to(outside)
    [problem] = load(folder, folder).problems
    assert str(problem).startswith("dev/shop.yaml:7:27: `ca.pem`: a symbolic link out of the specs folder")


@pytest.mark.parametrize(
    ("day", "says"), [("2019-12-31", "is not valid before 2020-01-01"), ("2040-01-02", "expired after 2040-01-01")]
)
def test_certificate_that_is_out_of_date_is_a_notice(folder: Path, day: str, says: str):
    loaded = load(folder, folder, date.fromisoformat(day))
    assert loaded.problems == ()
    [notice] = loaded.notices
    assert str(notice).startswith(f"dev/shop.yaml:7:27: the certificate `CN=Example CA` {says}")
    assert load(folder, folder, date(2030, 1, 1)).notices == ()


@pytest.mark.parametrize("where", ["pem: {}", "file: {}", "hash: {}"])
def test_private_key_is_rejected_and_never_quoted(folder: Path, where: str):
    key = private_key()
    quoted = '"' + key.replace("\n", "\\n") + '"'
    text = UNIT.replace("{file: ca.pem}", "{" + where.format(quoted) + "}")
    (folder / "dev" / "shop.yaml").write_text(text)
    report = "".join(map(str, load(folder, folder).problems))
    assert "PRIVATE key" in report
    assert key.splitlines()[1] not in report


def test_any_certificate_is_trusted_when_the_policy_allows_it(folder: Path):
    (folder / "dev" / "shop.yaml").write_text(UNIT.replace("[{file: ca.pem}]", "any"))
    assert len(load(folder, folder).problems) == 1
    (folder / "dev" / "environment.yaml").write_text(f"{ENVIRONMENT}policy: {{trust: any}}\n")
    assert _trust(folder).kinds_trusting_any == ("certificates",)
