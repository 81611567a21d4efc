"""A value that Fivetran stores in another form: sent once, shown once, and no drift until either side changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.config_diff import project
from reconciler.model import Adopt, Unit
from reconciler.resources.connection.stored_forms import learn, recall

from .account import CANARY, KEY, Fivetran, unit
from .stack import Stack

FOLDER = "https://drive.google.com/drive/folders/1AbC"
VAULT = {
    "config": {
        "api_key": "secret",
        "account": "text, stored as upper_case",
        "address": "text, stored as no_last_slash",
        "folder": "text, stored as google_id",
        "hosts": ["text, stored as lower_case"],
        "nested": {"user": "text, stored as upper_case", "password": "secret"},
        "users": [{"name": "text, stored as upper_case", "password": "secret"}],
    }
}
SENT: dict[str, Any] = {
    "account": "my_account",
    "address": "https://example.com/",
    "folder": FOLDER,
    "hosts": ["A.example.com", "B.example.com"],
    "nested": {"user": "app_user", "password": KEY},
}
STORED = {
    "account": {"sent": "my_account", "stored": "MY_ACCOUNT"},
    "address": {"sent": "https://example.com/", "stored": "https://example.com"},
    "folder": {"sent": FOLDER, "stored": "1AbC"},
    "hosts": {"sent": ["A.example.com", "B.example.com"], "stored": ["a.example.com", "b.example.com"]},
    "nested.user": {"sent": "app_user", "stored": "APP_USER"},
}


@pytest.fixture
def vault(fivetran: Fivetran) -> None:
    """A service that stores much in another form. The catalogue does not know it."""
    fivetran._call("PUT", "/services/vault", VAULT)


def declared(**changes: Any) -> Unit:
    return unit("vault", service="vault", **{**SENT, **changes})


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize("shown", ["stored", "absent"])
def test_stored_form_is_shown_once_and_is_not_drift(
    fivetran: Fivetran, stack: Stack, new_run, caplog: pytest.LogCaptureFixture, shown: str
):
    fivetran.options(config_after_write=shown)
    stack.up(declared())
    assert stack.connection.state["stored_forms"] == STORED
    assert (
        'connectors/dev/vault.yaml: Fivetran stores config.folder as "1AbC"\n'
        "    From now on a refresh treats this form as equal to the file."
    ) in caplog.text
    caplog.clear()
    for _ in range(3):
        new_run()
        stack.refresh()
        assert stack.pending(declared()) == []
    assert caplog.text == ""
    assert stack.connection.state["config"]["folder"] == FOLDER
    assert CANARY not in str(stack.connection.state)


@pytest.mark.usefixtures("vault")
def test_stored_form_that_the_answer_does_not_show_is_learnt_when_it_is_sent_again(
    fivetran: Fivetran, stack: Stack, new_run
):
    fivetran.options(config_after_write="sent")
    stack.up(declared())
    assert "stored_forms" not in stack.connection.state
    new_run()
    stack.refresh()
    stack.up(declared())
    assert stack.connection.state["stored_forms"] == STORED
    for _ in range(3):
        new_run()
        stack.refresh()
        assert stack.pending(declared()) == []


@pytest.mark.usefixtures("vault")
def test_value_that_is_neither_sent_nor_stored_is_drift(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(declared())
    fivetran.edit("vault", config={"folder": "2DeF"})
    new_run()
    stack.refresh()
    assert stack.connection.state["config"]["folder"] == "2DeF"
    assert "connection" in stack.pending(declared())
    fivetran.edit("vault", config={"folder": "1AbC"})
    new_run()
    stack.refresh()
    assert "connection" not in stack.pending(declared()), "it was put back"


@pytest.mark.usefixtures("vault")
def test_drifted_value_is_sent_again_once(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(declared())
    fivetran.edit("vault", config={"folder": "2DeF"})
    new_run()
    stack.refresh()
    stack.up(declared())
    assert fivetran.the("vault")["config"]["folder"] == "1AbC"
    new_run()
    stack.refresh()
    assert stack.pending(declared()) == []


@pytest.mark.usefixtures("vault")
def test_change_by_hand_beside_a_write_is_not_taken_for_a_stored_form(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(declared())
    fivetran.edit("vault", config={"folder": "2DeF", "address": "https://example.org"})
    stack.up(declared(account="other"))
    assert stack.connection.state["stored_forms"]["folder"] == STORED["folder"]
    assert stack.connection.state["stored_forms"]["account"] == {"sent": "other", "stored": "OTHER"}
    new_run()
    stack.refresh()
    assert stack.connection.state["config"]["address"] == "https://example.org"
    assert "connection" in stack.pending(declared(account="other"))


@pytest.mark.usefixtures("vault")
def test_stored_form_is_forgotten_when_the_file_changes(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(declared())
    stack.up(declared(folder="1AbC"))
    assert "folder" not in stack.connection.state["stored_forms"]
    fivetran.edit("vault", config={"folder": FOLDER})
    new_run()
    stack.refresh()
    assert "connection" in stack.pending(declared(folder="1AbC"))


@pytest.mark.usefixtures("vault")
def test_adoption_shows_another_form_as_a_difference_and_learns_it(fivetran: Fivetran, stack: Stack, new_run):
    live = {"schema": "vault", "api_key": CANARY, "folder": "1AbC"}
    made = fivetran.make(group_id=fivetran.group, service="vault", config=live, succeeded_at="2026-01-01T00:00:00Z")
    wanted = unit("vault", service="vault", folder=FOLDER, adopt=Adopt(made["id"], apply_changes=True))
    stack.up(wanted)
    assert stack.connection.state["stored_forms"] == {"folder": STORED["folder"]}
    new_run()
    stack.refresh()
    assert stack.pending(wanted) == []


@pytest.mark.usefixtures("vault")
def test_no_secret_is_remembered(fivetran: Fivetran, stack: Stack, caplog: pytest.LogCaptureFixture):
    stack.up(declared(users=[{"name": CANARY, "password": KEY}], account=f"x{CANARY}"))
    forms = stack.connection.state["stored_forms"]
    assert not {"users", "account", "nested.password", "api_key"} & forms.keys()
    assert CANARY.casefold() not in f"{forms}{caplog.text}".casefold()


@pytest.mark.usefixtures("vault")
def test_list_with_secrets_in_it_is_quiet_until_either_side_changes(fivetran: Fivetran, stack: Stack, new_run):
    wanted = declared(users=[{"name": "bob", "password": KEY}, {"name": "eve", "password": KEY}])
    stack.up(wanted)
    masked = [{"name": "BOB", "password": "******"}, {"name": "EVE", "password": "******"}]
    assert stack.connection.state["stored_forms"]["users"]["stored"] == masked
    for _ in range(3):
        new_run()
        stack.refresh()
        assert stack.pending(wanted) == []
    fivetran.edit("vault", config={"users": [{"name": "BOB", "password": "x"}]})
    new_run()
    stack.refresh()
    assert "connection" in stack.pending(wanted)
    stack.up(wanted)
    new_run()
    stack.refresh()
    assert stack.pending(wanted) == []
    assert stack.pending(declared(users=[{"name": "bob", "password": {**KEY, "version": 2}}]))


@pytest.mark.parametrize(
    "live",
    [
        [{"name": "A", "password": "shown"}],
        [{"name": "A", "password": "******"}, {"name": "B", "password": "******"}],
        [{"name": ["A"], "password": "******"}],
        ["A"],
    ],
)
def test_list_that_is_not_masked_or_of_another_shape_is_not_remembered(live: list[Any]):
    config = {"users": [{"name": "a", "password": KEY}]}
    assert learn(config, {"users": live}, {}, keys=config, field=None, is_secret=lambda _: False) == {}


def test_value_that_is_not_shown_again_is_not_drift():
    forms = learn({"a": "x"}, {}, {}, keys=["a"], field=None, is_secret=lambda _: False)
    assert forms == {"a": {"sent": "x"}}
    assert recall({}, forms, None) == {"a": "x"}
    assert recall({"a": "y"}, forms, None) == {"a": "y"}


texts = st.text("aA/ ", min_size=1, max_size=3)
configs = st.dictionaries(
    st.sampled_from("abc"),
    st.one_of(
        texts,
        st.just(KEY),
        st.lists(texts, max_size=2),
        st.dictionaries(st.sampled_from("de"), texts),
        st.lists(st.fixed_dictionaries({"name": texts, "value": texts | st.just(KEY)}), max_size=3),
    ),
)


def stored(node: Any) -> Any:
    """What such a service makes of a config: secrets masked, texts in another form."""
    if node == KEY:
        return "******"
    if isinstance(node, dict):
        return {key: stored(inner) for key, inner in node.items()}
    return [stored(inner) for inner in node] if isinstance(node, list) else node.upper().rstrip("/")


@given(configs)
def test_stored_form_of_any_config_reads_back_as_sent(config):
    live = stored(config)
    forms = learn(config, live, {}, keys=config, field=None, is_secret=lambda _: False)
    assert project(config, recall(live, forms, None)) == config
    assert "env" not in str([form["stored"] for form in forms.values()])
    again = learn(config, live, forms, keys=config, field=None, is_secret=lambda _: False)
    assert again == forms
