"""Read the JSON of a review, and build its page, for `review` and the commands that read a review."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

import click

from reconciler.cli.output import REPORTERS, Entry, Page, Section
from reconciler.model import commands
from reconciler.model.commands import count
from reconciler.review import document as documents
from reconciler.review.document import InvalidReview, Item, ReviewDocument, read_document

#: The longest page for a comment. GitHub takes 65,536 characters, and the comment has a frame of its own.
LONGEST = 57_000

_HEADINGS = {
    "rejected": "The run is rejected: it changes nothing",
    "stop": "Needs the approval of a code owner",
    "note": "Changes that people notice",
    "detail": "Details",
}

_SIMULATED = (
    "This is a simulation. No credential was used. The preview ran against local services that hold what the base "
    "branch declares, so it does not know what was changed in Fivetran or BigQuery. It cannot be approved."
)
_CODE_CHANGED = (
    "This pull request changes code too. That code did not run for this review: the code of the default branch did. "
    "After the merge, a fresh preview with the new code is compared with this review before anything is applied."
)


def read_review(file: BinaryIO, environment: str) -> ReviewDocument:
    """Read a file with the JSON of a review.

    Raises `click.UsageError` unless it is one of this environment.
    """
    name = getattr(file, "name", "the file")
    try:
        document = read_document(file.read(documents.LONGEST + 1))
    except InvalidReview as error:
        command = commands.reconciler("review", "--format", "json", environment=environment)
        raise click.UsageError(f"{name} is no output of {command}: {error}") from None
    if document.environment != environment:
        raise click.UsageError(f"{name} is not about {environment}")
    return document


def build_page(document: ReviewDocument, *, code_changed: bool = False) -> Page:
    """Return the page of a review; `code_changed` says that the pull request also changes code."""
    by_severity = {
        severity: [_entry(each, document) for each in document.items if each.severity == severity]
        for severity in ("stop", "note", "detail")
    }
    rejected = [Entry(each) for each in document.rejected]
    sections = [
        Section(_HEADINGS[key], entries, by_file=key != "rejected", is_minor=key == "detail")
        for key, entries in {"rejected": rejected, **by_severity}.items()
    ]
    title = f"What a run of {document.environment} would do{', simulated' if document.simulated else ''}"
    introduction = [*([_CODE_CHANGED] if code_changed else []), *([_SIMULATED] if document.simulated else [])]
    return Page(sections, title, "nothing", document.as_record(), introduction=introduction)


def cut_page(page: Page, longest: int) -> Page:
    """Leave out the last entries, which matter least, until the Markdown is short enough.

    The page says how many are left out.
    """
    github = REPORTERS["github"]
    if len(github.format_page(page)) <= longest:
        return page
    room, sections, left_out = longest - 2_000, [], 0
    for section in page.filled:
        kept = []
        for entry in section.entries:
            room -= len(github.format_page(Page([Section("", [entry])]))) + 2
            if room > 0:
                kept.append(entry)
        left_out += len(section.entries) - len(kept)
        sections.append(replace(section, entries=kept))
    sections.append(Section("Left out", [Entry(f"{count(left_out, 'more line')}: the job's summary has all of them")]))
    return replace(page, sections=sections)


def _entry(item: Item, document: ReviewDocument) -> Entry:
    mark = "scheduled" if item.scheduled else item.fingerprint or ""
    file = item.file or None
    return Entry(item.text, file=file, line=item.line, column=item.column or 1, mark="" if document.simulated else mark)
