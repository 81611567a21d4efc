"""Changes of each kind that needs approval: what a preview has of them, and what their fingerprint has to tell apart.

The variants of a kind differ in one thing that a reviewer approves: the object, the new value or the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.review.previews import ENVIRONMENT, step, unit

VIEWER = "roles/bigquery.dataViewer"


@dataclass(frozen=True)
class Stop:
    """One change of a unit, or of the environment, with what the engine's preview lists of it."""

    kind: str
    """The kind of its one consequence of the class `stop`."""
    steps: tuple[Mapping[str, Any], ...] = ()
    file: Mapping[str, Any] | None = None
    """The unit's file; None if it is deleted."""
    recorded: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
    """What the preflight records of the unit, before and after."""
    rules: tuple[Mapping[str, Any], Mapping[str, Any]] = field(default_factory=lambda: ({}, {}))
    variables: tuple[str, ...] = ()
    """The Airflow variables of the last run."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What `environment.yaml` has for them."""
    group: str = "Group_Dev"
    slot: str = ""
    """Changes with the same slot cannot be in one preview; empty for those that can be beside every other."""


def entry(member: str = "ann@example.com", role: str = "READER", until: str = "", title: str = "") -> dict[str, Any]:
    """Return an entry of an access list, until a day if one is named."""
    found: dict[str, Any] = {"role": role, "userByEmail": member}
    if until:
        day = f"2027-01-{int(until) + 1:02}"
        expression = f'request.time < timestamp("{day}T00:00:00Z")'
        found["condition"] = {"title": f"until 2027-01-{int(until):02}", "expression": expression}
    if title:
        found["condition"] = {"title": "c", "expression": title}
    return found


