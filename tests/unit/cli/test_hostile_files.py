"""Files of a stranger: whatever they hold, what `validate` and `review` print is text to a log and to GitHub."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.unit.cli.test_output import LINKED, Rendered
from tests.unit.review.previews import ENVIRONMENT, stack, step, unit

from reconciler.cli.main import main
from reconciler.model.errors import SHAPELESS

#: The commands that the runner of GitHub Actions knows.
RUNNER_COMMANDS = (
    "error|warning|notice|debug|group|endgroup|add-mask|add-path|set-env|set-output|save-state|stop-commands|echo|"
    "add-matcher|remove-matcher"
)
#: A line that the runner reads as a command: either form, as its parser has them.
NEW_FORM = re.compile(rf"\s*::(?P<name>{RUNNER_COMMANDS})(?P<properties> [^:]*(?::[^:]+)*)?::(?P<data>.*)", re.DOTALL)
OLD_FORM = re.compile(rf"##\[(?:{RUNNER_COMMANDS})[^\]]*\]")

HOSTILE = (
    "%0A::set-output name=x::y",
    "\n::add-mask::a",
    "\r::error file=infra/__main__.py::approved",
    "::stop-commands::x",
    "##[add-mask]a",
    "[click](https://example.com)",
    "<img src=https://example.com/x.png>",
    "<!-- x -->",
    "@everyone @example/admins",
    "fixes #123 GH-123 example/data#1",
    "\u202egnp.exe\u202c",
    "\u2066hidden\u2069",
    "\u200b\u200d\ufeff",
    "\u3164\u034f\ufe0f\U000e0101",
    "8b28ec398245002ffb246080afd9a8b3dcc0720d c0ffee1",
    "\x1b[31mred\x1b[0m\x07",
    "`code` ``` ~~~",
    "a,line=1,title=approved",
    "---\n# heading\n| a |\n|---|",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "environment", yaml.safe_dump(dict(ENVIRONMENT)))
    return tmp_path


def write(folder: Path, name: str, text: str | bytes) -> None:
    file = folder / "connectors" / "dev" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """Run a command, which ends by itself; return stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--today", "2026-12-01"])
    assert ended.value.code in (0, 1)
    printed = capsys.readouterr()
    return printed.out, printed.err


def assert_inert(printed: str, *, annotations: bool = False, below: str = "connectors/dev/") -> None:
    """Check that a log reads no command but our annotations on files of the folder, and a terminal no control code."""
    for line in re.split(r"[\r\n]", printed):
        assert line.isprintable(), repr(line)
        assert not SHAPELESS.search(line), repr(line)
        assert not OLD_FORM.search(line), line
        if found := NEW_FORM.match(line):
            assert annotations, line
            assert found["name"] in ("error", "notice", "warning")
            names = dict(each.split("=", 1) for each in found["properties"].strip().split(","))
            assert names.keys() == {"file", "line", "col"}
            assert names["file"].startswith(below)


def with_text(text: str) -> dict[str, dict[str, Any]]:
    """Return units that hold a text in each place where a file has one: values, keys, names of references."""
    fine, odd = unit(), unit()
    fine |= {"description": text, "owners": [f"{text}@example.com"]}
    odd |= {"description": text, text: text, "expires": text, "labels": {text: text}}
    odd["connector"] |= {"service": text, "config": {text: {"env": text}}, "schedule": {"by": text, "task_id": text}}
    odd["dataset"] = {"friendly_name": text, "access": [{"role": text, "members": [text], "ticket": text}]}
    return {"fine": fine, "odd": odd}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("shape", ["text", "json", "github"])
