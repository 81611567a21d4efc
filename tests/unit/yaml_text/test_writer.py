"""The writer of YAML: any data, read back equal by every reader."""

import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yamllint import linter
from yamllint.config import YamlLintConfig

from reconciler.config.yaml.read import parse
from reconciler.yaml_text.writer import WIDTH, format_on_one_line, format_yaml, scalar
from reconciler.yaml_text.writer import Path as NodePath

ROOT = Path(__file__).parents[3]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=40)
LINES = st.lists(st.text(string.ascii_letters + "'\"#:,-{}&*!|> é…", max_size=12), min_size=1, max_size=30)
NOT_TEXT = ["no", "04:00", "1.0", "0x1F", "2026-12-31", "~", "null", "1_000", "<<", "=", "1e3"]
WORDS = st.sampled_from([*NOT_TEXT, "true", "- a"])
STRINGS = st.one_of(TEXT, WORDS, LINES.map(" ".join), LINES.map("\n".join))
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
DATA: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    TEXT | WORDS,
    st.recursive(
        STRINGS | st.booleans() | NUMBERS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | WORDS, inner, max_size=4),
        max_leaves=12,
    ),
    min_size=1,
    max_size=4,
)
#: Data of a schema: with null, and with the numbers that YAML 1.1 and 1.2 both have.
SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    TEXT | WORDS,
    st.recursive(
        STRINGS | st.booleans() | st.none() | st.integers(0, 1000),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | WORDS, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=4,
)


def paths(node: Any, path: NodePath = ()) -> list[NodePath]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(deeper for step, value in inner for deeper in paths(value, (*path, step)))]


@st.composite
def files(draw: st.DrawFn, data: st.SearchStrategy[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """Data and a text that the writer makes of it, with some mappings on one line and some comments."""
    content = draw(data)
    short = draw(st.frozensets(st.sampled_from(paths(content))))
    comments = draw(st.dictionaries(st.sampled_from(paths(content)), TEXT, max_size=2))
    return content, format_yaml(content, comments=comments, on_one_line=lambda path, _: path in short)


@given(files(DATA))
def test_written_data_is_read_back_equal_by_the_product(file: tuple[dict[str, Any], str]):
    content, text = file
    document, problems = parse(text.encode(), environment="dev", name="x", file="dev/x.yaml")
    assert problems == []
    assert document is not None
    assert document.data == content


@given(files(SCHEMAS))
def test_written_data_is_read_back_equal_by_a_reader_of_yaml_1_1(file: tuple[dict[str, Any], str]):
    content, text = file
    assert yaml.safe_load(text) == content


@given(SCHEMAS)
def test_data_on_one_line_is_read_back_equal(content: dict[str, Any]):
    line = format_on_one_line(content)
    assert "\n" not in line
    assert yaml.safe_load(line) == content


@given(files(DATA))
def test_written_file_passes_yamllint_but_for_long_lines(file: tuple[dict[str, Any], str]):
    config = YamlLintConfig((ROOT / ".yamllint.yaml").read_text(encoding="utf-8"))
    assert {problem.rule for problem in linter.run(file[1], config)} <= {"line-length", "empty-lines"}, (
        "both of texts that have them"
    )


@given(SCHEMAS)
def test_writer_is_canonical(content: dict[str, Any]):
    text = format_yaml(content, on_one_line=lambda path, _: len(path) > 1)
    assert format_yaml(yaml.safe_load(text), on_one_line=lambda path, _: len(path) > 1) == text


@pytest.mark.parametrize("text", NOT_TEXT)
def test_text_that_some_reader_takes_for_something_else_is_quoted(text: str):
    assert scalar(text, in_flow=False) == f'"{text}"'


def test_mapping_stands_on_one_line_only_where_asked_and_where_it_fits():
    data = {"short": {"a": [1]}, "long": {"a": "x" * WIDTH}, "block": {"a": 1}, "items": [{"a": "x" * WIDTH}]}
    assert format_yaml(data, on_one_line=lambda path, _: path[0] != "block").splitlines() == [
        "short: {a: [1]}",
        "long:",
        f"  a: {'x' * WIDTH}",
        "block:",
        "  a: 1",
        "items:",
        f"  - a: {'x' * WIDTH}",
    ]
