"""Who has roles on a project and what it is in, from the local Google Cloud over REST."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from reconciler.google.iam.policies import IAM, RESOURCE_MANAGER, Binding, Iam, PolicyHolder
from reconciler.model.errors import RemoteError
from simulator.process import Simulators

Admin = Callable[..., Any]
READER = Binding("roles/bigquery.dataViewer", ("user:a@example.com",))


@pytest.fixture
def admin(simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[Admin]:
    """Change what exists; returns the answer."""
    for name in (RESOURCE_MANAGER, IAM):
        monkeypatch.setenv(name, simulators.environment[name])
    with httpx.Client(base_url=f"{simulators.admin_url}/gcp", timeout=30) as http:

        def ask(method: str, path: str, body: Any = None) -> Any:
            answer = http.request(method, path, json=body)
            assert answer.is_success, answer.text
            return answer.json()

        ask("POST", "/reset")
        yield ask
        ask("POST", "/reset")


def bind(*bindings: Binding) -> list[dict[str, Any]]:
    return [
        {"role": each.role, "members": list(each.members)}
        | ({"condition": {"title": each.condition, "expression": "true"}} if each.condition else {})
        for each in bindings
    ]


@pytest.fixture
def _hierarchy(admin: Admin) -> None:
    """A project in a folder in a folder in an organisation."""
    admin("PUT", "/hierarchy/organizations/1", {"display_name": "example.com", "bindings": bind(READER)})
    admin("PUT", "/hierarchy/folders/2", {"parent": "organizations/1", "display_name": "Data"})
    admin("PUT", "/hierarchy/folders/3", {"parent": "folders/2"})
    admin("PUT", "/hierarchy/projects/p", {"parent": "folders/3"})


@pytest.mark.usefixtures("_hierarchy")
def test_holders_lists_all_parents_with_roles_and_conditions(admin: Admin):
    conditional = Binding("roles/bigquery.dataViewer", ("group:b@example.com",), "for now")
    admin("PUT", "/hierarchy/projects/p", {"bindings": bind(READER, conditional)})
    with Iam("p") as iam:
        found = iam.holders()
    assert [str(holder) for holder in found] == [
        "project p",
        "folder 3",
        "folder 2 (Data)",
        "organisation 1 (example.com)",
    ]
    assert set(found[0].bindings or ()) == {READER, conditional}
    assert [holder.bindings for holder in found[1:]] == [(), (), (READER,)]


@pytest.mark.usefixtures("_hierarchy")
def test_holders_names_hidden_policies_and_returns_the_rest(admin: Admin):
    admin("PUT", "/hierarchy/folders/3", {"denied": ["getIamPolicy"]})
    admin("PUT", "/hierarchy/folders/2", {"denied": ["get"], "bindings": bind(READER)})
    with Iam("p") as iam:
        project, lower, upper, above = iam.holders()
    assert project.bindings == ()
    assert (lower.bindings, lower.denied) == (None, "Google answered 403")
    assert lower.unmasked_denial == "The caller does not have permission"
    assert upper.bindings == (READER,)
    assert above.bindings is None
    assert above.denied == "cannot read the parent of folders/2: Google answered 403"
    assert above.unmasked_denial.startswith("Permission 'resourcemanager.folders.get' denied")
    admin("PUT", "/hierarchy/organizations/1", {"denied": ["get", "getIamPolicy"]})
    admin("PUT", "/hierarchy/folders/2", {"denied": []})
    with Iam("p") as iam:
        assert [holder.bindings is None for holder in iam.holders()] == [False, True, False, True]


@pytest.mark.usefixtures("_hierarchy")
def test_googles_message_about_a_hidden_project_is_reported_once(admin: Admin):
    admin("PUT", "/hierarchy/projects/p", {"denied": ["get", "getIamPolicy"]})
    with Iam("p") as iam:
        project, above = iam.holders()
    assert project.unmasked_denial.startswith("Permission 'resourcemanager.projects.get' denied")
    assert (above.denied, above.unmasked_denial) == ("cannot read the parent of projects/p: Google answered 403", "")


def test_permissions_of_a_role_are_read_once(admin: Admin):
    ours, hidden = "projects/p/roles/ours", "organizations/1/roles/hidden"
    admin("PUT", "/roles", {"name": ours, "permissions": ["bigquery.tables.getData"]})
    admin("PUT", "/roles", {"name": hidden, "denied": True})
    with Iam("p") as iam:
        admin("DELETE", "/calls")
        for _ in range(2):
            assert iam.permissions(ours) == frozenset({"bigquery.tables.getData"})
            assert iam.permissions(hidden) is None
            assert iam.permissions("roles/no.such") is None
            assert "bigquery.tables.getData" not in (iam.permissions("roles/bigquery.jobUser") or ())
    assert [call["count"] for call in admin("GET", "/calls")] == [4]


def test_passing_fault_is_not_seen_and_a_lasting_one_is_one_line(admin: Admin, monkeypatch: pytest.MonkeyPatch):
    fault = {"method": "POST", "type": "resourcemanager:projects"}
    admin("POST", "/faults", {**fault, "code": "UNAVAILABLE", "error": "try again"})
    with Iam("p") as iam:
        assert iam.holders() == (PolicyHolder("projects/p", "p", ()),)
    admin("POST", "/faults", {**fault, "code": "UNAUTHENTICATED", "error": "Invalid\ncredentials", "times": 0})
    with Iam("p") as iam, pytest.raises(RemoteError) as caught:
        iam.holders()
    step = "Log in with `gcloud auth application-default login`"
    assert str(caught.value) == f"IAM, project p: the policy cannot be read: Google answered 401. {step}"
    assert caught.value.unmasked_message == "Invalid\ncredentials"
    monkeypatch.setenv(RESOURCE_MANAGER, "http://example.com/v3/")
    with pytest.raises(RemoteError, match="credentials are sent there"):
        Iam("p")
