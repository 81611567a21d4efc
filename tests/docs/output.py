"""What a command printed, beside what a page shows of it."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from simulator.fivetran import slugs

#: A line of the page for any lines of the output, and within a line for any text.
ELISION = "..."

#: What Pulumi prints while it works. The line of the finished step, or the diagnostics, say it again.
_PROGRESS = re.compile(
    r"^@ "
    r"|^ [ +~-]{1,2} +(gcp|pulumi)[\w-]*:\S+ .*"
    r"\b(creating|updating|deleting|refreshing|reading|running)( \([\d.]+s\))?( |$)"
    r"|^ [ +~-]{1,2} +(gcp|pulumi)[\w-]*:\S+ .* refresh$"
    r"|^ [ +~-]{1,2} +pulumi:pulumi:Stack \S+ \w+( \([\d.]+s\))? (error: |warning: |\S+\.yaml| {3,}\S)"
    r"|^    (gcp|pulumi)[\w-]*:\S+ .*$"
)
_STEP = re.compile(r"^ (?P<sign>[+~=<>*!-]+) +(?P<type>(gcp|pulumi)\S+) (?P<name>.*)")
_DURATION = re.compile(r" \([\d.]+m?s\)| +\d+ (message|warning)s?$")

#: An id that Fivetran draws; in the address of a service account it has a hyphen.
_ID = re.compile(rf"\b(?:{'|'.join(slugs._FIRST)})[_-](?:{'|'.join(slugs._SECOND)})\b")
#: The headings of a table that a command prints.
_HEADINGS = re.compile(r"[A-Z]+( [A-Z]+)*( {2,}[A-Z]+( [A-Z]+)*)+")
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?Z?"), "some time"),
    (re.compile(r"^\d\d:\d\d:\d\d "), "some time "),
    (re.compile(r"some time \((just now|[\d,]+ (min|h|days) ago)\)"), "some time"),
    (re.compile(r"\bcreated \d{4}-\d\d-\d\d \((today|[\d,]+ days? ago)\)"), "created some day"),
    (re.compile(r"\bkill \d+"), "kill N"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:N"),
    (re.compile(r"\b(process|pid) \d+"), "process N"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r"-{5,}"), "-----"),
)


def tidy(text: str) -> list[str]:
    """Return the lines of an output as pages show them: no progress, no durations, no trailing spaces."""
    kept: list[str] = []
    for printed in text.replace("\t", "    ").splitlines():
        line = printed.rstrip()
        if _PROGRESS.search(line) or line.startswith("Duration: "):
            continue
        if line or (kept and kept[-1]):
            kept.append(_DURATION.sub("", line).rstrip() if _STEP.match(line) else line)
    while kept and not kept[-1]:
        kept.pop()
    return _in_order(kept)


#: The order in which pages show the steps of a run; of one type by name. What is deleted comes last.
_TYPES = (
    *("Preflight", "Destination", "SharedDestination", "GroupAccess", "ServiceAccount", "IAMMember"),
    *("FunctionIamMember", "Dataset", "DatasetAccess", "DestinationTests", "Package", "Connection", "Activation"),
    *("AppliedFiles", "Outcome", "Stack"),
)


def _in_order(lines: list[str]) -> list[str]:
    """Return the lines with the steps and the stack's messages in one order: the engine prints them in any."""
    ordered: list[str] = []
    at = 0
    while at < len(lines):
        end = at
        if _STEP.match(lines[at]):
            while end < len(lines) and _STEP.match(lines[end]):
                end += 1
            ordered += sorted(lines[at:end], key=_rank)
        elif lines[at] == "Diagnostics:":
            while end < len(lines) and (lines[end].startswith(("Diagnostics:", " ")) or not lines[end]):
                end += 1
            ordered += ["Diagnostics:", *_sections(lines[at + 1 : end]), ""]
        else:
            ordered.append(lines[at])
            end = at + 1
        at = end
    return ordered


def _rank(step: str) -> tuple[bool, bool, int, str]:
    found = _STEP.match(step)
    assert found is not None
    kind = found["type"].rpartition(":")[2].partition(" ")[0]
    place = _TYPES.index(kind) if kind in _TYPES else len(_TYPES)
    deleted = found["sign"] == "-"
    return deleted, " refresh" not in step and not deleted, -place if deleted else place, found["name"]


def _sections(lines: list[str]) -> list[str]:
    """Return the diagnostics by resource, the stack first, with its messages by their text."""
    sections: dict[str, list[list[str]]] = {}
    for line in lines:
        if re.match(r"  \S", line):
            messages = sections.setdefault(line, [])
        elif re.match(r"    \S", line) or not messages:
            messages.append([line])
        else:
            messages[-1].append(line)
    shown: list[str] = []
    for title in sorted(sections, key=lambda each: (":Stack " not in each, each)):
        texts = ["\n".join(message).rstrip() for message in sections[title]]
        texts = (
            sorted(texts, key=lambda each: (each.strip() == "error: update failed", each))
            if ":Stack " in title
            else texts
        )
        shown += ["", title, *"\n".join(texts).split("\n")]
    return shown[1:]


