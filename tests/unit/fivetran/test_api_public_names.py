import ast
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.fivetran import api
from reconciler.fivetran.api import errors

ROOM = Path(api.__file__).parent


def test_public_names_are_these() -> None:
    assert api.__all__ == [
        "AccountInfo", "Alert", "ApiError", "Approval", "ApprovalKind", "Clock", "ColumnConfig", "Conflict",
        "Connection", "ConnectorType", "Credentials", "Destination", "FivetranClient", "FivetranError", "Forbidden",
        "Group", "InvalidSettings", "Limits", "Lock", "MissingCredentials", "NotFound", "Package", "RateLimited",
        "Rejected", "Retry", "Role", "SchemaConfig", "ServerError", "SetupTest", "StandardConfig", "SystemKey",
        "TableConfig", "Team", "Timeouts", "TransportError", "Unauthorized", "UnexpectedAnswer", "User",
    ]  # fmt: skip
    assert all(hasattr(api, name) for name in api.__all__)


def test_process_without_requests_does_not_import_the_client() -> None:
    script = "import sys, reconciler.stack.program; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_operation_of_the_api_is_a_method_of_its_name() -> None:
    methods = {name for name in dir(api.FivetranClient) if not name.startswith("_")}
    assert methods == {
        "account_info", "list_users", "list_group_users", "add_group_user", "update_group_user", "remove_group_user",
        "list_teams", "list_team_users", "get_group_team", "add_group_team", "update_group_team", "remove_group_team",
        "list_roles", "list_system_keys", "get_user",
        "list_groups", "get_group", "create_group", "update_group", "delete_group",
        "group_service_account", "group_public_key", "get_destination", "create_destination", "update_destination",
        "delete_destination", "test_destination", "list_connections", "get_connection", "create_connection",
        "update_connection", "delete_connection", "test_connection", "sync_connection", "connect_card",
        "get_schema_config", "create_schema_config", "update_schema_config", "reload_schema_config",
        "list_packages", "get_package", "create_package", "update_package", "delete_package",
        "download_package",
        "list_approvals", "approve", "revoke",
        "get_source_columns", "list_connector_types", "get_connector_type", "from_environment", "close", "now",
            "leave_to_others",
    }  # fmt: skip


@pytest.mark.parametrize("file", sorted(ROOM.glob("*.py")), ids=lambda file: file.name)
def test_api_package_imports_only_the_http_limits_of_the_project(file: Path) -> None:
    tree = ast.parse(file.read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ours = {name for name in imported if name.split(".")[0] == "reconciler"}
    assert {".".join(name.split(".")[:3]) for name in ours} <= {"reconciler.fivetran.api", "reconciler.http.answers"}


def test_tree_drawn_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        head = line.lstrip("│├└─ ")
        name = head.split(" ")[0]
        if name and hasattr(errors, name) and (line[0] in "│├└ " or line == name):
            drawn.append((len(line) - len(head), name))
    parents: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for depth, name in drawn:
        stack = [entry for entry in stack if entry[0] < depth]
        if stack:
            parents[name] = stack[-1][1]
        stack.append((depth, name))
    declared = {
        name: kind.__mro__[1].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.FivetranError) and kind is not errors.FivetranError
    }
    assert parents == declared
