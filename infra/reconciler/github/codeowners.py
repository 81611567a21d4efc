"""CODEOWNERS: who owns a file, as GitHub matches its patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator


class CodeOwners:
    """The rules of one CODEOWNERS file; the last that matches a path decides."""

    def __init__(self, text: str) -> None:
        self._rules = list(_rules(text))

    def of(self, path: str) -> tuple[str, ...]:
        """Return the owners of a path, as the file writes them; a rule without owners leaves it unowned."""
        return next((owners for pattern, owners in reversed(self._rules) if pattern.match(path)), ())


def _rules(text: str) -> Iterator[tuple[re.Pattern[str], tuple[str, ...]]]:
    for line in text.splitlines():
        words = re.sub(r"(^|\s)#.*", "", line).replace("\\ ", "\0").split()
        # GitHub skips a line with what its syntax lacks: negation, ranges of characters, an escaped `#`.
        if words and not re.search(r"^!|[\[\]]|\\#", words[0]):
            yield _pattern(words[0].replace("\0", " ")), tuple(words[1:])


def _pattern(glob: str) -> re.Pattern[str]:
    """Return the expression of a pattern as `.gitignore` has it: a slash within it ties it to the root."""
    anchored = "/" in glob.rstrip("/")
    parts = re.split(r"(\*\*/|/\*\*|\*|\?)", glob.lstrip("/"))
    spelled = {"**/": r"(?:.*/)?", "/**": r"/.*", "*": r"[^/]*", "?": r"[^/]"}
    body = "".join(spelled.get(part) or re.escape(part) for part in parts)
    # A name stands for the folder's files too, except `folder/*`, which is one level deep.
    end = r".*" if glob.endswith("/") else "" if glob.endswith("/*") else r"(?:/.*)?"
    return re.compile(rf"{'' if anchored else '(?:.*/)?'}{body}{end}\Z", re.DOTALL)
