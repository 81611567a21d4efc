"""Which permissions the credentials have on a key of Cloud KMS."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from reconciler.google.rest import Denied, GoogleRest, is_loopback
from reconciler.model.errors import RemoteError

#: Another address of the API, version included, as Google's Terraform provider names it.
KMS: Final = "GOOGLE_KMS_CUSTOM_ENDPOINT"
_GOOGLE: Final = "https://cloudkms.googleapis.com/v1/"


def test_key_permissions(key: str, permissions: Sequence[str]) -> frozenset[str]:
    """Return which of these permissions the credentials have on a key.

    Args:
        key: `projects/<id>/locations/<place>/keyRings/<ring>/cryptoKeys/<key>`.
        permissions: The permissions to test.
    """
    subject = f"Cloud KMS, key {key}"
    address = os.environ.get(KMS) or _GOOGLE
    if urlsplit(address).scheme != "https" and not is_loopback(address):
        raise RemoteError(f"{KMS}: expected an address such as {_GOOGLE}. Set that, or unset it: credentials go there")
    with GoogleRest(subject, anonymous=is_loopback(address)) as rest:
        try:
            answer = rest.object("POST", f"{address}{key}:testIamPermissions", body={"permissions": list(permissions)})
        except Denied as denial:
            text = f"{subject}: cannot test permissions: {denial}"
            raise RemoteError(text, unmasked_message=denial.unmasked_message) from None
    return frozenset(map(str, answer.get("permissions", ())))
