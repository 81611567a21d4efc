"""Operations on groups, and the account's own: whose key it is, and its users."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.client.call import Call, path_to
from reconciler.client.operations import Operations
from reconciler.client.reading import identity
from reconciler.client.types import Account, Group, User


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
