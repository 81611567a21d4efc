"""Operations on the certificates and SSH host keys that Fivetran trusts, of a connection or of a destination."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from reconciler.client.call import Call, path_to
from reconciler.client.operations import Operations
from reconciler.client.types import Approval

#: Whose approvals: a connection's or a destination's.
Owner: TypeAlias = Literal["connections", "destinations"]


class TrustOperations(Operations):
    """`/connections/{id}/…` and `/destinations/{id}/…`. Every method raises FivetranError; all of them NotFound.

    Approving is repeated on a fault: what is approved twice is approved once. After an error, list before trying again.
    """

    def list_certificates(self, owner: Owner, owner_id: str) -> Iterator[Approval]:
        """The approved certificates (get_…_certificates_list), asked for page by page while iterating."""
        return self._transport.pages(Call("GET", path_to(owner, owner_id, "certificates")), Approval.parse)

    def approve_certificate(self, owner: Owner, owner_id: str, *, hash_: str, encoded_cert: str) -> None:
        """Trust a certificate (approve_…_certificate): its DER in Base64, and the SHA-256 of that DER in Base64."""
        body = {"hash": hash_, "encoded_cert": encoded_cert}
        self._transport.send(Call("POST", path_to(owner, owner_id, "certificates"), body=body, repeat_post=True))

    def revoke_certificate(self, owner: Owner, owner_id: str, approval_id: str) -> None:
        """Trust a certificate no longer (revoke_…_certificate), by its `Approval.id`."""
        self._transport.send(Call("DELETE", path_to(owner, owner_id, "certificates", approval_id)))

    def list_fingerprints(self, owner: Owner, owner_id: str) -> Iterator[Approval]:
        """The approved host keys (get_…_fingerprints_list), asked for page by page while iterating."""
        return self._transport.pages(Call("GET", path_to(owner, owner_id, "fingerprints")), Approval.parse)

    def approve_fingerprint(self, owner: Owner, owner_id: str, *, hash_: str, public_key: str) -> None:
        """Trust an SSH host key (approve_…_fingerprint): a line as in a `.pub` file, and its hash."""
        body = {"hash": hash_, "public_key": public_key}
        self._transport.send(Call("POST", path_to(owner, owner_id, "fingerprints"), body=body, repeat_post=True))

    def revoke_fingerprint(self, owner: Owner, owner_id: str, approval_id: str) -> None:
        """Trust a host key no longer (revoke_…_fingerprint), by its `Approval.id`."""
        self._transport.send(Call("DELETE", path_to(owner, owner_id, "fingerprints", approval_id)))