def test_validate_prints_text_of_a_file_as_text(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, shape: str
):
    for name, content in with_text(text).items():
        write(folder, name, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    write(folder, "raw", f"description: {text}\n{text}: {text}\n")
    write(folder, "tagged", f"description: !{text.split(maxsplit=1)[0]} x\nother: &a {text!r}\n")
    for arguments in (["validate"], ["validate", "-e", "dev"]):
        out, err = run(capsys, *arguments, "--format", shape)
        assert out
        assert_inert(f"{out}\n{err}", annotations=shape == "github")


def hostile_review(folder: Path, text: str) -> None:
    """Write a preview that grants, sends, pauses and rejects with a text in each place."""
    write(folder, "shop", yaml.safe_dump(unit()))
    entries = {"a": {"role": text, "userByEmail": text}, "b": {"role": "READER", "groupByEmail": f"{text}@example.com"}}
    old = {"path": "dataset", "project": "dev-project", "dataset": text, "entries": {}}
    steps = [
        step("update", "DatasetAccess", text, old, {**old, "entries": entries}),
        step("create", "Connection", text, None, {"service": text, "name": text, "destination": {"schema": text}}),
        step("create", "Dataset", text, None, {"datasetId": text, "location": text}),
        step("create", "IAMMember", text, None, {"role": text, "member": text}),
        step("create", "FunctionIamMember", text, None, {"cloudFunction": text}),
    ]
    (folder / "preview.json").write_text(json.dumps({"steps": [stack(), *steps], "diagnostics": []}))
    (folder / "rejected.json").write_text(
        json.dumps({"steps": [stack()], "diagnostics": [{"severity": "error", "message": f"{text}\n{text}"}]})
    )


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("preview", ["preview.json", "rejected.json"])
def test_review_prints_text_of_others_as_text(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, preview: str
):
    hostile_review(folder, text)
    for shape in ("text", "json", "github"):
        out, err = run(capsys, "review", "--preview", preview, "--format", shape, "--summary", f"{shape}.md")
        assert_inert(f"{out}\n{err}")
        for page in [out] if shape == "github" else [(folder / f"{shape}.md").read_text()]:
            assert_inert(page)
            rendered = Rendered()
            rendered.feed(MarkdownIt("gfm-like", {"linkify": False}).render(page))
            assert rendered.elements <= {"h2", "h3", "ul", "li", "p", "code", "details", "summary"}
            assert not any(LINKED.search(each) for each in rendered.outside_code)


DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "{a: " * DEEP,
        "- " * DEEP,
        "a: &a [x]\n" + "".join(f"b{number}: &b{number} [*a, *a]\n" for number in range(10_000)),
        "a: &a [" + "*a, " * 50_000 + "]",
        "a: [" + "!!python/object/apply:os.system x, " * 10_000 + "]",
        "description: " + "a" * 4_000_000,
        "".join(f"k{number}: 1\n" for number in range(20_000)),
        "a: 1\n" * 100_000,
        "a: " + "9" * 1_000_000,
        '"' + "\\u202e" * 100_000 + '"',
        "connector: {trust: {certificates: [{pem: '" + "-----BEGIN CERTIFICATE----- " * DEEP + "'}]}}",
        "%TAG ! tag:example.com,2000:\n---\n!x y\n",
        b"\xff\xfe" + "description: x".encode("utf-16-le"),
        b"description: \x00\n",
        b"description: \xc3\x28\n",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_validate_reports_a_bomb_in_a_bounded_page(folder: Path, capsys: pytest.CaptureFixture[str], text: str | bytes):
    write(folder, "bomb", text)
    out, err = run(capsys, "validate", "--format", "github")
    assert 0 < len(out) < 60_000
    assert_inert(f"{out}\n{err}", annotations=True)


@given(st.text(max_size=40) | st.sampled_from(HOSTILE))
def test_annotation_accepts_any_text(text: str):
    from reconciler.cli.output import REPORTERS, Entry, Report

    entry = Entry(text, "failed", (text,), file=f"connectors/dev/{text}", line=3)
    (line,) = re.split(r"[\r\n]", REPORTERS["github"].format_report(Report([entry])))
    found = NEW_FORM.match(line)
    assert found
    assert found["name"] == "error"
    assert not OLD_FORM.search(line)
