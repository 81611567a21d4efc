"""Operations on connector types, and on packages: the code of custom connectors."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fivetran.api.request import Call, Operations, path_to
from reconciler.fivetran.api.types import ConnectorType, Package


class ConnectorTypeOperations(Operations):
    """`/metadata/connector-types`. Every method raises FivetranError; the one with a service NotFound."""

    def list_connector_types(self) -> Iterator[ConnectorType]:
        """Yield every service without its fields (metadata_connectors).

        Each page is requested while iterating.
        """
        return self._transport.pages(Call("GET", "/metadata/connector-types"), ConnectorType.parse)

    def get_connector_type(self, service: str) -> ConnectorType:
        """Return a service with its config and auth fields (metadata_connector_config)."""
        call = Call("GET", path_to("metadata", "connector-types", service))
        return self._transport.send(call).read(ConnectorType.parse)


_PACKAGES = ("connector-sdk", "packages")


class PackageOperations(Operations):
    """`/connector-sdk/packages`. Every method raises FivetranError; those with an id NotFound."""

    def list_packages(self) -> Iterator[Package]:
        """Yield every package of the account (list_connector_sdk_packages).

        Each page is requested while iterating.
        """
        return self._transport.pages(Call("GET", path_to(*_PACKAGES)), Package.parse)

    def get_package(self, package_id: str) -> Package:
        """Return a package without its file (get_connector_sdk_package)."""
        return self._transport.send(Call("GET", path_to(*_PACKAGES, package_id))).read(Package.parse)

    def download_package(self, package_id: str) -> bytes:
        """Return the ZIP file of a package (download_connector_sdk_package)."""
        call = Call("GET", path_to(*_PACKAGES, package_id, "download"), downloads=True)
        return self._transport.send(call).content()

    def create_package(self, content: bytes) -> Package:
        """Create a package from a ZIP file (create_connector_sdk_package). No connection uses it yet.

        Never repeated once Fivetran may have read it. After an error with `may_have_taken_effect`, look for a new
        package with `list_packages`.
        """
        return self._transport.send(Call("POST", path_to(*_PACKAGES), upload=content)).read(Package.parse)

    def update_package(self, package_id: str, content: bytes) -> Package:
        """Replace a package's ZIP file (update_connector_sdk_package). The connection's next sync uses it.

        Raises Forbidden for a key whose user is neither the package's owner nor an administrator.
        """
        call = Call("PATCH", path_to(*_PACKAGES, package_id), upload=content)
        return self._transport.send(call).read(Package.parse)

    def delete_package(self, package_id: str) -> None:
        """Delete a package (delete_connector_sdk_package). Raises Forbidden while a connection uses it."""
        self._transport.send(Call("DELETE", path_to(*_PACKAGES, package_id)))
