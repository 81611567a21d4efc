"""Operations on the packages of the Connector SDK: the code of connectors of one's own."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.client.call import Call, path_to
from reconciler.client.operations import Operations
from reconciler.client.types import Package

_PACKAGES = ("connector-sdk", "packages")


class PackageOperations(Operations):
    """`/connector-sdk/packages`. Every method raises FivetranError; those with an id NotFound."""

    def list_packages(self) -> Iterator[Package]:
        """Every package of the account (list_connector_sdk_packages), asked for page by page while iterating."""
        return self._transport.pages(Call("GET", path_to(*_PACKAGES)), Package.parse)

    def get_package(self, package_id: str) -> Package:
        """One package (get_connector_sdk_package), without its file."""
        return self._transport.send(Call("GET", path_to(*_PACKAGES, package_id))).read(Package.parse)

    def download_package(self, package_id: str) -> bytes:
        """The ZIP file of a package (download_connector_sdk_package)."""
        call = Call("GET", path_to(*_PACKAGES, package_id, "download"), downloads=True)
        return self._transport.send(call).content()

    def create_package(self, content: bytes) -> Package:
        """A new package of a ZIP file (create_connector_sdk_package), which no connection has yet.

        Never repeated once it may have been read: after an error whose `may_have_taken_effect` is true look with
        `list_packages` for one that was not there before.
        """
        return self._transport.send(Call("POST", path_to(*_PACKAGES), upload=content)).read(Package.parse)

    def update_package(self, package_id: str, content: bytes) -> Package:
        """Another ZIP file in a package's place (update_connector_sdk_package), for the connection's next sync.

        Forbidden for a key whose user is neither its owner nor an administrator.
        """
        call = Call("PATCH", path_to(*_PACKAGES, package_id), upload=content)
        return self._transport.send(call).read(Package.parse)

    def delete_package(self, package_id: str) -> None:
        """Delete a package (delete_connector_sdk_package). Forbidden while a connection has it."""
        self._transport.send(Call("DELETE", path_to(*_PACKAGES, package_id)))
