"""Which names in `config` and `auth` always hold a credential.

From Fivetran's API description: the properties of format `password`, without names that are no secret in another
service (`username`, `role_arn`, `function_trigger`, `certificate`, …). A list of endings stays right for services to
come.
"""

from __future__ import annotations

import re

from reconciler.specs.document import Path

_ENDINGS = re.compile(
    r"(^|_)(password|passphrase|pass_phrase|secret|token|api_key(_\d)?|private_key|secret_key|secret_access_key"
    r"|subscription_key|connection_string)$"
)
_NAMES = frozenset(
    {"account_key", "api_admin_key", "auth_code", "blob_sas_url", "client_cert_key", "function_key", "pats"}
    | {"secret_value", "secrets", "storage_account_key", "x_master_key"}
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----")


def is_credential(path: Path) -> bool:
    """Whether the value at this path of a config tree is one: by its key, or as an item of a list under such a key."""
    names = [step for step in path if isinstance(step, str)]
    if names[-2:] == ["secrets_list", "value"]:
        return True
    return bool(_ENDINGS.search(names[-1])) or names[-1] in _NAMES


def is_private_key(value: str) -> bool:
    """Whether the text is a private key in its usual armour, under whatever name."""
    return _PRIVATE_KEY.search(value) is not None
