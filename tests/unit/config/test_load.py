import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.yaml.document import Document
from reconciler.config.yaml.read import MAX_BYTES, MAX_DEPTH, parse

KEYS = st.text(max_size=8).filter(lambda text: text != "<<")
NOT_TEXT = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
TREES = st.recursive(
    NOT_TEXT | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
#: Without the characters that JSON writes as pairs of escapes, or as they are where YAML does not have them.
PRINTED = st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)


def read(raw: bytes | str) -> tuple[Document | None, list[str]]:
    raw = raw.encode() if isinstance(raw, str) else raw
    document, problems = parse(raw, environment="dev", name="x", file="x.yaml")
    return document, [str(problem) for problem in problems]


def good(raw: bytes | str) -> Document:
    document, problems = read(raw)
    assert problems == []
    assert document is not None
    return document


def dump(tree: object, style: str, flow: bool | None, width: int) -> str:
    """YAML with every string in one style, since a plain one may be a number to YAML 1.2 and not to the dumper."""

    class Dumper(yaml.CSafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def represent(dumper: Dumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return yaml.dump(tree, Dumper=Dumper, default_flow_style=flow, width=width)


@given(TREES, st.sampled_from("\"'|>"), st.sampled_from([True, False, None]), st.integers(10, 80))
def test_any_json_tree_dumped_as_yaml_is_read_back_equal(tree: object, style: str, flow: bool | None, width: int):
    assert same(good(dump(tree, style, flow, width)).data, tree)


@given(st.dictionaries(PRINTED, st.lists(PRINTED | NOT_TEXT)))
def test_json_is_yaml(tree: object):
    assert same(good(json.dumps(tree, ensure_ascii=False)).data, tree)


def same(one: object, two: object) -> bool:
    """Equal, with 1, 1.0 and true being different things."""
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_problems(raw: bytes):
    document, problems = read(raw)
    assert document is not None or problems


@given(st.text(alphabet="abc:-?&*!|>'\"%@`[]{},#\n\t \\0.~<=\x85\u2028\ufeff", max_size=60))
def test_any_text_of_yamls_characters_gives_a_document_or_problems(text: str):
    document, problems = read(text)
    assert document is not None or problems


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(0, 3))
def test_place_is_that_of_the_key_and_of_the_value(indents: list[int], blank_lines: int):
    lines = ["# comment"] * blank_lines + [f"k{index}:{' ' * (pad + 1)}v" for index, pad in enumerate(indents)]
    if not indents:
        return
    document = good("\n".join(lines) + "\n")
    for index, pad in enumerate(indents):
        line = blank_lines + index + 1
        assert document.keys[(f"k{index}",)] == (line, 1)
        assert document.values[(f"k{index}",)] == (line, len(f"k{index}:") + pad + 2)


def test_places_count_characters_also_with_crlf_and_a_byte_order_mark():
    document = good(b"\xef\xbb\xbf" + 'ä: "ö"\r\nlist:\r\n  - {é: ü, b: [1]}\r\n'.encode())
    assert document.values[("ä",)] == (1, 4)
    assert document.keys[("list", 0, "b")] == (3, 12)
    assert document.values[("list", 0, "b", 0)] == (3, 16)
    assert document.data == {"ä": "ö", "list": [{"é": "ü", "b": [1]}]}


def test_every_node_has_a_place():
    document = good("a: [x, {b: c}]\nd: {}\n")
    assert set(document.values) == {(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b"), ("d",)}
    assert set(document.keys) == {("a",), ("a", 1, "b"), ("d",)}


def test_null_is_a_problem_and_stays_as_none():
    document, problems = read("a:\nb: [x, ~]\nc: ''\n")
    assert document is not None
    assert document.data == {"a": None, "b": ["x", None], "c": ""}
    assert [problem.split(": ")[0] for problem in problems] == ["x.yaml:1:1", "x.yaml:2:8"]


def test_duplicate_key_keeps_the_first_value_and_the_rest_is_read():
    document, problems = read("a: 1\na: {b: [&x 2, {c: d}]}\ne:\nf: 1\n")
    assert document is not None
    assert document.data == {"a": 1, "e": None, "f": 1}
    assert len(problems) == 2


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "a: [", "{[", "? [", "x: {{"])
def test_deep_nesting_is_rejected(opening: str):
    text = opening * (MAX_BYTES // len(opening))
    _, problems = read(text)
    assert problems


def test_nesting_is_read_up_to_the_limit():
    fine = "x: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert good(fine).data
    _, problems = read("x: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert problems == [f"x.yaml:1:{3 + MAX_DEPTH}: nested more than {MAX_DEPTH} deep"]


def test_billion_laughs_end_at_the_first_anchor_and_alias():
    lines = ["a0: &a0 [x, x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    document, problems = read("\n".join(lines))
    assert document is not None
    assert document.data["a39"] == [None, None, None]
    assert len(problems) == 40 + 39 * 3


def test_file_over_the_limit_is_rejected_and_one_at_it_is_read():
    padding = "a: b\n#"
    assert good(padding + "x" * (MAX_BYTES - len(padding))).data == {"a": "b"}
    _, problems = read(padding + "x" * (MAX_BYTES - len(padding) + 1))
    assert problems == ["x.yaml:1:1: larger than 4 MiB\n    split it: a file describes one unit"]


@pytest.mark.parametrize(
    "text",
    [
        "a: canary: b", "a: 'canary", "a: @canary", "a: [canary", "a: canary\n  b: c", "a: !canary:x y\n",
        'a: "canary\\q"', "a: 0815123", "a: &x canary\nb: *x", "a: canary\n---\nb: canary", "\tcanary: 1",
        "a: |\n  canary\n canary", "a: 'canary' canary",
        "a: {b:canary}", "a: [{b:canary, b:canary}]", "b:canary\nc: d", "a: x\nb = canary\nc: d", "{a: 1, b:canary: }",
        "a: x\n<<<<<<< canary\nb: c",
    ],
)  # fmt: skip
def test_no_problem_quotes_a_value(text: str):
    _, problems = read(text)
    assert problems
    assert not any("canary" in problem.replace("!canary", "") or "0815" in problem for problem in problems)
