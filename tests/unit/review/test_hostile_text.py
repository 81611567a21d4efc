"""Text that authors of files choose stays text in every format of a review."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tests.unit.review.previews import ENVIRONMENT, unit
from tests.unit.review.quick_engine import Files
from tests.unit.review.test_every_key import review_of

from reconciler.cli.output import REPORTERS
from reconciler.cli.review_page import build_page
from reconciler.review.review_document import ReviewDocument

HOSTILE = (
    "<img src=https://example.com/x>",
    "[approve](https://example.com) @everyone @org/team",
    "` ` </li></ul></details> <b>Nothing else changes</b>",
    "``` ::set-env name=A::b ##[set-env name=A]b",
    "a\u202etxt.exe\u2066\u200b",
    "| table | #1 !x > quote ~~gone~~ **bold**",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_file_is_not_markup_in_a_review(tmp_path: Path, text: str):
    condition = {"title": text, "expression": f"1 == 1 // {text}", "description": text}
    grant = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"]}
    changed = unit(
        connector={"paused": text, "awaiting": {"what": text, "until": "2026-12-15"}},
        dataset={"access": [{**grant, "condition": condition}], "description": text, "friendly_name": text},
        description=text,
        retire={"ticket": text},
    )
    roles = {**ENVIRONMENT["fivetran"], "access": [{"role": text, "members": [f"team:{text}"], "ticket": text}]}
    environment = {**ENVIRONMENT, "fivetran": roles}
    before = Files(tmp_path, {"shop": unit(dataset={"access": [{**grant, "condition": {**condition, "title": "a"}}]})})
    found = review_of(before, Files(tmp_path, {"shop": changed}, environment))
    assert len(found) >= 5
    page = build_page(ReviewDocument.of("dev", found))
    markdown = REPORTERS["github"].format_page(page)
    inline = [token for block in MarkdownIt("commonmark").parse(markdown) for token in [block, *(block.children or ())]]
    html = [tag for token in inline if token.type.startswith("html") for tag in re.findall("<[^>]*>", token.content)]
    ours = ("details", "summary", "ul", "li")
    assert {*html} <= {"<!-- -->", *(f"<{each}>" for each in ours), *(f"</{each}>" for each in ours)}
    assert all(html.count(f"<{each}>") == html.count(f"</{each}>") for each in ours)
    assert not {token.type for token in inline} & {
        "link_open",
        "image",
        "fence",
        "code_block",
        "strong_open",
        "em_open",
    }
    # GitHub makes a mention of what is rendered as text, and of nothing in code.
    texts = [token.content for token in inline if token.type == "text"]
    assert not any(re.search("@[a-z]", each) for each in texts)
    for printed in (markdown, REPORTERS["text"].format_page(page), REPORTERS["json"].format_page(page)):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", printed)
        assert not re.search(r"^\s*::|##\[", printed, re.MULTILINE)
