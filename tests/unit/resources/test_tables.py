"""A connection's tables, brought to what the file says and read back, against a local Fivetran."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reconciler.fivetran.api import ApiError, Conflict, FivetranError, NotFound, Rejected
from reconciler.resources.activation.tables import Configured, differences, read
from reconciler.resources.activation.tables import configure as configure_tables
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run

from .account import FastClock, Fivetran

SOURCE: dict[str, Any] = {
    "schemas": {
        "public": {
            "users": ["id key", "email", "phone", "createdAt"],
            "orders": ["id key", "total"],
            "blobs": {"columns": ["id key", "data"], "supports_columns": False},
            "heartbeat": {"columns": ["id key"], "locked": "SYSTEM_TABLE"},
        },
        "audit": {"log": ["id key", "actor"]},
    }
}
CONFIG = {"schema_prefix": "shop", "host": "h", "database": "d", "user": "u", "password": "canary"}
SYNC: dict[str, Any] = {
    "new": "allow_columns",
    "others": "keep",
    "schemas": {
        "public": {"tables": {"users": {"mode": "history", "columns": {"email": "hashed", "phone": "excluded"}}}},
        "audit": "excluded",
    },
}
HASHED = {"id": "plain", "email": "hashed", "createdAt": "plain"}


def sync(new: str = "allow_all", others: str = "keep", **schemas: Any) -> dict[str, Any]:
    return {"new": new, "others": others, **({"schemas": schemas} if schemas else {})}


def configure(
    connection_id: str,
    declared: dict[str, Any],
    *,
    datasets: Collection[str] | None = None,
    fresh: bool = False,
    reason: Callable[[ApiError], str] = lambda _: "",
) -> Configured:
    return configure_tables(connection_id, declared, datasets=datasets, fresh=fresh, runs=False, reason=reason)


def users(**columns: str) -> dict[str, Any]:
    return {"tables": {"users": {"columns": columns}}}


@pytest.fixture
def shop(fivetran: Fivetran, new_run: Callable[..., None]) -> str:
    """The id of a paused, connected database, whose source Fivetran has not read yet."""
    fivetran.set_source("shop", SOURCE)
    return make(fivetran, "shop")


def make(fivetran: Fivetran, name: str, **fields: Any) -> str:
    config = {**CONFIG, "schema_prefix": name}
    made = fivetran.make(group_id=fivetran.group, service="postgres", config=config, paused=True, **fields)
    return str(made["id"])


def asked(fivetran: Fivetran) -> list[str]:
    """The requests about schemas since the last call, by what follows `/schemas` in their route."""
    requests = [request for request in fivetran.requests() if "/schemas" in request["route"]]
    fivetran.forget_requests()
    return [f"{request['method']} {request['route'].partition('/schemas')[2]}".strip() for request in requests]


def written(fivetran: Fivetran, name: str = "shop") -> Any:
    """What the first sync writes once the connection is let go."""
    fivetran.edit(name, paused=False)
    return fivetran.the(name)["first_sync"]["written"]


COLUMNS = "GET /{schema}/tables/{table}/columns"


def test_tables_of_a_new_source_are_read_changed_and_read_back(fivetran: Fivetran, shop: str):
    assert configure(shop, SYNC).warnings == ()
    assert asked(fivetran) == ["GET", "POST /reload", COLUMNS, "PATCH", "GET"]
    assert written(fivetran) == {
        "public": {
            "users": HASHED,
            "orders": {"id": "plain", "total": "plain"},
            "blobs": {"id": "plain", "data": "plain"},
            "heartbeat": {"id": "plain"},
        }
    }


def test_matching_tables_need_one_read_and_no_change(fivetran: Fivetran, shop: str):
    configure(shop, SYNC)
    asked(fivetran)
    assert configure(shop, SYNC).warnings == ()
    assert asked(fivetran) == ["GET"]


def test_connection_that_never_synced_has_its_source_looked_at_again(fivetran: Fivetran, shop: str):
    configure(shop, SYNC)
    fivetran.change_source("shop", {"schemas": {"secrets": {"keys": ["id key"]}}})
    asked(fivetran)
    configure(shop, SYNC, fresh=True)
    assert asked(fivetran) == ["POST /reload"]
    assert "secrets" not in written(fivetran)


def test_many_tables_need_one_change(fivetran: Fivetran, shop: str):
    tables = {f"table_{number}": ["id key", "email"] for number in range(180)}
    fivetran.set_source("shop", {"schemas": {"public": tables}})
    configure(shop, sync(public="included"))
    asked(fivetran)
    declared = sync(public={"tables": dict.fromkeys(list(tables)[1:], "excluded")})
    configure(shop, declared)
    assert asked(fivetran) == ["GET", "PATCH", "GET"]
    assert list(written(fivetran)["public"]) == ["table_0"]


def test_run_after_one_that_was_killed_anywhere_completes_its_work(
    fivetran: Fivetran, new_run: Callable[..., None], clock: FastClock
):
    fivetran.set_source("postgres", SOURCE)
    for nth in range(1, 6):
        for kind in ("drop_request", "drop_reply"):
            name = f"db_{nth}_{kind}"
            connection = make(fivetran, name)
            new_run()
            fivetran.fault(kind=kind, path=f"{connection}/schemas", nth=nth, count=None)
            with pytest.raises(FivetranError):
                configure(connection, SYNC)
            fivetran.forget_faults()
            new_run()
            configure(connection, SYNC)
            tables = written(fivetran, name)
            assert (tables["public"]["users"], "audit" in tables) == (HASHED, False), name


@pytest.mark.parametrize("nth", range(1, 6))
def test_lost_answer_changes_nothing(fivetran: Fivetran, shop: str, nth: int):
    fivetran.fault(kind="drop_reply", path="/schemas", nth=nth)
    assert configure(shop, SYNC).warnings == ()
    assert written(fivetran)["public"]["users"] == HASHED


@pytest.mark.parametrize("path", ["/schemas$", "/reload$"])
def test_change_under_which_others_changed_something_is_sent_again_for_a_while(
    fivetran: Fivetran, shop: str, path: str, clock: FastClock
):
    conflict = {"kind": "status", "status": 409, "body": {"code": "Conflict", "message": "changed meanwhile"}}
    method = "PATCH" if path == "/schemas$" else "POST"
    fivetran.fault(method=method, path=path, count=3, **conflict)
    configure(shop, SYNC)
    assert written(fivetran)["public"]["users"] == HASHED
    assert len(clock.slept) == 3
    fivetran.fault(method=method, path=path, count=None, **conflict)
    fivetran.forget_requests()
    with pytest.raises(Conflict):
        configure(shop, sync(audit="included"), fresh=method == "POST")
    assert asked(fivetran).count("PATCH" if method == "PATCH" else "POST /reload") == 6


def test_edits_of_one_connection_wait_for_each_other(fivetran: Fivetran, shop: str):
    configure(shop, sync())
    fivetran.options(schema_change_seconds=0.1)
    fivetran.forget_requests()
    tables = ["users", "orders", "blobs"]
    with ThreadPoolExecutor(3) as pool:
        edits = [pool.submit(configure, shop, sync(public={"tables": {name: "excluded"}})) for name in tables]
        assert [edit.result(30).warnings for edit in edits] == [()] * 3
    assert {request["status"] for request in fivetran.requests()} == {200}
    assert list(written(fivetran)["public"]) == ["heartbeat"]


def test_table_that_the_source_got_since_is_found_by_another_look(fivetran: Fivetran, shop: str):
    configure(shop, SYNC)
    fivetran.change_source("shop", {"schemas": {"public": {"coupons": ["id key", "code"]}}})
    asked(fivetran)
    assert configure(shop, sync("allow_columns", public={"tables": {"coupons": "included"}})).warnings == ()
    assert asked(fivetran) == ["GET", "POST /reload", "PATCH", "GET"]
    assert "coupons" in written(fivetran)["public"]


def test_tables_that_cannot_be_excluded_are_reported_at_once_with_hints(fivetran: Fivetran, shop: str):
    declared = sync(
        public={
            "tables": {
                "users": {"columns": {"emial": "hashed", "phone": "excluded", "id": "excluded"}},
                "user": "excluded",
                "blobs": {"columns": {"data": "hashed"}},
                "heartbeat": "excluded",
                "nowhere": "included",
            }
        }
    )
    with pytest.raises(OperationError) as rejected:
        configure(shop, declared)
    path = "sync.schemas.public.tables"
    capitals = "Names are case-sensitive"
    assert str(rejected.value) == (
        "Fivetran does not hash or exclude what `sync` declares:\n"
        f"    {path}.users.columns.emial: the source has no such column; did you mean email? {capitals}\n"
        f"    {path}.users.columns.id: Fivetran does not allow `excluded` here "
        f"(OTHER: A primary key cannot be excluded)\n"
        f"    {path}.user: the source has no such table; did you mean users? {capitals}\n"
        f"    {path}.blobs.columns.data: this table does not support a choice of columns\n"
        "    Correct `sync`, then run again. Until then the run does not start the connection."
    )
    assert written(fivetran)["public"]["users"] == {"id": "plain", "email": "plain", "createdAt": "plain"}


def test_harmless_difference_is_only_a_warning(fivetran: Fivetran, shop: str):
    tables = {"heartbeat": "excluded", "nowhere": "included", "users": {"mode": "live"}}
    fivetran.change_source("shop", {"schemas": {"public": {"users": {"sync_modes": ["SOFT_DELETE"]}}}})
    path = "sync.schemas.public.tables"
    assert configure(shop, sync(public={"tables": tables})).warnings == (
        f"{path}.heartbeat: Fivetran does not allow `excluded` here (SYSTEM_TABLE); the run changes nothing",
        f"{path}.nowhere: the source has no such table; it has blobs, heartbeat, orders, users; the run changes "
        "nothing",
        f"{path}.users.mode: this connection does not support `mode`; the run changes nothing",
    )


@pytest.mark.parametrize("unknown", ["not_found", "store", "ignore"])
@pytest.mark.parametrize("locked", ["refuse", "ignore"])
@pytest.mark.parametrize("answer", ["applied", "whole"])
def test_impossible_settings_are_handled_alike_for_any_answer(
    fivetran: Fivetran, shop: str, unknown: str, locked: str, answer: str
):
    fivetran.options(unknown_schema_item=unknown, locked_schema_item=locked, schema_change_answer=answer)
    configure(shop, SYNC)
    with pytest.raises(OperationError, match="did you mean email"):
        configure(shop, sync(public=users(Email="excluded")))
    assert configure(shop, sync("block_all", "reset", public=users(id="included", email="hashed"))).warnings == ()
    assert written(fivetran) == {"public": {"users": {"id": "plain", "email": "hashed"}, "heartbeat": {"id": "plain"}}}


def test_ignored_change_is_an_error_when_it_protects_data(fivetran: Fivetran, shop: str):
    configure(shop, sync())
    fivetran.fault(method="PATCH", path="/schemas$", count=None, kind="status", status=200, body={"code": "Success"})
    path = "sync.schemas.public.tables.users"
    with pytest.raises(OperationError) as rejected:
        configure(shop, SYNC)
    assert str(rejected.value).splitlines()[1:-1] == [
        "    sync.new: the file says 'allow_columns', Fivetran has 'allow_all'",
        f"    {path}.columns.email: the file says 'hashed', Fivetran has 'included'",
        f"    {path}.columns.phone: the file says 'excluded', Fivetran has 'included'",
        "    sync.schemas.audit: the file says 'excluded', Fivetran has 'included'",
    ]
    asked(fivetran)
    configured = configure(shop, sync(public={"tables": {"users": {"mode": "history"}}}))
    assert asked(fivetran) == ["GET", "PATCH", "GET"]
    assert configured.warnings == (
        f"{path}.mode: the file says 'history', Fivetran has 'soft_delete'; Fivetran did not apply the change",
    )


def test_change_with_another_result_is_sent_once_more(fivetran: Fivetran, shop: str):
    configure(shop, sync())
    held = fivetran.fault(method="GET", path="/schemas$", nth=2, kind="hold")
    with ThreadPoolExecutor(1) as pool:
        edit = pool.submit(configure, shop, sync(public={"tables": {"users": "excluded", "orders": "excluded"}}))
        fivetran.wait_until_held(held)
        fivetran.select("shop", {"schemas": {"public": {"tables": {"orders": {"enabled": True}}}}})
        fivetran.release(held)
        assert edit.result(30).warnings == ()
    assert {"users", "orders"}.isdisjoint(written(fivetran)["public"])


def test_schema_with_an_undeclared_dataset_is_rejected_by_policy(fivetran: Fivetran, shop: str):
    with pytest.raises(OperationError) as rejected:
        configure(shop, sync("allow_columns", public="included"), datasets=["shop_public"])
    assert str(rejected.value).splitlines()[:2] == [
        "schemas are synced into datasets that no file declares:",
        "    audit → shop_audit",
    ]
    assert configure(shop, sync("allow_columns", public="included")).warnings == ()
    reset = sync("allow_columns", "reset", public=users(email="included"))
    assert configure(shop, reset, datasets=["shop_public"]).warnings == ()
    assert list(written(fivetran)) == ["public"]


def test_sync_is_sent_ahead_and_read_back_when_the_source_is_unreadable(fivetran: Fivetran, shop: str):
    fivetran.edit(shop, setup_state="incomplete")
    (warning,) = configure(shop, SYNC, fresh=True, reason=lambda error: error.unmasked_message).warnings
    assert warning.startswith("sync: Fivetran has not read the source yet (We expected the connector's setup state")
    assert asked(fivetran) == ["POST /reload", "GET", "POST", "GET"]
    assert configure(shop, SYNC).warnings == ()
    fivetran.edit(shop, setup_state="connected")
    assert configure(shop, SYNC, fresh=True).warnings == ()
    tables = written(fivetran)
    assert (tables["public"]["users"], "audit" in tables) == (HASHED, False)


@pytest.mark.parametrize("second", ["conflict", "invalid", "replace"])
@pytest.mark.parametrize("kind", ["drop_request", "drop_reply"])
def test_sending_ahead_survives_faults_and_a_killed_run(fivetran: Fivetran, shop: str, kind: str, second: str):
    fivetran.options(second_early_schema=second)
    fivetran.edit(shop, setup_state="incomplete")
    fault = fivetran.fault(method="POST", path="/schemas$", kind=kind, count=None)
    if kind == "drop_request":
        with pytest.raises(FivetranError):
            configure(shop, SYNC)
    else:
        assert len(configure(shop, SYNC).warnings) == 1
    assert fault
    fivetran.forget_faults()
    configure(shop, SYNC)
    assert differences(shop, SYNC) == ()


@pytest.mark.parametrize(
    ("declared", "datasets"),
    [(sync("block_all", "reset", public=users(id="included")), None), (sync(public="included"), ["shop_public"])],
)
def test_nothing_is_sent_ahead_when_all_tables_must_be_known(
    fivetran: Fivetran, shop: str, declared: dict[str, Any], datasets: list[str] | None
):
    fivetran.edit(shop, setup_state="incomplete")
    with pytest.raises(Rejected, match="400 InvalidInput"):
        configure(shop, declared, datasets=datasets)
    assert "POST" not in asked(fivetran)


def test_error_names_a_deleted_connection(fivetran: Fivetran, shop: str):
    fivetran.delete(shop)
    for fresh in (False, True):
        with pytest.raises(NotFound):
            configure(shop, SYNC, fresh=fresh)


@pytest.mark.parametrize("path", ["PATCH /schemas$", "GET /columns$"])
def test_table_deleted_while_read_does_not_mean_a_deleted_connection(fivetran: Fivetran, shop: str, path: str):
    method, _, where = path.partition(" ")
    gone = {"code": "NotFound", "message": "Table 'users' of schema 'public' not found"}
    fivetran.fault(method=method, path=where, kind="status", status=404, body=gone)
    with pytest.raises(OperationError, match=r"run again.*404 NotFound"):
        configure(shop, SYNC)


def test_differing_tables_of_an_existing_connection_are_named_by_path(fivetran: Fivetran, shop: str):
    assert [str(each)[:29] for each in differences(shop, SYNC)] == ["sync: the file says {new: all"]
    fivetran.select("shop", {"schemas": {"public": {"tables": {"users": {"columns": {"email": {"hashed": True}}}}}}})
    asked(fivetran)
    assert [str(each) for each in differences(shop, sync(audit="excluded", public=users(email="included")))] == [
        "sync.schemas.audit: the file says 'excluded', Fivetran has 'included'",
        "sync.schemas.public.tables.users.columns.email: the file says 'included', Fivetran has 'hashed'",
    ]
    assert asked(fivetran) == ["GET"]


def test_refresh_detects_a_selection_by_hand(fivetran: Fivetran, shop: str):
    configure(shop, SYNC)
    assert read(shop, SYNC).sync == SYNC
    fivetran.select("shop", {"schemas": {"public": {"tables": {"users": {"columns": {"email": {"hashed": False}}}}}}})
    fivetran.select("shop", {"schemas": {"public": {"tables": {"orders": {"enabled": False}}}}})
    assert read(shop, SYNC).sync == {
        **SYNC,
        "schemas": {
            "public": {"tables": {"users": {"mode": "history", "columns": {"email": "included", "phone": "excluded"}}}},
            "audit": "excluded",
        },
    }


def test_refresh_of_what_has_no_tables_yet_finds_nothing(fivetran: Fivetran, shop: str):
    assert read(shop, SYNC).sync == SYNC
    fivetran.delete(shop)
    assert read(shop, SYNC).sync == SYNC


def test_refresh_warns_of_exclusions_without_effect(fivetran: Fivetran, shop: str):
    fivetran.edit(shop, setup_state="incomplete")
    configure(shop, sync(public={"tables": {"user": "excluded"}}))
    fivetran.edit(shop, setup_state="connected")
    written(fivetran)
    seen = read(shop, sync(public={"tables": {"user": "excluded", "nowhere": "included", "heartbeat": "excluded"}}))
    (warning,) = seen.warnings
    assert "the source has no such table; did you mean users?" in warning


def test_refresh_asks_once_for_each_connection_whose_tables_are_declared(
    fivetran: Fivetran, new_run: Callable[..., None]
):
    ids = {name: make(fivetran, name) for name in ("one", "two", "three", "four")}
    for name in ids:
        fivetran.select(name, {"schema_change_handling": "BLOCK_ALL"})
    new_run()
    fivetran.forget_requests()
    run.account.expect(ids, with_tables=["one", "two"])
    for id_ in ids.values():
        run.account.read(fivetran.group, id_, reader="test")
    assert {read(ids[name], sync()).sync["new"] for name in ("one", "two")} == {"block_all"}
    assert asked(fivetran) == ["GET", "GET"]
    fivetran.select("one", {"schema_change_handling": "ALLOW_ALL"})
    assert read(ids["one"], sync()).sync["new"] == "allow_all"


@pytest.mark.parametrize("first", ["fleet", "destination"])
def test_refresh_reads_ahead_once_it_knows_the_group_and_what_state_holds_of_it(
    fivetran: Fivetran, new_run: Callable[..., None], first: str
):
    ids = {name: make(fivetran, name) for name in ("one", "two")}
    new_run()
    fivetran.forget_requests()
    known = {
        "fleet": lambda: run.account.expect(["one"], with_tables=[]),
        "destination": lambda: run.account.begin_refresh(fivetran.group),
    }
    for what in (first, *(known.keys() - {first})):
        assert fivetran.counts() == {}
        known[what]()
    fivetran.wait_for(lambda: fivetran.counts().get("GET /v1/connections/{connection_id}") == 1)
    assert run.account.read(fivetran.group, ids["one"], reader="test").schema == "one"
    assert fivetran.counts() == {"GET /v1/connections": 1, "GET /v1/connections/{connection_id}": 1}