def comparable(line: str) -> str:
    """Return a line without what varies from run to run: times, ports, processes, widths of columns."""
    for pattern, stands_for in _VARYING:
        line = pattern.sub(stands_for, line)
    return line.strip()


class Ids:
    """The ids that Fivetran drew in one session, and those that pages show for them: one for one, on all pages."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def learn(self, shown: list[str], printed: list[str]) -> None:
        """Pair the ids of each line with those of the first printed line that differs in nothing else."""
        for line in shown:
            if not _ID.search(line):
                continue
            pattern = re.compile(_pattern(line, any_id=True))
            found = next((match for each in printed if (match := pattern.fullmatch(comparable(each)))), None)
            pairs = zip(_ID.finditer(line), found.groups(), strict=True) if found else ()
            for on_page, drawn in pairs:
                new, old = drawn.replace("-", "_"), on_page[0].replace("-", "_")
                if new not in self._shown and old not in self._shown.values():
                    self._shown[new] = old

    def translate(self, line: str) -> str:
        """Return a printed line with the ids that pages show."""
        return _ID.sub(self._translate, line)

    def _translate(self, found: re.Match[str]) -> str:
        shown = self._shown.get(found[0].replace("-", "_"))
        if shown is None:
            return found[0]
        return shown.replace("_", "-") if "-" in found[0] else shown


def align(lines: list[str]) -> list[str]:
    """Return the lines with the columns of each table as wide as their longest cell."""
    aligned = list(lines)
    for start, line in enumerate(lines):
        if not _HEADINGS.fullmatch(line):
            continue
        count = len(_cells(line))
        rows: dict[int, list[str]] = {}
        for at in range(start, len(lines)):
            if lines[at].startswith("    ") or lines[at] == ELISION:
                continue
            if len(_cells(lines[at])) != count:
                break
            rows[at] = _cells(lines[at])
        widths = [max(map(len, column)) for column in zip(*rows.values(), strict=True)]
        for at, cells in rows.items():
            aligned[at] = "  ".join(map(str.ljust, cells, widths)).rstrip()
    return aligned


def _cells(line: str) -> list[str]:
    return re.split(r" {2,}", line)


def agree(shown: str, printed: str) -> bool:
    """Return whether a line of a page shows a line of an output."""
    return re.fullmatch(_pattern(shown), comparable(printed)) is not None


def _pattern(shown: str, *, any_id: bool = False) -> str:
    """Return a pattern for the comparable lines that a line of a page shows, with a group for each id."""
    parts = [comparable(part) for part in shown.split(ELISION)]
    if any_id:
        escaped = [f"({_ID.pattern})".join(re.escape(text) for text in _ID.split(part)) for part in parts]
    else:
        escaped = [re.escape(part) for part in parts]
    return r"\s*" + r"\s*.*?\s*".join(escaped) + r"\s*"


def matches(shown: list[str], printed: list[str]) -> bool:
    """Return whether a page shows what was printed, where `...` stands for any lines or any text."""
    reached = {0}
    for line in shown:
        if line.strip() == ELISION:
            reached = set(range(min(reached), len(printed) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(printed) and agree(line, printed[at])}
    return len(printed) in reached


def rewritten(shown: list[str], printed: list[str]) -> list[str]:
    """Return the lines that a page shall show: what was printed, with the page's elisions where they still fit."""
    if matches(shown, printed):
        return shown
    pairs = _aligned([line for line in shown if line.strip() != ELISION], printed)
    new: list[str] = []
    at = place = 0
    elided = False
    for line in shown:
        if line.strip() == ELISION:
            elided = True
            continue
        partner = pairs[place]
        place += 1
        if partner is None:
            continue
        new += [ELISION] if elided and partner > at else printed[at:partner]
        new.append(line if agree(line, printed[partner]) else printed[partner])
        at, elided = partner + 1, False
    return new + ([ELISION] if elided and at < len(printed) else printed[at:])


def _aligned(shown: list[str], printed: list[str]) -> list[int | None]:
    """Return for each line of the page the line of the output that it stands for, in order, by likeness."""
    likeness = [[_likeness(a, b) for b in printed] for a in shown]
    best = [[0.0] * (len(printed) + 1) for _ in range(len(shown) + 1)]
    for i in range(len(shown) - 1, -1, -1):
        for j in range(len(printed) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + likeness[i][j])
    pairs: list[int | None] = [None] * len(shown)
    i = j = 0
    while i < len(shown) and j < len(printed):
        if likeness[i][j] and best[i][j] == best[i + 1][j + 1] + likeness[i][j]:
            pairs[i] = j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _likeness(shown: str, printed: str) -> float:
    if agree(shown, printed):
        return 2.0
    ratio = SequenceMatcher(None, comparable(shown), comparable(printed), autojunk=False).ratio()
    return ratio if ratio > 0.6 else 0.0
