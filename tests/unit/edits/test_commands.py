"""Each command that edits a unit's file, on files in any form: it changes what it shows, or writes nothing."""

from __future__ import annotations

import copy
import difflib
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from reconciler.cli.main import main
from reconciler.config.yaml.read import parse

from .unit_files import UnitText, unit_files

TODAY = date(2026, 11, 30)
LATEST = TODAY + timedelta(days=90)
VIEWER = "roles/bigquery.dataViewer"
MEMBER = "user:a@example.com"
UNTIL = "2026-12-10"
DEV = """\
gcp_project: dev-project
fivetran:
  group: Dev
  destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}
workgroups: "gcp-wg-{workgroup}--{subgroup}@example.com"
policy: {expiry: {longest: 90d}}
"""
PROD = """\
gcp_project: prod-project
fivetran:
  group: Prod
  destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}
workgroups: "gcp-wg-{workgroup}--{subgroup}@example.com"
labels: {required: [app_code]}
policy:
  expiry: forbidden
  removal: retire
  people: {need: [ticket, until], longest: 14d}
  secret_versions: pinned
"""
UNIT = """\
description: Payments.
owners: [owner@example.com]
connector:
  service: stripe
  destination: {schema: stripe}
  config:
    api_key: {env: K, version: 1}
  schedule: {by: airflow, task_id: fivetran_stripe_dev}
  paused: INC-1
dataset:
  friendly_name: Stripe
  access:
    - {role: roles/bigquery.dataViewer, members: ["user:a@example.com"], until: 2026-12-05, ticket: T-1}
expires: 2026-12-31
"""


class Folder:
    """A specs folder outside of git, with the unit `shop` in dev."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.dev, self.prod = (root / "connectors" / name / "shop.yaml" for name in ("dev", "prod"))
        self._capsys = capsys
        for file, text in ((self.dev, DEV), (self.prod, PROD)):
            file.parent.mkdir(parents=True)
            file.with_name("environment.yaml").write_text(text)

    def write(self, raw: bytes) -> None:
        self.dev.write_bytes(raw)
        self.prod.unlink(missing_ok=True)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            main([*arguments, "--today", str(TODAY)])
        printed = self._capsys.readouterr()
        return int(exit_.value.code or 0), printed.out, printed.err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Folder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_SPECS", raising=False)
    return Folder(tmp_path, capsys)


# What each command should make of the data of a file; None where it should reject the edit.


def _extended(unit: UnitText) -> dict[str, Any] | None:
    last = unit.data.get("expires")
    if not isinstance(last, str):
        return None
    later = max(date.fromisoformat(last), TODAY) + timedelta(days=30)
    return None if later > LATEST else unit.data | {"expires": str(later)}


def _paused(unit: UnitText) -> dict[str, Any]:
    return unit.data | {"connector": unit.data["connector"] | {"paused": "INC-1: why # not"}}


def _resumed(unit: UnitText) -> dict[str, Any] | None:
    connector = dict(unit.data["connector"])
    return unit.data | {"connector": connector} if connector.pop("paused", None) else None


def _retired(unit: UnitText) -> dict[str, Any] | None:
    return None if isinstance(unit.data.get("expires"), str) else unit.data | {"retire": {"ticket": "T-9"}}


def _rotated(unit: UnitText) -> dict[str, Any]:
    data = copy.deepcopy(unit.data)
    for reference in data["connector"]["config"].values():
        reference["version"] += 1
    return data


def _granted(unit: UnitText) -> dict[str, Any] | None:
    others, own = _with_access(unit, lambda role, member: (role, member) == (VIEWER, MEMBER))
    if any(until is None or until > UNTIL for *_, until in own):
        return None
    _dataset(others)["access"][VIEWER, MEMBER, "T-2", UNTIL] += 1
    return others


def _revoked(unit: UnitText) -> dict[str, Any] | None:
    others, own = _with_access(unit, lambda _, member: member == MEMBER)
    return others if own else None


def _promoted(unit: UnitText) -> dict[str, Any]:
    data, _ = _with_access(unit, lambda *_: True)
    data.pop("expires", None)
    connector, dataset = data["connector"], _dataset(data)
    connector.pop("paused", None)
    dataset["labels"] = dataset.get("labels", {}) | {"app_code": "fill-in"}
    if "task_id" in connector.get("schedule", {}):
        connector["schedule"]["task_id"] = "fivetran_stripe"
    for key, old in connector["config"].items():
        exact = {"exact": True} if "exact" in old else {}
        connector["config"][key] = {"secret": f"fivetran-shop-{key.replace('_', '-')}", "version": 1, **exact}
    return data


EDITS: dict[str, tuple[tuple[str, ...], Callable[[UnitText], dict[str, Any] | None]]] = {
    "extend": (("30d",), _extended),
    "pause": (("INC-1: why # not",), _paused),
    "resume": ((), _resumed),
    "retire": (("--ticket", "T-9"), _retired),
    "rotate": ((), _rotated),
    "grant": ((MEMBER, "--ticket", "T-2", "--until", UNTIL), _granted),
    "revoke": ((MEMBER,), _revoked),
    "promote": (("--to", "prod"), _promoted),
}
#: The edits that change or add one value, so that each comment stays.
KEEP_COMMENTS = {"extend", "pause", "retire", "rotate"}


def _dataset(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["datasets"]["public"] if "datasets" in data else data["dataset"]
    return found


def _with_access(unit: UnitText, is_own: Callable[[str, str], bool]) -> tuple[dict[str, Any], list[Any]]:
    """Return a unit's data with its access as a counted set, without some of it; and the part that was left out."""
    data = copy.deepcopy(unit.data)
    flat = _flat(_dataset(data).get("access", []))
    own = [each for each in flat.elements() if is_own(each[0], each[1])]
    _dataset(data)["access"] = flat - Counter(own)
    return data, own


