"""Operations on connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.fivetran.api.json_reader import identity, mapping
from reconciler.fivetran.api.request import Call, Operations, given, path_to
from reconciler.fivetran.api.types import Approval, ApprovalKind, Connection


class ConnectionOperations(Operations):
    """`/connections`. Every method raises FivetranError; those with an id NotFound.

    Failed setup tests are not an error: they are in the answer's `setup_tests`, beside its `setup_state`.
    """

    def list_connections(self, group_id: str | None, schema: str | None = None) -> Iterator[Connection]:
        """Yield connections without their config (list_connections). Each page is requested while iterating.

        The filters are applied here too, in case a server ignores them: otherwise the caller could take the connection
        of another team. `schema` is compared without regard to case, so callers must compare it exactly.
        """
        filters = {"group_id": group_id, "schema": schema}
        params = {key: value for key, value in filters.items() if value is not None}
        call = Call("GET", "/connections", params=params, version_2=True)
        for connection in self._transport.pages(call, Connection.parse):
            in_group = group_id is None or connection.group_id in {group_id, ""}
            if in_group and (schema is None or connection.schema.casefold() == schema.casefold()):
                yield connection

    def get_connection(self, connection_id: str) -> Connection:
        """Return a connection with its config (connection_details)."""
        call = Call("GET", path_to("connections", connection_id), version_2=True)
        return self._transport.send(call).read(Connection.parse)

    def create_connection(
        self,
        *,
        group_id: str,
        service: str,
        config: Mapping[str, object],
        run_setup_tests: bool,
        auth: Mapping[str, object] | None = None,
        paused: bool | None = None,
        schedule_type: str | None = None,
        sync_frequency: int | None = None,
        daily_sync_time: str | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Connection:
        """Create a connection (create_connection). Fivetran chooses the value of a field that is None.

        Never repeated once Fivetran may have read it. After a Conflict, or an error with `may_have_taken_effect`, look
        for the connection with `list_connections(group_id, schema)` before trying again. `sync_frequency` is in
        minutes, `daily_sync_time` is "HH:00" and only for 1440. `settings` are other fields by the API's names.
        """
        body = given(
            group_id=group_id,
            service=service,
            config=config,
            auth=auth,
            paused=paused,
            schedule_type=schedule_type,
            sync_frequency=sync_frequency,
            daily_sync_time=daily_sync_time,
            **(settings or {}),
            run_setup_tests=run_setup_tests,
        )
        call = Call("POST", "/connections", body=body, version_2=True, runs_setup_tests=run_setup_tests)
        return self._transport.send(call).read(Connection.parse)

    def update_connection(
        self,
        connection_id: str,
        *,
        run_setup_tests: bool,
        config: Mapping[str, object] | None = None,
        auth: Mapping[str, object] | None = None,
        paused: bool | None = None,
        schedule_type: str | None = None,
        sync_frequency: int | None = None,
        daily_sync_time: str | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Connection:
        """Change the given fields (modify_connection).

        Raises ValueError without any: the API rejects an empty change.

        Config merges by top-level key: lists are replaced as a whole, and None inside `config` clears a nullable key.
        `settings` are other fields by the API's names.
        """
        fields = given(
            config=config,
            auth=auth,
            paused=paused,
            schedule_type=schedule_type,
            sync_frequency=sync_frequency,
            daily_sync_time=daily_sync_time,
            **(settings or {}),
        )
        if not fields:
            raise ValueError("update_connection needs a field to change")
        call = Call(
            "PATCH",
            path_to("connections", connection_id),
            body={**fields, "run_setup_tests": run_setup_tests},
            version_2=True,
            runs_setup_tests=run_setup_tests,
        )
        return self._transport.send(call).read(Connection.parse)

    def delete_connection(self, connection_id: str) -> None:
        """Delete a connection (delete_connection). Its data stays in BigQuery."""
        self._transport.send(Call("DELETE", path_to("connections", connection_id), version_2=True))

    def test_connection(
        self, connection_id: str, *, trust_certificates: bool = False, trust_fingerprints: bool = False
    ) -> Connection:
        """Run the setup tests (run_setup_tests), which can take ten minutes; the results are in `setup_tests`.

        With `trust_certificates` and `trust_fingerprints`, the tests trust any that the source presents.

        Repeated after a fault, because tests are idempotent. Not repeated after a timeout, which is longer than the
        time for retries.
        """
        call = Call(
            "POST",
            path_to("connections", connection_id, "test"),
            body=given(trust_certificates=trust_certificates or None, trust_fingerprints=trust_fingerprints or None),
            version_2=True,
            runs_setup_tests=True,
            repeat_post=True,
        )
        return self._transport.send(call).read(Connection.parse)

    def sync_connection(self, connection_id: str, *, force: bool = False) -> None:
        """Start a sync (sync_connection). Without effect while one runs, unless `force` restarts it.

        Repeated after a fault only without `force`: a running sync makes the second request a no-op.
        """
        call = Call(
            "POST",
            path_to("connections", connection_id, "sync"),
            body={"force": force},
            version_2=True,
            repeat_post=not force,
        )
        self._transport.send(call)

    def connect_card(self, connection_id: str, *, redirect_uri: str) -> str:
        """Create a link to a page on which a person without a login authorises the connection (connect_card).

        The link is a secret: it works for a day, for everyone who has it. The page then leads to `redirect_uri`.
        Repeated after a fault, because an additional link is harmless.
        """
        call = Call(
            "POST",
            path_to("connections", connection_id, "connect-card"),
            body={"connect_card_config": {"redirect_uri": redirect_uri}},
            version_2=True,
            repeat_post=True,
        )
        return self._transport.send(call).read(lambda data: identity(mapping(data.get("connect_card")), "uri"))


class ApprovalOperations(Operations):
    """`/connections/{id}/certificates` and `…/fingerprints`.

    Every method raises FivetranError; all of them NotFound.

    Approvals are repeated after a fault, because they are idempotent. After an error, list approvals before trying
    again.
    """

    def list_approvals(self, kind: ApprovalKind, connection_id: str) -> Iterator[Approval]:
        """Yield what is approved (get_connection_…_list). Each page is requested while iterating."""
        return self._transport.pages(Call("GET", path_to("connections", connection_id, kind)), Approval.parse)

    def approve(self, kind: ApprovalKind, connection_id: str, *, hash_: str, **content: str) -> None:
        """Trust a certificate or host key (approve_connection_…).

        Args:
            kind: Which of the two it is.
            connection_id: The connection that trusts it.
            hash_: The SHA-256 of the certificate's DER in Base64, or the hash of the host key.
            content: `encoded_cert` with the DER in Base64, or `public_key` with a line as in a `.pub` file.
        """
        body = {"hash": hash_, **content}
        self._transport.send(Call("POST", path_to("connections", connection_id, kind), body=body, repeat_post=True))

    def revoke(self, kind: ApprovalKind, connection_id: str, approval_id: str) -> None:
        """Trust a certificate or host key no longer (revoke_connection_…), by its `Approval.id`."""
        self._transport.send(Call("DELETE", path_to("connections", connection_id, kind, approval_id)))
