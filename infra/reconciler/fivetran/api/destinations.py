"""Operations on destinations. A destination has the id of its group."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.fivetran.api.request import Call, Operations, given, path_to
from reconciler.fivetran.api.types import Destination


class DestinationOperations(Operations):
    """`/destinations`. Every method raises FivetranError; those with an id NotFound.

    Failed setup tests are not an error: they are in the answer's `setup_tests`, beside its `setup_status`.
    """

    def get_destination(self, destination_id: str) -> Destination:
        """Return a destination (destination_details)."""
        call = Call("GET", path_to("destinations", destination_id), version_2=True)
        return self._transport.send(call).read(Destination.parse)

    def create_destination(
        self,
        *,
        group_id: str,
        service: str,
        time_zone_offset: str,
        config: Mapping[str, object],
        run_setup_tests: bool,
        region: str | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Destination:
        """Create the group's destination (create_destination). `time_zone_offset` is "-11" to "+12".

        `settings` are other fields by the API's names.

        Without a `region`, Fivetran chooses one. Never repeated once Fivetran may have read it: read before trying
        again.
        """
        body = given(
            group_id=group_id,
            service=service,
            time_zone_offset=time_zone_offset,
            region=region,
            config=config,
            **(settings or {}),
            run_setup_tests=run_setup_tests,
        )
        call = Call("POST", "/destinations", body=body, version_2=True, runs_setup_tests=run_setup_tests)
        return self._transport.send(call).read(Destination.parse)

    def update_destination(
        self,
        destination_id: str,
        *,
        run_setup_tests: bool,
        region: str | None = None,
        time_zone_offset: str | None = None,
        config: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Destination:
        """Change the given fields (modify_destination). Raises ValueError without any.

        Config merges by top-level key.

        The API requires `time_zone_offset` in every change. `settings` are other fields by the API's names.
        """
        fields = given(region=region, time_zone_offset=time_zone_offset, config=config, **(settings or {}))
        if not fields:
            raise ValueError("update_destination needs a field to change")
        call = Call(
            "PATCH",
            path_to("destinations", destination_id),
            body={**fields, "run_setup_tests": run_setup_tests},
            version_2=True,
            runs_setup_tests=run_setup_tests,
        )
        return self._transport.send(call).read(Destination.parse)

    def delete_destination(self, destination_id: str) -> None:
        """Delete a destination (delete_destination).

        Raises Conflict while it has connections, including Fivetran's.
        """
        self._transport.send(Call("DELETE", path_to("destinations", destination_id), version_2=True))

    def test_destination(self, destination_id: str) -> Destination:
        """Run the setup tests (run_destination_setup_tests). The answer can lack fields: read it again.

        Repeated after a fault, because tests are idempotent.
        """
        call = Call(
            "POST",
            path_to("destinations", destination_id, "test"),
            body={},
            version_2=True,
            runs_setup_tests=True,
            repeat_post=True,
        )
        return self._transport.send(call).read(lambda data: Destination.parse({"id": destination_id, **data}))