def _list(dataset: str, *entries: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    listed = {str(number): dict(each) for number, each in enumerate(entries)}
    return {"dataset": dataset, "path": "dataset", "project": "dev-project", "entries": listed, **more}


def _access(name: str) -> Iterator[Stop]:
    def changed(kind: str, old: Any, new: Any, **more: Any) -> Stop:
        return Stop(kind, (step("update", "DatasetAccess", name, old, new),), unit(name, **more))

    held = entry("held@example.com")
    for new in (
        entry(),
        entry("bob@example.com"),
        entry(role="WRITER"),
        entry(until="10"),
        entry(until="20"),
        entry(title="1"),
        entry(title="2"),
        {"role": "READER", "groupByEmail": "ann@example.com"},
        {"role": "READER", "iamMember": "workforce:ann@example.com"},
    ):
        yield changed("access_granted", _list(name, held), _list(name, held, new))
    yield changed("access_granted", _list(name, held), _list(name, held, writer="g@fivetran.example.com"))
    for new in (entry(), entry(until="15"), entry(until="16"), entry(title="1")):
        yield changed("access_changed", _list(name, entry(until="10")), _list(name, new))
    for gone in (entry(), entry(role="WRITER"), entry("bob@example.com")):
        yield changed("access_revoked", _list(name, held, gone), _list(name, held), dataset={"sensitive": True})
    for sensitive in (True, False):
        for operation in ("create", "import"):
            for listed in (_list(name, entry()), _list(name, held), _list(name, entry(), writer="g@x.example.com")):
                yield Stop(
                    "dataset_shared",
                    (
                        step(operation, "Dataset", name, None, {"datasetId": name, "location": "US"}),
                        step("create", "DatasetAccess", name, None, listed),
                    ),
                    unit(name, dataset={"sensitive": sensitive}),
                )
    key = {"secret": "a", "version": 1, "project": "dev-project"}
    for more, sync in (
        ({"config": {"host": "a", "password": key}}, {}),
        ({"config": {"host": "b", "password": key}}, {}),
        ({"config": {"host": "a", "password": {**key, "secret": "b"}}}, {}),
        ({"config": {"host": "a", "password": key}, "service": "postgres"}, {}),
        ({"config": {"host": "a", "password": key}}, {"new": "allow_all"}),
    ):
        filled = (
            step("create", "Connection", name, None, _connection(name, **more)),
            step("create", "Activation", name, None, {"name": name, "sync": sync}),
        )
        new = step("create", "DatasetAccess", name, None, _list(name, entry()))
        yield Stop("dataset_shared", (new, *filled), unit(name))
        writer = step("update", "DatasetAccess", name, _list(name), _list(name, writer="g@x.example.com"))
        yield Stop("access_granted", (writer, *filled), unit(name))
    for dataset in (f"{name}_a", f"{name}_b"):
        datasets = {f"{name}_a": "US", f"{name}_b": "US"}
        before = {"file": f"dev/{name}.yaml", "datasets": datasets, "sensitive": [dataset]}
        yield Stop("sensitive_removed", (), unit(name), (before, {**before, "sensitive": []}))


def _connection(name: str, schema: str = "", **more: Any) -> dict[str, Any]:
    return {"service": "stripe", "destination": {"schema": schema or name}, "unit": name, **more}


def _connections(name: str) -> Iterator[Stop]:
    def changed(kind: str, old: Any, new: Any, **more: Any) -> Stop:
        steps = (step("update", "Connection", name, _connection(name, **old), _connection(name, **new)),)
        return Stop(kind, steps, unit(name), **more)

    for kept in (False, True):
        yield Stop("connection_deleted", (step("delete", "Connection", name, _connection(name), retainOnDelete=kept),))
    for schema in (name, f"{name}_v2"):
        for permanent in ({}, {"database": "a"}, {"database": "b"}):
            for group in ("Group_Dev", "Group_New"):
                declared = {"file": f"dev/{name}.yaml", "connection": schema, "permanent": permanent}
                yield Stop(
                    "connection_replaced",
                    (step("replace", "Connection", name, _connection(name), _connection(name, schema)),),
                    unit(schema),
                    ({"file": f"dev/{name}.yaml", "connection": name}, declared),
                    group=group,
                )
    key = {"secret": "a", "version": 1, "project": "dev-project"}
    for other in (
        {**key, "secret": "b"},
        {**key, "secret": "c"},
        {**key, "secret": "b", "version": 2},
        {**key, "secret": "b", "project": "other"},
        {"env": "b", "version": 1},
    ):
        yield changed("secret_changed", {"config": {"api_key": key}}, {"config": {"api_key": other}})
    yield changed("secret_changed", {"config": {"api_key": key}}, {"config": {"api_key": key, "more": key}})
    for new in (
        {"config": {"host": "b"}},
        {"config": {"host": "c"}},
        {"config": {"host": "a", "port": 1}},
        {"config": {"host": "a"}, "auth": {"realm": "b"}},
        {"config": {"host": "a"}, "settings": {"networking_method": "ProxyAgent"}},
        {"config": {"host": "a"}, "settings": {"networking_method": "Directly"}},
    ):
        yield changed("source_changed", {"config": {"host": "a"}}, new)
    trusted: tuple[Mapping[str, Any], ...] = (
        {"certificates": "any"},
        {"fingerprints": "any"},
        {"certificates": {"a=": {}}},
        {"certificates": {"b=": {}}},
        {"fingerprints": {"a=": {}}},
    )
    for trust in trusted:
        yield changed("trust_changed", {}, {"trust": trust})
    yield Stop(
        "tables_undeclared",
        (),
        unit(name),
        ({"file": "x", "connection": name, "tables": True}, {"file": "x", "connection": name}),
    )
    declared = {"config": {"host": "a"}}
    for adopted, sent in (("one", declared), ("two", declared), ("one", {"config": {"host": "b"}})):
        adopt = {"connection": adopted, "apply_changes": True}
        steps = (step("create", "Connection", name, None, _connection(name, **sent)),)
        of_unit = unit(name, connector={"adopt": adopt})
        yield Stop("adopted_connection_changed", steps, of_unit, slot=f"adopted {adopted}")
    for sha in ("a", "b"):
        yield Stop("code_uploaded", (step("update", "Package", name, {"sha256": "0"}, {"sha256": sha}),), unit(name))


def _tables(name: str) -> Iterator[Stop]:
    def changed(old: Any, new: Any) -> Stop:
        both = ({"name": name, "sync": {"new": "block_all", **each}} for each in (old, new))
        return Stop("tables_widened", (step("update", "Activation", name, *both),), unit(name))

    def column(word: str, schema: str = "s", table: str = "t", column: str = "c") -> dict[str, Any]:
        return {"schemas": {schema: {"tables": {table: {"columns": {column: word}}}}}}

    excluded = column("excluded")
    yield changed(excluded, column("included"))
    yield changed(excluded, column("hashed"))
    for other in ({"schema": "o"}, {"table": "o"}, {"column": "o"}):
        yield changed(column("excluded", **other), column("included", **other))
    yield changed({"schemas": {"s": {"tables": {"t": "excluded"}}}}, {"schemas": {"s": {"tables": {"t": "included"}}}})
    for table, was, now in (("t", "history", "live"), ("o", "history", "live"), ("t", "history", "soft_delete")):
        modes = ({"name": name, "sync": {"schemas": {"s": {"tables": {table: {"mode": each}}}}}} for each in (was, now))
        yield Stop("table_mode_changed", (step("update", "Activation", name, *modes),), unit(name))
    yield changed({"schemas": {"s": "excluded"}}, {"schemas": {"s": "included"}})
    yield changed({}, {"new": "allow_all"})
    yield changed({}, {"new": "allow_columns"})
    yield changed(excluded, {})
    for new in ("allow_columns", "allow_all"):
        yield changed({"new": new}, {"new": new, "others": "reset"})


def _data(name: str) -> Iterator[Stop]:
    dataset = {"datasetId": name, "location": "US"}
    for content in (True, False):
        old = {**dataset, "deleteContentsOnDestroy": content}
        yield Stop("dataset_deleted", (step("delete", "Dataset", name, old),))
        for location in ("EU", "asia"):
            new = {**dataset, "location": location}
            yield Stop("dataset_replaced", (step("replace", "Dataset", name, old, new),), unit(name))
    for milliseconds in (3_600_000, 7_200_000):
        shorter = {**dataset, "defaultTableExpirationMs": milliseconds}
        yield Stop("table_expiration", (step("update", "Dataset", name, dataset, shorter),), unit(name))
    file = f"dev/{name}.yaml"

    def recorded(connection: str = "", **datasets: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"file": file, "datasets": dict.fromkeys(datasets, "US")}
        found |= {"connection": name, "ending": {"removed_on": connection}} if connection else {}
        return {**found, "dataset_endings": dict(datasets)}

    one, two = f"{name}_a", f"{name}_b"
    day, later = {"removed_on": "2027-02-01"}, {"removed_on": "2027-03-01"}
    for new in (day, {"removed_on": "2027-02-02"}):
        yield Stop("removal_moved", (), unit(name), (recorded("", **{one: later}), recorded("", **{one: new})))
    yield Stop("removal_moved", (), unit(name), (recorded("", **{two: later}), recorded("", **{two: day})))
    yield Stop(
        "removal_moved",
        (),
        unit(name),
        (recorded("", **{one: later, two: later}), recorded("", **{one: day, two: day})),
    )
    yield Stop(
        "removal_moved", (), unit(name), (recorded("2027-03-01", **{one: later}), recorded("2027-02-01", **{one: day}))
    )
    for data in ("keep", "delete"):
        end = {"retired": True, "kept": data == "keep"}
        yield Stop(
            "retired",
            (),
            unit(name, retire={"ticket": "T-1", "data": data}),
            (recorded("", **{one: {}}), recorded("", **{one: end})),
        )
    for each in (one, two):
        before, after = (recorded("", **{each: {"retired": True, "kept": kept}}) for kept in (True, False))
        yield Stop("retirement_changed", (), unit(name, retire={"ticket": "T-1"}), (before, after))
    for variable in (f"{name}_a", f"{name}_b"):
        yield Stop("variable_removed", (), unit(name), variables=(variable,))
    for task in (f"{name}_c", f"{name}_d"):
        scheduled = unit(name, connector={"schedule": {"by": "airflow", "task_id": task}})
        yield Stop("variable_moved", (), scheduled, variables=(task,))


def _environment(name: str) -> Iterator[Stop]:
    for new in (
        {"role": "r", "member": "user:a@example.com"},
        {"role": "s", "member": "user:a@example.com"},
        {"role": "r", "member": "user:b@example.com"},
        {"role": "r", "member": "user:a@example.com", "condition": {"title": "t", "expression": "1"}},
        {"role": "r", "member": "user:a@example.com", "condition": {"title": "t", "expression": "2"}},
    ):
        yield Stop("project_role_granted", (step("create", "IAMMember", name, None, new),), unit(name), slot="IAM")
    functions = (
        ("ServiceIamMember", {"name": "f", "location": "a"}),
        ("ServiceIamMember", {"name": "g", "location": "a"}),
        ("ServiceIamMember", {"name": "f", "location": "b"}),
        ("ServiceIamMember", {"name": "f", "location": "a", "project": "other"}),
        ("FunctionIamMember", {"cloudFunction": "f", "region": "a"}),
    )
    for kind, new in functions:
        yield Stop("function_granted", (step("create", kind, name, None, new),), unit(name), slot=kind)
    place = {"gcp_project": "p", "location": "US", "region": "a"}
    for changed in ({"region": "b"}, {"location": "EU"}, {"gcp_project": "q"}):
        steps = (step("replace", "Destination", "dev", place, {**place, **changed}),)
        yield Stop("destination_replaced", steps, unit(name), slot="destination")
    yield Stop("destination_deleted", (step("delete", "Destination", "dev", place),), unit(name), slot="destination")
    for changed in ({"bucket": "a"}, {"bucket": "b"}, {"networking_method": "a"}, {"private_link_id": "a"}):
        steps = (step("update", "Destination", "dev", place, {**place, "settings": changed}),)
        yield Stop("destination_changed", steps, unit(name), slot="destination")
    yield from _rules(name)
    for who in ("a", "b"):
        yield Stop("undescribed", (step("update", "Unheard", name, {}, {"who": who}),), unit(name), slot="unheard")


def _rules(name: str) -> Iterator[Stop]:
    policies: tuple[tuple[str, Any, Any], ...] = (
        ("policy.removal", "retire", "file"),
        ("policy.public_access", "forbidden", "allowed"),
        ("policy.expiry.longest", 9, 19),
        ("policy.expiry.longest", 9, 29),
        ("policy.expiry.longest", 9, None),
        ("policy.people.need", ["ticket", "until"], ["until"]),
        ("policy.people.need", ["ticket", "until"], ["ticket"]),
        ("secrets_project", None, "a"),
        ("secrets_project", None, "b"),
        ("workgroups", None, "a{workgroup}"),
        ("workgroups", None, "b{workgroup}"),
    )
    for path, old, new in policies:
        yield Stop("rule_loosened", (), unit(name), rules=({path: old}, {path: new}), slot="rules")
    for key, member in (("automation", "a"), ("automation", "b"), ("default_access", "a")):
        grant = {"role": VIEWER, "members": [f"user:{member}@example.com"]}
        rules: tuple[dict[str, Any], dict[str, Any]] = ({}, {key: [f"{VIEWER} user:{member}@example.com"]})
        yield Stop("rule_loosened", (), unit(name), rules=rules, settings={key: [grant]}, slot="rules")


def _fivetran(name: str) -> Iterator[Stop]:
    common = {"group": "Group_Dev", "undeclared_access": "reported"}
    ann, view, edit = "user:ann@example.com", "View Destination", "Edit Destination"

    def changed(kind: str, operation: str, old: Any, new: Any) -> Stop:
        states = (None if each is None else {**common, **each} for each in (old, new))
        return Stop(kind, (step(operation, "GroupAccess", "dev", *states),), unit(name), slot="fivetran")

    held = {"members": {"user:held@example.com": view}}
    for member, role in ((ann, view), (ann, edit), ("team:a", view)):
        granted: dict[str, Any] = {"members": {**held["members"], member: role}}
        yield changed("fivetran_access_granted", "update", held, granted)
    for day in ("2027-01-10", "2027-01-11"):
        granted = {"members": {**held["members"], ann: view}, "until": {ann: day}}
        yield changed("fivetran_access_granted", "update", held, granted)
    before = {"members": {ann: view}, "until": {ann: "2027-01-01"}}
    yield changed("fivetran_access_changed", "update", before, {"members": {ann: view}})
    yield changed("fivetran_access_changed", "update", before, {"members": {ann: view}, "until": {ann: "2027-01-02"}})
    yield changed("fivetran_access_changed", "update", before, {"members": {ann: edit}, "until": {ann: "2027-01-01"}})
    for gone in (ann, "team:a"):
        yield changed("fivetran_access_revoked", "update", {"members": {**held["members"], gone: view}}, held)
    for new in (
        {"members": {ann: view}},
        {"members": {ann: edit}},
        {"members": {ann: view}, "until": {ann: "2027-01-01"}},
        {"members": {ann: view}, "undeclared_access": "revoked"},
    ):
        yield changed("fivetran_access_declared", "create", None, new)
    yield changed("fivetran_access_complete", "update", held, {**held, "undeclared_access": "revoked"})


def stops(name: str) -> list[Stop]:
    """Return every change of a unit of this name, and of its environment."""
    return [each for find in (_access, _connections, _tables, _data, _environment, _fivetran) for each in find(name)]


def environment(group: str) -> dict[str, Any]:
    """Return `environment.yaml` with this group."""
    return {**ENVIRONMENT, "fivetran": {**ENVIRONMENT["fivetran"], "group": group}}
