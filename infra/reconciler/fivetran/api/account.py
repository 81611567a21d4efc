"""Operations on groups, and the account's own: whose key it is, and its users."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fivetran.api.json_reader import identity
from reconciler.fivetran.api.request import Call, Operations, path_to
from reconciler.fivetran.api.types import Account, ConnectorType, Group, Package, User


class GroupOperations(Operations):
    """`/account/info`, `/users` and `/groups`. Every method raises FivetranError; those with an id NotFound."""

    def account_info(self) -> Account:
        """Whose key this is (get_account_info): the cheapest way to find out whether it works."""
        return self._transport.send(Call("GET", "/account/info")).read(Account.parse)

    def get_user(self, user_id: str) -> User:
        """One user (user_details). Forbidden for a key that may not see users."""
        return self._transport.send(Call("GET", path_to("users", user_id))).read(User.parse)

    def list_groups(self) -> Iterator[Group]:
        """Every group the key may see (list_all_groups), asked for page by page while iterating."""
        return self._transport.pages(Call("GET", "/groups"), Group.parse)

    def get_group(self, group_id: str) -> Group:
        """One group (group_details)."""
        return self._transport.send(Call("GET", path_to("groups", group_id))).read(Group.parse)

    def create_group(self, name: str) -> Group:
        """A new group (create_group); its id is Fivetran's choice. Names are not known to be unique: look first."""
        return self._transport.send(Call("POST", "/groups", body={"name": name})).read(Group.parse)

    def update_group(self, group_id: str, *, name: str) -> Group:
        """Rename a group in place (modify_group)."""
        return self._transport.send(Call("PATCH", path_to("groups", group_id), body={"name": name})).read(Group.parse)

    def delete_group(self, group_id: str) -> None:
        """Delete a group (delete_group)."""
        self._transport.send(Call("DELETE", path_to("groups", group_id)))

    def group_service_account(self, group_id: str) -> str:
        """The e-mail address of the Google service account with which Fivetran writes (group_service_account)."""
        answer = self._transport.send(Call("GET", path_to("groups", group_id, "service-account")))
        return answer.read(lambda data: identity(data, "service_account"))

    def group_public_key(self, group_id: str) -> str:
        """The public key with which Fivetran opens SSH tunnels for this group (group_public_key)."""
        answer = self._transport.send(Call("GET", path_to("groups", group_id, "public-key")))
        return answer.read(lambda data: identity(data, "public_key"))


class ConnectorTypeOperations(Operations):
    """`/metadata/connector-types`. Every method raises FivetranError; the one with a service NotFound."""

    def list_connector_types(self) -> Iterator[ConnectorType]:
        """Every service, without its fields (metadata_connectors), asked for page by page while iterating."""
        return self._transport.pages(Call("GET", "/metadata/connector-types"), ConnectorType.parse)

    def get_connector_type(self, service: str) -> ConnectorType:
        """One service with its config and auth fields (metadata_connector_config)."""
        call = Call("GET", path_to("metadata", "connector-types", service))
        return self._transport.send(call).read(ConnectorType.parse)


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
