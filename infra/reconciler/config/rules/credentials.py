"""Which names in `config` and `auth` always hold a credential.

From Fivetran's API description: the properties of format `password`, and those beside them whose words say the same,
without names that are no secret in another service (`username`, `role_arn`, `primary_key`, `certificate`, …). Endings
stay right for services to come; what they miss is caught by its armour, or by a reviewer.
"""

from __future__ import annotations

import re

from reconciler.config.yaml.document import Path
from reconciler.fivetran.catalog import Field

#: What stands before `_key` in the name of a secret. `public`, `primary`, `sort`, `project` and `header` do not.
_KEYS = (
    "access|account|admin|api|app|application|auth|cert|client|company|consumer|encryption|function|integration|license"
    r"|master|plain|private|pvt|registry|scram\d*|secret|service|shared|signing|signon|subscription|token|user|webhook|x"
)
_ENDINGS = re.compile(
    rf"(^|_)((pass(word|wd|code|_?phrase)|pwd|secrets?|secret_value|token|pats?|credentials?)"
    rf"|(connection_string|sas_url|auth_code|keystore|query_param_value)"
    rf"|({_KEYS})_?key(_\d|_backup)?)$"
)
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|-")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----")

#: What no credential is, whatever it is called.
_NEVER = ("integer", "number", "boolean", "choice")


def is_credential(path: Path) -> bool:
    """Whether the value at this path of a config tree is one: by its key, or as an item of a list under such a key.

    `apiKey` and `api-key` are no keys of Fivetran's, and a secret under them is in git all the same.
    """
    names = [step for step in path if isinstance(step, str)]
    if names[-2:] == ["secrets_list", "value"]:
        return True
    return _ENDINGS.search(_NEW_WORD.sub("_", names[-1]).lower()) is not None


def is_private_key(value: str) -> bool:
    """Whether the text is a private key in its usual armour, under whatever name."""
    return _PRIVATE_KEY.search(value) is not None


def holds_credential(path: Path, value: object, known: Field | None) -> bool:
    """Whether a scalar is a credential in plain text: by what the catalogue knows of it, its key's name, its armour."""
    if isinstance(value, str) and is_private_key(value):
        return True
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return False
    if known is not None and known.kind in ("secret", *_NEVER):
        return known.kind == "secret"
    return is_credential(path)
