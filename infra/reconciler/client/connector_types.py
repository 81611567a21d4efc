"""Operations on the catalogue of services."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.client.call import Call, path_to
from reconciler.client.operations import Operations
from reconciler.client.types import ConnectorType


class ConnectorTypeOperations(Operations):
    """`/metadata/connector-types`. Every method raises FivetranError; the one with a service NotFound."""

    def list_connector_types(self) -> Iterator[ConnectorType]:
        """Every service, without its fields (metadata_connectors), asked for page by page while iterating."""
        return self._transport.pages(Call("GET", "/metadata/connector-types"), ConnectorType.parse)

    def get_connector_type(self, service: str) -> ConnectorType:
        """One service with its config and auth fields (metadata_connector_config)."""
        call = Call("GET", path_to("metadata", "connector-types", service))
        return self._transport.send(call).read(ConnectorType.parse)
