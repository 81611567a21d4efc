"""The reporters, and that no command prints without them."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import reconciler.cli
from reconciler.cli.output import REPORTERS, Entry, Page, Report, Section, without_commands
from reconciler.model.errors import SHAPELESS

COMMANDS = Path(reconciler.cli.__file__).parent
#: Functions and attributes that print. `main` prints errors itself, so that `--help` imports no other module.
PRINTING = {"echo", "secho", "print", "dump", "stdout", "stderr", "Console", "track"}


#: `output`, and the two modules that ask about the terminal for it.
OUTPUT = {"columns.py", "output.py", "progress.py"}


def printing_calls(file: Path) -> list[str]:
    """Return where a module prints by itself."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = [(node.lineno, node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    names += [(node.lineno, node.id) for node in ast.walk(tree) if isinstance(node, ast.Name)]
    # What another process printed is no output of ours.
    read = {"done.stdout", "done.stderr"}
    text = file.read_text(encoding="utf-8").splitlines()
    return [
        f"{file.name}:{line}: {name}"
        for line, name in sorted(names)
        if name in PRINTING and not any(each in text[line - 1] for each in read)
    ]


def test_commands_print_only_through_the_output_module():
    files = [file for file in sorted(COMMANDS.glob("*.py")) if file.name not in {*OUTPUT, "main.py"}]
    assert [call for file in files for call in printing_calls(file)] == []
    assert printing_calls(COMMANDS / "output.py")


ENTRIES = [
    Entry("fine", "ok", file="a.yaml", line=2, column=3),
    Entry("odd", "notice", ("do this",), "b.yaml", 4, 5),
    Entry("wrong", "failed", owners=("a@example.com",)),
]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("text", "a.yaml:2:3: fine\nb.yaml:4:5: notice: odd\n    do this\nwrong\n"),
        ("json", '[\n  {\n    "kind": "é"\n  }\n]\n'),
        (
            "github",
            "::notice file=b.yaml,line=4,col=5::checked: odd%0Ado this\n"
            "::error file=c.yaml,line=1,col=1::checked: wrong\n",
        ),
    ],
)
def test_reporters_print_one_report_in_every_format(name: str, printed: str, capsys: pytest.CaptureFixture[str]):
    report = Report(ENTRIES, [{"kind": "é"}], ["3 checked"], file="c.yaml", subject="checked")
    REPORTERS[name].report(report)
    assert capsys.readouterr() == (printed, "3 checked\n")


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("text", "dev\n\nFound\n  a.yaml:2:3: fine\n  b.yaml:4:5: odd\n  wrong (a@example.com)\n"),
        ("json", '{\n  "day": 1\n}\n'),
        (
            "github",
            "## dev\n\n### Found\n\n- `a.yaml:2:3`: fine\n- `b.yaml:4:5`: odd\n- wrong (a@<!-- -->example.com)\n",
        ),
    ],
)
def test_reporters_print_one_page_in_every_format(name: str, printed: str, capsys: pytest.CaptureFixture[str]):
    sections = [Section("Found", ENTRIES), Section("Empty", [])]
    REPORTERS[name].report(Page(sections, title="dev", record={"day": 1}))
    assert capsys.readouterr() == (printed, "")


def test_json_reporter_rejects_a_record_that_is_not_a_dataclass():
    with pytest.raises(TypeError, match="Path"):
        REPORTERS["json"].report(Report([], [Path("x")]))


@pytest.mark.parametrize(
    "text", ["::error::x", "  ::add-mask::x", "a\r::set-output name=x::y", "a ##[add-mask]x", "##[x]"]
)
@pytest.mark.parametrize("shape", ["text", "json", "github"])
def test_reporters_print_no_workflow_command_of_others(text: str, shape: str, capsys: pytest.CaptureFixture[str]):
    entry = Entry(text, "failed", (text,), file=text)
    for found in (Report([entry], [{"text": text}], [text]), Page([Section(text, [entry])], record={"text": text})):
        REPORTERS[shape].report(found)
    printed = "\n".join(capsys.readouterr())
    commands = [line for line in re.split(r"[\r\n]", printed) if line.lstrip().startswith("::") or "##[" in line]
    assert all(shape == "github" and line.startswith("::error file=") for line in commands)


