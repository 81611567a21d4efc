"""Check `trust`: its certificates and host keys."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.build.trust import TrustEntry, TrustFault
from reconciler.config.specs import Specs
from reconciler.config.yaml.document import shown
from reconciler.fivetran.public_keys import out_of_date
from reconciler.model import ANY, Certificate
from reconciler.model.errors import Problem


def check_trust_readable(specs: Specs) -> Iterator[Problem]:
    """Reject entries that are not a certificate or public key, and private keys."""
    for unit, _, entries in specs.trust:
        for each in entries:
            if isinstance(each, TrustFault):
                yield unit.on_value(each.path, each.message, each.hint)


def check_trust_unique(specs: Specs) -> Iterator[Problem]:
    """Find an entry that is listed twice: removing one would not revoke it."""
    for unit, _, entries in specs.trust:
        seen: dict[str, TrustEntry] = {}
        for each in entries:
            if isinstance(each, TrustFault):
                continue
            first = seen.setdefault(each.item.hash, each)
            if first is not each:
                message = f"{_describe(each)} is listed already: {unit.where(first.path)}"
                yield unit.on_value(each.path, message, "remove one of them")


def check_trust_any(specs: Specs) -> Iterator[Problem]:
    """Reject `any` unless the policy allows it: it trusts a man in the middle too."""
    for unit, kind, _ in specs.trust:
        if unit.at("connector", "trust", kind) == ANY and specs.policy(unit.environment).trust != ANY:
            message = f"{shown(f'{kind}: any')} trusts every server, which the environment does not allow"
            hint = "declare what the source presents, as a failed setup test shows it, or write `policy: {trust: any}`"
            yield unit.on_value(("connector", "trust", kind), message, f"{hint} in environment.yaml")


def warn_invalid_certificates(specs: Specs) -> Iterator[Problem]:
    """Warn for each certificate that is not valid today."""
    for unit, _, entries in specs.trust:
        for each in entries:
            certificate = each.item if isinstance(each, TrustEntry) else None
            why = out_of_date(certificate, specs.today) if isinstance(certificate, Certificate) else None
            if isinstance(each, TrustEntry) and why is not None:
                hint = "add its successor, and remove this one when the source presents the successor"
                yield unit.on_value(each.path, f"{_describe(each)} {why}", hint)


def _describe(entry: TrustEntry) -> str:
    item = entry.item
    return f"the certificate {shown(item.subject or item.hash)}" if isinstance(item, Certificate) else "the host key"
