"""Comments of `new` about an environment, which `promote` replaces by those of the other one."""

from __future__ import annotations

import re

from reconciler.edits.source import Source
from reconciler.model import Environment, commands
from reconciler.yaml_text.writer import comment_lines

#: Above `expires`.
EXPIRY = "The last day. After it the connector is paused, and later removed with its data."


def consent(name: str, environment: Environment) -> str:
    """Return the comment of a service that needs a person's consent."""
    authorise = commands.reconciler("authorise", name, environment=environment.name)
    return f"A person consents in a browser once the connection exists: {authorise} prints the link. Or write `auth`."


def readers(environment: Environment) -> str:
    """Return the comment that names who reads a dataset by default; empty where no member does."""
    who = ", ".join(dict.fromkeys(each for grant in environment.default_access for each in grant.members))
    return f"{who} can read it. For sensitive data, write `sensitive: true` and `access`." if who else ""


def labels(environment: Environment) -> str:
    """Return the comment above labels to fill in, without its beginning."""
    return f"the labels that every dataset in {environment.name} needs"


def replace_comment(source: Source, old: str, new: str) -> Source:
    """Replace an unchanged comment on lines of its own; remove it where the new one is empty."""
    words = r"(?:[ \t]+|[ \t]*\r?\n[ \t]*#[ \t]*)".join(map(re.escape, old.split()))
    comment = re.compile(rf"^([ \t]*)#[ \t]*{words}[ \t]*(\r?\n)", re.MULTILINE)

    def written(found: re.Match[str]) -> str:
        return "".join(f"{line}{found[2]}" for line in comment_lines(new, len(found[1])))

    text = comment.sub(written, source.text) if old else source.text
    return Source.read((source.raw[: len(source.raw) - len(source.text.encode())]) + text.encode(), source.file)