class Rendered(HTMLParser):
    """What a browser shows of Markdown: elements and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.texts: list[str] = []
        self.outside_code: list[str] = []
        """The texts that GitHub searches for mentions and references."""
        self._in_code = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.add(tag)
        self._in_code |= tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self._in_code &= tag != "code"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        self.outside_code += [] if self._in_code else [data]


#: What GitHub makes a link of in the texts of a rendered page: a mention, an issue, an address, a commit.
LINKED = re.compile(r"(?<!\w)@\w|#\d|gh-\d|https?://|ftp://|www\.\w|\b[0-9a-f]{7,40}\b", re.IGNORECASE)


HOSTILE = (
    "@team",
    "#12",
    "GH-7",
    "https://",
    "www.a.b",
    "<b>",
    "`",
    "\\",
    "&#64;team",
    "&lt;",
    "- ",
    "12. ",
    "---",
    "![](",
    "c0ffee1",
    "8b28ec398245002ffb246080afd9a8b3dcc0720d",
)


@given(st.lists(st.text(max_size=4) | st.sampled_from(HOSTILE)))
def test_markdown_shows_a_text_as_it_is_and_links_nothing(parts: list[str]):
    text = " ".join("".join(parts).split()) or "-"
    rendered = Rendered()
    page = Page([Section("", [Entry(text)])])
    rendered.feed(MarkdownIt("gfm-like", {"linkify": False}).render(REPORTERS["github"].format_page(page)))
    assert rendered.elements <= {"ul", "li", "code"}
    assert not any(LINKED.search(each) for each in rendered.outside_code)
    if text.isprintable() and "`" not in text and not SHAPELESS.search(text):
        assert "".join(rendered.texts).strip() == without_commands(text)


@pytest.mark.parametrize("shape", ["text", "json", "github"])
def test_reporters_show_that_names_which_look_alike_differ(shape: str):
    for name in ("a\u3164", "a\ufe0f", "a\u2060", "a\u034f\u115f", "a\ufe0f\ufe0f"):
        entry = Entry(name, "failed", (name,), file=name)
        reporter = REPORTERS[shape]
        for printed in (
            reporter.format_report(Report([entry], [{"text": name}])),
            reporter.format_page(Page([Section("", [entry])], record={"text": name})),
        ):
            assert f"{ord(name[1]):04x}" in printed.lower()
            assert name not in printed
    reporter = REPORTERS[shape]
    assert "\u26a0\ufe0f" in reporter.format_page(Page([Section("", [Entry("\u26a0\ufe0f")])], record=["\u26a0\ufe0f"]))


def test_markdown_shows_words_between_backticks_as_code():
    page = Page([Section("", [Entry("sends `config.api_key` of a_b to `@team")])])
    assert REPORTERS["github"].format_page(page) == "\n\n- sends `config.api_key` of a\\_b to \\`@<!-- -->team"


def test_markdown_names_each_file_once_with_lines_and_marks():
    entries = [
        Entry("one", file="a.yaml", line=2, mark="0f"),
        Entry("two", file="a.yaml"),
        Entry("three", file="b.yaml"),
    ]
    section = Section("Found", entries, by_file=True, is_minor=True)
    assert REPORTERS["github"].format_page(Page([section], "dev")).splitlines() == [
        "## dev",
        "",
        "<details><summary>Found (3)</summary>",
        "",
        "- `a.yaml`",
        "  - one (line 2) `0f`",
        "  - two",
        "- `b.yaml`",
        "  - three",
        "",
        "</details>",
    ]


_CELLS = ("google_sheets_finance_revenue_by_month", "minor_osprey", "by Airflow: fivetran_google_sheets_finance")
_DETAIL = "the DAG can be enabled with fivetran_google_sheets_finance_connector_id = minor_osprey"


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_table_on_a_terminal_cuts_nothing_off(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    entries = [Entry("a", "ok", (_DETAIL,), cells=_CELLS), Entry("b", cells=("名前", "kind_owl", "every 6h"))]
    REPORTERS["text"].report(Report(entries, columns=("UNIT", "CONNECTION", "SCHEDULE")))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert all(text in shown for text in (*_CELLS, f"    {_DETAIL}", "名前"))
    assert "…" not in shown


def test_table_has_columns_below_each_other_also_with_wide_characters(capsys: pytest.CaptureFixture[str]):
    entries = [
        Entry("a", cells=("名前", "one")),
        Entry("b", cells=("e\u0301", "two")),
        Entry("c", cells=("abcd", "three")),
    ]
    REPORTERS["text"].report(Report(entries, columns=("UNIT", "X")))
    assert capsys.readouterr().out == "UNIT  X\n名前  one\ne\u0301     two\nabcd  three\n"
