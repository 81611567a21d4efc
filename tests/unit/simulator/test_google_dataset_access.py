"""A dataset's access list as the engine meets it, over gRPC.

Held against the source that the plugin is generated from (`mmv1/products/bigquery/Dataset.yaml` of magic-modules): the
list is a set whose hash takes role names by either name and e-mail addresses in any case
(`resourceBigqueryDatasetAccessHash`); addresses are sent and read in lower case (`string_to_lower_case`); every call is
in `accessPolicyVersion` 3; an update is a PUT without the list where that is unchanged (`update_encoder`, of August
2026: a plugin from before sends the list in its state, see pulumi-gcp 3908, and would undo what others did). What state
and diffs have of the list was measured, call by call, with a build of the plugin's code (version 8 of the Terraform
provider, version 3.137 of the bridge) against a fake of Google's API.
"""

from .google_engine import DATASET, UNKNOWN, Engine, rejected, set_only
from .test_google_dataset import INPUTS, OWNER, READER, VIEW, as_set, changed


def test_group_given_as_iam_member_is_a_difference_once_it_is_read(engine: Engine):
    inputs = {**INPUTS, "accesses": [OWNER, {"role": "READER", "iamMember": "group:all@example.com"}]}
    id_, outputs = engine.create(DATASET, inputs)
    assert changed(engine.diff(DATASET, id_, outputs, inputs)) == {}  # the state has the list as it was written
    _, state, _ = engine.read(DATASET, id_, outputs, inputs)
    assert changed(engine.diff(DATASET, id_, state, inputs)) == {"accesses": "UPDATE"}


