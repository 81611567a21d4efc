"""Operations on the account, groups, users and teams."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fivetran.api.json_reader import identity, text
from reconciler.fivetran.api.request import Call, Operations, path_to
from reconciler.fivetran.api.types import AccountInfo, Group, Role, SystemKey, Team, User


class GroupOperations(Operations):
    """`/account/info`, `/users` and `/groups`.

    Every method raises FivetranError; those with an id NotFound.
    """

    def account_info(self) -> AccountInfo:
        """Return the key's account (get_account_info), which is the cheapest check of a key."""
        return self._transport.send(Call("GET", "/account/info")).read(AccountInfo.parse)

    def get_user(self, user_id: str) -> User:
        """Return a user (user_details). Raises Forbidden for a key that may not read users."""
        return self._transport.send(Call("GET", path_to("users", user_id))).read(User.parse)

    def list_groups(self) -> Iterator[Group]:
        """Yield every group that the key may read (list_all_groups). Each page is requested while iterating."""
        return self._transport.pages(Call("GET", "/groups"), Group.parse)

    def get_group(self, group_id: str) -> Group:
        """Return a group (group_details)."""
        return self._transport.send(Call("GET", path_to("groups", group_id))).read(Group.parse)

    def create_group(self, name: str) -> Group:
        """Create a group (create_group). List groups first: Fivetran may not reject a name that is in use."""
        return self._transport.send(Call("POST", "/groups", body={"name": name})).read(Group.parse)

    def update_group(self, group_id: str, *, name: str) -> Group:
        """Rename a group in place (modify_group)."""
        return self._transport.send(Call("PATCH", path_to("groups", group_id), body={"name": name})).read(Group.parse)

    def delete_group(self, group_id: str) -> None:
        """Delete a group (delete_group)."""
        self._transport.send(Call("DELETE", path_to("groups", group_id)))

    def group_service_account(self, group_id: str) -> str:
        """Return the e-mail address of the service account with which Fivetran writes (group_service_account)."""
        answer = self._transport.send(Call("GET", path_to("groups", group_id, "service-account")))
        return answer.read(lambda data: identity(data, "service_account"))

    def group_public_key(self, group_id: str) -> str:
        """Return the public key with which Fivetran opens SSH tunnels for a group (group_public_key)."""
        answer = self._transport.send(Call("GET", path_to("groups", group_id, "public-key")))
        return answer.read(lambda data: identity(data, "public_key"))


class MemberOperations(Operations):
    """Who has which role in a group: users and teams.

    Every method raises FivetranError; those with an id NotFound.
    Each kind of object needs a permission of its own. Without it the methods raise Forbidden.
    """

    def list_users(self) -> Iterator[User]:
        """Yield every user, with the role in the account (list_all_users), page by page."""
        return self._transport.pages(Call("GET", "/users"), User.parse)

    def list_group_users(self, group_id: str) -> Iterator[User]:
        """Yield the users of a group with their roles in it (list_all_users_in_group), page by page.

        Users who see the group by a role in the account may be among them, with that role.
        """
        return self._transport.pages(Call("GET", path_to("groups", group_id, "users")), User.parse)

    def add_group_user(self, group_id: str, *, email: str, role: str) -> None:
        """Give a user of the account a role in a group (add_user_to_group).

        Never repeated once Fivetran may have read it: list the users before trying again.
        """
        body = {"email": email, "role": role}
        self._transport.send(Call("POST", path_to("groups", group_id, "users"), body=body))

    def update_group_user(self, group_id: str, user_id: str, *, role: str) -> None:
        """Change a user's role in a group (update_user_membership_in_group)."""
        self._transport.send(Call("PATCH", path_to("users", user_id, "groups", group_id), body={"role": role}))

    def remove_group_user(self, group_id: str, user_id: str) -> None:
        """Take a user's role in a group away (delete_user_from_group)."""
        self._transport.send(Call("DELETE", path_to("groups", group_id, "users", user_id)))

    def list_teams(self) -> Iterator[Team]:
        """Yield every team (list_all_teams). Each page is requested while iterating."""
        return self._transport.pages(Call("GET", "/teams"), Team.parse)

    def list_team_users(self, team_id: str) -> Iterator[str]:
        """Yield the ids of a team's users (list_users_in_team). Each page is requested while iterating."""
        call = Call("GET", path_to("teams", team_id, "users"))
        return self._transport.pages(call, lambda data: identity(data, "user_id", "id"))

    def get_group_team(self, group_id: str, team_id: str) -> str:
        """Return a team's role in a group (get_team_membership_in_group). Raises NotFound if it has none."""
        answer = self._transport.send(Call("GET", path_to("teams", team_id, "groups", group_id)))
        return answer.read(lambda data: text(data.get("role")) or "")

    def add_group_team(self, group_id: str, team_id: str, *, role: str) -> None:
        """Give a team a role in a group (add_team_membership_in_group).

        Not repeated, as `add_group_user` is not.
        """
        body = {"id": group_id, "role": role}
        self._transport.send(Call("POST", path_to("teams", team_id, "groups"), body=body))

    def update_group_team(self, group_id: str, team_id: str, *, role: str) -> None:
        """Change a team's role in a group (update_team_membership_in_group)."""
        self._transport.send(Call("PATCH", path_to("teams", team_id, "groups", group_id), body={"role": role}))

    def remove_group_team(self, group_id: str, team_id: str) -> None:
        """Take a team's role in a group away (delete_team_membership_in_group)."""
        self._transport.send(Call("DELETE", path_to("teams", team_id, "groups", group_id)))

    def list_roles(self) -> Iterator[Role]:
        """Yield every role, standard and custom (list_all_roles). Each page is requested while iterating."""
        return self._transport.pages(Call("GET", "/roles"), Role.parse)

    def list_system_keys(self) -> Iterator[SystemKey]:
        """Yield the account's system keys (get_system_keys), which only a key of an account administrator may."""
        return self._transport.pages(Call("GET", "/system-keys"), SystemKey.parse)