def _flat(grants: list[dict[str, Any]]) -> Counter[Any]:
    return Counter(
        (each["role"], member, each.get("ticket"), each.get("until")) for each in grants for member in each["members"]
    )


def _comparable(data: dict[str, Any]) -> dict[str, Any]:
    """Return data with its access as a counted set, which does not say how members share grants."""
    copied = copy.deepcopy(data)
    access = _dataset(copied).get("access", Counter())
    _dataset(copied)["access"] = access if isinstance(access, Counter) else _flat(access)
    return copied


def _read(raw: bytes) -> dict[str, Any]:
    document, problems = parse(raw, environment="dev", name="shop", file="shop.yaml")
    assert document is not None
    assert problems == []
    data: dict[str, Any] = document.data
    return data


def _lines(raw: bytes) -> list[str]:
    return raw.decode("utf-8-sig").replace("\r\n", "\n").split("\n")


def _apply(diff: str, lines: list[str]) -> list[str]:
    """Apply a unified diff as `patch` does."""
    after, taken = [], 0
    for hunk in re.split(r"(?m)^@@ -", diff)[1:]:
        head, *body = hunk.splitlines()
        start, count = (int(each) for each in f"{head.split()[0]},1".split(",")[:2])
        first = start - 1 if count else start
        after += lines[taken:first]
        taken = first
        for line in body:
            if line[:1] in (" ", "-"):
                assert lines[taken] == line[1:]
                taken += 1
            after += [line[1:]] if line[:1] in (" ", "+") else []
    return after + lines[taken:]


@pytest.mark.parametrize("command", EDITS)
@given(unit=unit_files())
@settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_edit_makes_the_shown_change_or_writes_nothing(folder: Folder, command: str, unit: UnitText):
    arguments, expect = EDITS[command]
    folder.write(unit.raw)
    code, out, err = folder.run(command, "shop", "--yes", *arguments, "-e", "dev")
    target = folder.prod if command == "promote" else folder.dev
    expected = expect(unit)
    if code != 0:
        event(re.sub(r"^\S+ ", "", err.partition("\n")[0]))
        assert (code, expected) == (2, None), err
        assert re.match(r"Error: connectors/dev/shop\.yaml:\d+:\d+: .+\n    [A-Z].+[.?]\n\Z", err), err
        assert folder.dev.read_bytes() == unit.raw
        assert not folder.prod.exists()
        return
    after = target.read_bytes()
    assert expected is not None, err
    assert _comparable(_read(after)) == _comparable(expected)
    assert folder.run("validate")[0] == 0
    old = [] if command == "promote" else _lines(unit.raw)
    shown = out.replace(r"\ufeff", "")
    assert _apply(shown, _without_end(old)) == _without_end(_lines(after))
    assert after.startswith(b"\xef\xbb\xbf") is unit.raw.startswith(b"\xef\xbb\xbf")
    assert bool(re.search(rb"(?<!\r)\n", after)) is (b"\r\n" not in unit.raw)
    assert set(re.findall(r"(?m)^#.*", unit.raw.decode())) <= set(re.findall(r"(?m)^#.*", after.decode()))
    if command in KEEP_COMMENTS:
        assert [each for each in unit.comments if each.encode() not in after] == []
    if command != "promote":
        assert folder.dev.read_bytes() == after
        assert _blocks_changed(old, _lines(after)) <= _most_blocks(command, unit)


def _without_end(lines: list[str]) -> list[str]:
    return lines[:-1] if lines[-1:] == [""] else lines


def _blocks_changed(before: list[str], after: list[str]) -> int:
    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(tag != "equal" for tag, *_ in codes)


def _most_blocks(command: str, unit: UnitText) -> int:
    """Return how many separate places a command may change: one, or one more than grants that name the member."""
    if command not in ("grant", "revoke"):
        return 1
    _, own = _with_access(unit, lambda _, member: member == MEMBER)
    return len(own) + 1


@pytest.mark.parametrize("command", [*EDITS, "new"])
def test_edit_of_a_file_with_an_anchor_names_its_line(folder: Folder, command: str):
    arguments = EDITS[command][0] if command in EDITS else ("--name", "other")
    subject = "github" if command == "new" else "shop"
    text = UNIT.replace("friendly_name: Stripe", "friendly_name: &name Stripe\n  description: *name").encode()
    folder.write(text)
    code, _, err = folder.run(command, subject, "--yes", *arguments, "-e", "dev")
    assert code == 1
    assert "connectors/dev/shop.yaml:11:18: an anchor, `&name`\n    write the value out where it is used" in err
    assert "connectors/dev/shop.yaml:12:16: an alias, `*name`\n    write the value out where it is used" in err
    assert folder.dev.read_bytes() == text
    assert [*folder.dev.parent.parent.glob("*/[!e]*.yaml")] == [folder.dev]


@pytest.mark.parametrize("command", [each for each in EDITS if each != "retire"])
@pytest.mark.parametrize(
    "line", ["# &name *all", 'description: "&name *all"', "description: '*all'", "description: a &b *c"]
)
def test_edit_reads_no_anchor_in_a_comment_or_a_text(folder: Folder, command: str, line: str):
    kept = UNIT if line.startswith("#") else UNIT.removeprefix("description: Payments.\n")
    folder.write(f"{line}\n{kept}".encode())
    code, _, err = folder.run(command, "shop", "--yes", *EDITS[command][0], "-e", "dev")
    assert code == 0, err
    assert f"{line}\n".encode() in (folder.prod if command == "promote" else folder.dev).read_bytes()