def test_removed_entry_has_an_index_and_an_added_one_is_the_whole_list(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    kinds = changed(engine.diff(DATASET, id_, outputs, {**INPUTS, "accesses": [OWNER, READER, VIEW]}))
    assert kinds == {"accesses": "UPDATE"}
    kinds = changed(engine.diff(DATASET, id_, outputs, {**INPUTS, "accesses": [OWNER, {**READER, "role": "WRITER"}]}))
    assert kinds == {"accesses": "UPDATE"}
    kinds = changed(engine.diff(DATASET, id_, outputs, {**INPUTS, "accesses": [OWNER]}))
    assert kinds == {f"accesses[{set_only(outputs['accesses']).index(READER)}]": "DELETE"}


def test_unknown_list_is_not_a_difference_and_an_unknown_entry_is_one(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    assert changed(engine.diff(DATASET, id_, outputs, {**INPUTS, "accesses": UNKNOWN})) == {}
    writer = {"role": "WRITER", "userByEmail": UNKNOWN}
    kinds = changed(engine.diff(DATASET, id_, outputs, {**INPUTS, "accesses": [OWNER, READER, writer]}))
    assert kinds == {"accesses": "UPDATE"}


def test_state_has_each_field_of_an_entry(engine: Engine):
    texts = dict.fromkeys(("domain", "groupByEmail", "iamMember", "specialGroup"), "")
    blocks = dict.fromkeys(("condition", "dataset", "routine", "view"))
    owner = {**texts, **blocks, **OWNER}
    id_, outputs = engine.create(DATASET, {**INPUTS, "accesses": [OWNER]})
    assert outputs["accesses"] == [owner]
    # What stays in a list that changes has nulls, what comes has empty texts.
    changed_list = engine.update(DATASET, id_, outputs, {**INPUTS, "accesses": [OWNER, READER]})["accesses"]
    came, stayed = sorted(changed_list, key=lambda entry: entry["role"] == "OWNER")
    assert stayed == {**dict.fromkeys(texts), **blocks, **OWNER}
    assert came == {**texts, "userByEmail": "", **blocks, **READER}


def test_check_rejects_a_field_that_entries_do_not_have(engine: Engine):
    for entry in ({**OWNER, "users": []}, {**OWNER, "condition": {"expression": "true", "name": "x"}}):
        _, reasons = engine.check(DATASET, {**INPUTS, "accesses": [entry]})
        assert reasons == ["Invalid or unknown key. Examine values at 'it.accesses'."]


def test_refresh_finds_each_input_of_the_list_by_what_it_has_in_common(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    engine.admin("PATCH", "/datasets/p/stripe", {"access": [VIEW, {**READER, "role": "WRITER"}, OWNER]})
    _, state, inputs = engine.read(DATASET, id_, outputs, INPUTS)
    assert set_only(state["accesses"])[0] == VIEW
    assert inputs["accesses"] == [OWNER, {**READER, "role": "WRITER"}]


def test_update_without_access_changes_keeps_concurrent_access_changes(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    engine.admin("POST", "/datasets/p/stripe/access", VIEW)
    updated = engine.update(DATASET, id_, outputs, {**INPUTS, "description": "x"})
    assert VIEW in engine.dataset("stripe")["access"]
    assert VIEW not in set_only(updated["accesses"])  # the state has the list as planned, not as it is
    engine.update(DATASET, id_, updated, {**INPUTS, "accesses": [OWNER]})
    assert engine.dataset("stripe")["access"] == [OWNER]


def test_addresses_are_sent_and_answered_in_lower_case(engine: Engine):
    mixed = [{"role": "OWNER", "userByEmail": "Me@Example.com"}, {"role": "READER", "groupByEmail": "ALL@example.com"}]
    id_, outputs = engine.create(DATASET, {**INPUTS, "accesses": mixed})
    assert engine.dataset("stripe")["access"] == [OWNER, READER]
    engine.admin("PATCH", "/datasets/p/stripe", {"access": mixed})
    _, live, _ = engine.read(DATASET, id_, outputs, INPUTS)
    assert as_set(live["accesses"]) == as_set([OWNER, READER])
    assert changed(engine.diff(DATASET, id_, live, {**INPUTS, "accesses": mixed})) == {}


def test_condition_is_written_kept_and_no_difference_without_what_is_optional(engine: Engine):
    until = {"expression": 'request.time < timestamp("2027-01-01T00:00:00Z")', "title": "until"}
    inputs = {**INPUTS, "accesses": [OWNER, {**READER, "condition": until}]}
    id_, outputs = engine.create(DATASET, inputs)
    assert as_set(engine.dataset("stripe")["access"]) == as_set(inputs["accesses"])
    empty = {**inputs, "accesses": [OWNER, {**READER, "condition": {**until, "description": "", "location": ""}}]}
    assert changed(engine.diff(DATASET, id_, outputs, empty)) == {}
    later = {**inputs, "accesses": [OWNER, {**READER, "condition": {**until, "expression": "false"}}]}
    assert changed(engine.diff(DATASET, id_, outputs, later)) == {"accesses": "UPDATE"}
    updated = engine.update(DATASET, id_, outputs, {**inputs, "accesses": [OWNER, READER]})
    assert as_set(updated["accesses"]) == as_set([OWNER, READER])


def test_dataset_made_without_access_belongs_to_project_and_creator(engine: Engine):
    _, plain = engine.create(DATASET, {"datasetId": "plain"})
    assert len(plain["accesses"]) == 4
    _, authorised = engine.create(DATASET, {"datasetId": "authorised", "accesses": [VIEW]})
    assert set_only(authorised["accesses"]) == [VIEW]  # as planned
    assert as_set(engine.dataset("authorised")["access"]) == as_set([*plain["accesses"], VIEW])


def test_list_that_is_no_longer_declared_stays(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    inputs = {key: value for key, value in INPUTS.items() if key != "accesses"}
    assert changed(engine.diff(DATASET, id_, outputs, inputs)) == {}
    updated = engine.update(DATASET, id_, outputs, {**inputs, "description": "x"})
    assert as_set(updated["accesses"]) == as_set(outputs["accesses"]) == as_set([OWNER, READER])


def test_deleted_member_stays_in_the_list_under_another_name(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    engine.admin("POST", "/deleted-members", {"members": ["group:all@example.com"]})
    _, state, _ = engine.read(DATASET, id_, outputs, INPUTS)
    (gone,) = [entry for entry in set_only(state["accesses"]) if "iamMember" in entry]
    assert gone["iamMember"].startswith("deleted:group:all@example.com?uid=")
    with rejected() as rejection:
        engine.update(DATASET, id_, state, INPUTS)
    assert "Group all@example.com does not exist." in rejection.message
    engine.update(DATASET, id_, state, {**INPUTS, "accesses": [OWNER, gone, VIEW]})
    engine.update(DATASET, id_, state, {**INPUTS, "accesses": [OWNER]})
    assert engine.dataset("stripe")["access"] == [OWNER]


def test_alias_of_a_group_is_always_a_difference(engine: Engine):
    engine.admin("PUT", "/aliases", {"all@example.com": "all@example.org"})
    id_, outputs = engine.create(DATASET, INPUTS)
    _, state, _ = engine.read(DATASET, id_, outputs, INPUTS)
    assert {"role": "READER", "groupByEmail": "all@example.org"} in set_only(state["accesses"])
    assert changed(engine.diff(DATASET, id_, state, INPUTS)) == {"accesses": "UPDATE"}
