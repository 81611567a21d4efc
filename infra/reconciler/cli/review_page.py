"""Read the JSON of a review, and build its page, for `review` and the commands that read a review."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import click

from reconciler.cli.output import REPORTERS, Entry, Page, Section
from reconciler.model import commands
from reconciler.model.commands import count, format_list
from reconciler.model.errors import ReconcilerError
from reconciler.plan.sources import REASONS
from reconciler.review import review_document as documents
from reconciler.review.consequence import Several
from reconciler.review.review_document import FailedReview, InvalidReview, Item, ReviewDocument, Scope, read_document

#: The longest page for a comment. GitHub takes 65,536 characters, and the comment has a frame of its own.
LONGEST = 57_000

#: The longest entry of a page that has to be cut: one alone does not take the place of all others.
_LONGEST_ENTRY = 4_000

#: From how many objects on a consequence that differs in them only is one line, and how many that line names.
_SEVERAL, _NAMED = 3, 12

_HEADINGS = {
    "rejected": "The run is rejected: it changes nothing",
    "stop": "Needs the approval of a code owner",
    "note": "Changes that people notice",
    "detail": "Details",
}

_SIMULATED = (
    "This is a simulation. No credential was used. The preview ran against local services that hold what the base "
    "branch declares, so it does not know what was changed in Fivetran or BigQuery. It cannot be approved: after a "
    "merge, the run stops at what needs approval, and prints how to approve that. Push the commit to a branch of this "
    "repository for a review that can be approved."
)
_QUICK = "The full review replaces this one, and only that one can be approved."

#: The place at the start of an error.
_PLACE = re.compile(r"(?P<file>[^\s:]+\.yaml)(?::(?P<line>[1-9][0-9]{0,8}):(?P<column>[1-9][0-9]{0,8}))?: ")

#: How many units are named.
_MOST_NAMED = 10

_CODE_CHANGED = (
    "This pull request changes code too. That code did not run for this review: the code of the default branch did. "
    "After the merge, a fresh preview with the new code is compared with this review before anything is applied."
)


def read_review(file: BinaryIO, environment: str, *stacks: str) -> ReviewDocument:
    """Read a file with the JSON of a review.

    Raises `click.UsageError` unless it is one of this environment, or of one of these stacks, and `ReconcilerError` if
    the review failed.
    """
    name = getattr(file, "name", "the file")
    command = commands.reconciler("review", "--format", "json", environment=environment)
    try:
        document = read_document(file.read(documents.LONGEST + 1))
    except FailedReview:
        text = f"{name} has no review, because {command} failed\n    Read its message, in the job that ran it."
        raise ReconcilerError(text) from None
    except InvalidReview as error:
        raise click.UsageError(f"{name} is not the output of {command}: {error}") from None
    if document.environment not in (environment, *stacks):
        raise click.UsageError(f"{name} is not about {environment}")
    return document


def build_page(document: ReviewDocument, *, code_changed: bool = False) -> Page:
    """Return the page of a review; `code_changed` says that the pull request also changes code."""
    by_severity = {
        severity: _entries([each for each in document.items if each.severity == severity], document)
        for severity in ("stop", "note", "detail")
    }
    rejected = [entry for each in document.rejected for entry in rejection(each)]
    sections = [
        Section(_HEADINGS[key], entries, by_file=key != "rejected", is_minor=key == "detail")
        for key, entries in {"rejected": rejected, **by_severity}.items()
    ]
    kind = " (simulated)" if document.simulated else " (quick review)" if document.quick else ""
    title = f"What a run of {document.environment} would do{kind}"
    introduction = [*([_CODE_CHANGED] if code_changed else []), *([_SIMULATED] if document.simulated else [])]
    introduction += [] if document.quick is None else [_describe_scope(document.quick)]
    empty = "nothing" if document.quick is None else "nothing, in the units that it covers"
    return Page(sections, title, empty, document.as_record(), introduction=introduction)


def rejection(text: str) -> list[Entry]:
    """Return why a run is rejected: an entry for each problem, with the lines below it.

    A problem begins with a place, or with a line that is not indented after one that is.
    """
    entries: list[Entry] = []
    was_indented = False
    for line in filter(str.strip, text.splitlines()):
        is_next, was_indented = was_indented and not line[0].isspace(), line[0].isspace()
        found = _PLACE.match(line.strip())
        if found is not None:
            at = int(found["line"]) if found["line"] else None
            message, column = line.strip()[found.end() :], int(found["column"] or 1)
            entries.append(Entry(message, file=found["file"], line=at, column=column))
        elif entries and not is_next:
            entries[-1] = replace(entries[-1], below=(*entries[-1].below, line.strip()))
        else:
            entries.append(Entry(line.strip()))
    return entries


def cut_page(page: Page, longest: int) -> Page:
    """Leave out the last entries, which matter least, until the Markdown is short enough.

    The page says how many are left out. Of an entry that is very long it has the beginning.
    """
    github = REPORTERS["github"]
    if len(github.format_page(page)) <= longest:
        return page
    room, sections, left_out = longest - 2_000, [], 0
    for section in page.filled:
        kept = []
        for entry in section.entries:
            fitting = _without_parts(entry) if entry.parts and room < _length(entry) else _shorten(entry)
            room -= _length(fitting)
            if room > 0:
                kept.append(fitting)
        left_out += len(section.entries) - len(kept)
        sections.append(replace(section, entries=kept))
    if left_out == 0:
        return replace(page, sections=sections)
    sections.append(Section("Left out", [Entry(f"{count(left_out, 'more line')}: the job's summary has all of them")]))
    return replace(page, sections=sections)


def _length(entry: Entry) -> int:
    return len(REPORTERS["github"].format_page(Page([Section("", [entry])]))) + 2


def _without_parts(entry: Entry) -> Entry:
    return replace(entry, text=f"{entry.text}. The job's summary has the line of each", parts=())


def _shorten(entry: Entry) -> Entry:
    """Return an entry that has no parts with the beginning of its text, if that is very long."""
    kept, shorter = len(entry.text), entry
    while not entry.parts and kept and _length(shorter) > _LONGEST_ENTRY:
        kept = kept * 3 // 4
        shorter = replace(entry, text=f"{entry.text[:kept]}… The job's summary has the whole line", below=())
    return shorter


def _entries(items: Sequence[Item], document: ReviewDocument) -> list[Entry]:
    """Return an entry for each consequence, and one for those that differ in the object only."""
    same: dict[object, list[tuple[Item, Several | None]]] = {}
    for number, item in enumerate(items):
        several = item.several
        key = several and (item.kind, several.noun, several.before, several.after, item.scheduled)
        same.setdefault(key or number, []).append((item, several))
    entries: list[Entry] = []
    for found in same.values():
        each, whole = [_entry(item, document) for item, _ in found], found[0][1]
        if whole is None or len(found) < _SEVERAL:
            entries += each
        else:
            entries.append(_sum(whole, [several.name for _, several in found if several], each))
    # What is of several files is of none, and stands before the files.
    return sorted(entries, key=lambda each: each.file is not None)


def _sum(whole: Several, names: Sequence[str], parts: Sequence[Entry]) -> Entry:
    """Return one line for what is done to several objects, which it names as far as they are few."""
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    text = f"{whole.before}{count(len(names), whole.noun)} ({shown}){whole.after}"
    files = {each.file for each in parts}
    if len(files) > 1:
        return Entry(f"{text}, in {count(len(files), 'file')}", parts=tuple(parts))
    file, lines = parts[0].file, {each.line for each in parts}
    line = lines.pop() if len(lines) == 1 else None
    where: dict[int | None, str] = {each: f" (line {each})" for each in lines if each}
    below = tuple(replace(each, file=None, text=f"{each.text}{where.get(each.line, '')}") for each in parts)
    return Entry(text, file=file, line=line, parts=below)


def _entry(item: Item, document: ReviewDocument) -> Entry:
    mark = "scheduled" if item.scheduled else item.fingerprint or ""
    file = item.file or None
    has_mark = not document.simulated and document.quick is None
    return Entry(item.text, file=file, line=item.line, column=item.column or 1, mark=mark if has_mark else "")


def _describe_scope(scope: Scope) -> str:
    """Return which units a quick review covers, and which it does not."""
    units = count(len(scope.looked_at), "unit")
    if reasons := [REASONS[each] for each in scope.reasons]:
        number = len(scope.looked_at)
        return f"This is a quick review. It covers all units ({number:,}), because {format_list(reasons)}. {_QUICK}"
    parts = ["This is a quick review."]
    if scope.looked_at:
        parts.append(f"It covers {units} with changed files: {_name(scope.looked_at)}.")
    elif scope.not_looked_at:
        parts.append("No file of a unit changed.")
    if scope.not_looked_at:
        parts.append(f"It does not cover {count(len(scope.not_looked_at), 'unit')}: {_name(scope.not_looked_at)}.")
    return " ".join([*parts, _QUICK])


def _name(units: Sequence[str]) -> str:
    """Return the names, shortened."""
    more = len(units) - _MOST_NAMED
    return format_list([*units[:_MOST_NAMED], *([f"{more:,} more"] if more > 0 else [])])
