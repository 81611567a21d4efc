"""Rules about `trust`: what is in it can be read, stands there once, and is not whatever comes along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.config.build.trust import KINDS, Entry, Fault, entries
from reconciler.config.documents import Specs
from reconciler.config.yaml.document import Document, shown
from reconciler.fivetran.public_keys import out_of_date
from reconciler.model import ANY, Certificate
from reconciler.model.errors import Problem


def certificates_and_host_keys_can_be_read(specs: Specs) -> Iterator[Problem]:
    """A certificate or key that is none would be refused by Fivetran when the connection is made; a private key is."""
    for unit, kind, node in _declared(specs):
        for each in entries(unit.environment, kind, node, specs.trust_files):
            if isinstance(each, Fault):
                yield unit.on_value(each.path, each.message, each.hint)


def what_is_trusted_is_there_once(specs: Specs) -> Iterator[Problem]:
    """Whoever takes out one of two equal entries believes that it is revoked."""
    for unit, kind, node in _declared(specs):
        seen: dict[str, Entry] = {}
        for each in entries(unit.environment, kind, node, specs.trust_files):
            if isinstance(each, Fault):
                continue
            first = seen.setdefault(each.item.hash, each)
            if first is not each:
                message = f"{_named(each)} is listed already: {unit.where(first.path)}"
                yield unit.on_value(each.path, message, "remove one of them")


def whatever_is_presented_is_trusted_by_policy_only(specs: Specs) -> Iterator[Problem]:
    """Whoever can stand between Fivetran and a source can present a certificate or host key of their own."""
    for unit, kind, node in _declared(specs):
        if node == ANY and specs.setting(unit.environment, "policy", "trust") != ANY:
            message = f"{shown(f'{kind}: any')} trusts every server, which the environment does not allow"
            hint = "declare what the source presents, as a failed setup test shows it, or write `policy: {trust: any}`"
            yield unit.on_value(("connector", "trust", kind), message, f"{hint} in environment.yaml")


def certificates_that_are_out_of_date(specs: Specs) -> Iterator[Problem]:
    """A notice for each certificate that is not valid today."""
    for unit, kind, node in _declared(specs):
        for each in entries(unit.environment, kind, node, specs.trust_files):
            certificate = each.item if isinstance(each, Entry) else None
            why = out_of_date(certificate, specs.today) if isinstance(certificate, Certificate) else None
            if isinstance(each, Entry) and why is not None:
                hint = "add its successor, and remove this one when the source presents the successor"
                yield unit.on_value(each.path, f"{_named(each)} {why}", hint)


def _named(entry: Entry) -> str:
    item = entry.item
    return f"the certificate {shown(item.subject or item.hash)}" if isinstance(item, Certificate) else "the host key"


def _declared(specs: Specs) -> Iterator[tuple[Document, str, Any]]:
    for unit in specs.all_units():
        for kind in KINDS:
            if (node := unit.at("connector", "trust", kind)) is not None:
                yield unit, kind, node
