"""A dataset's access list as the engine meets it, over gRPC.

Held against the source that the plugin is generated from (`mmv1/products/bigquery/Dataset.yaml` of magic-modules): the
list is a set whose hash takes role names by either name and e-mail addresses in any case
(`resourceBigqueryDatasetAccessHash`); addresses are sent and read in lower case (`string_to_lower_case`); every call is
in `accessPolicyVersion` 3; an update is a PUT without the list where that is unchanged (`update_encoder`, of August
2026: a plugin from before sends the list in its state, see pulumi-gcp 3908, and would undo what others did).
"""

from .gcp_engine import DATASET, Engine, refused
from .test_gcp_dataset import INPUTS, OWNER, READER, VIEW, as_set, changed


def test_a_group_given_as_iam_member_is_a_difference_for_ever(engine: Engine):
    inputs = {**INPUTS, "accesses": [OWNER, {"role": "READER", "iamMember": "group:all@example.com"}]}
    id_, outputs = engine.create(DATASET, inputs)
    assert len(changed(engine.diff(DATASET, id_, outputs, inputs))) > 0


def test_an_entry_that_comes_and_one_that_goes_are_told_apart(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    kinds = changed(engine.diff(DATASET, id_, outputs, {**INPUTS, "accesses": [OWNER, READER, VIEW]}))
    assert kinds == {"accesses[2]": "ADD"}
    kinds = changed(engine.diff(DATASET, id_, outputs, {**INPUTS, "accesses": [OWNER]}))
    assert kinds == {f"accesses[{outputs['accesses'].index(READER)}]": "DELETE"}


def test_an_update_leaves_an_unchanged_access_list_to_whoever_changed_it_meanwhile(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    engine.admin("POST", "/datasets/p/stripe/access", VIEW)
    updated = engine.update(DATASET, id_, outputs, {**INPUTS, "description": "x"})
    assert VIEW in engine.dataset("stripe")["access"]
    assert VIEW in updated["accesses"]
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


def test_a_condition_is_written_kept_and_no_difference_without_what_is_optional(engine: Engine):
    until = {"expression": 'request.time < timestamp("2027-01-01T00:00:00Z")', "title": "until"}
    inputs = {**INPUTS, "accesses": [OWNER, {**READER, "condition": until}]}
    id_, outputs = engine.create(DATASET, inputs)
    assert as_set(engine.dataset("stripe")["access"]) == as_set(inputs["accesses"])
    empty = {**inputs, "accesses": [OWNER, {**READER, "condition": {**until, "description": "", "location": ""}}]}
    assert changed(engine.diff(DATASET, id_, outputs, empty)) == {}
    later = {**inputs, "accesses": [OWNER, {**READER, "condition": {**until, "expression": "false"}}]}
    place = next(number for number, entry in enumerate(outputs["accesses"]) if "condition" in entry)
    kinds = {"accesses[1]": "UPDATE"} if place == 1 else {f"accesses[{place}]": "DELETE", "accesses[1]": "ADD"}
    assert changed(engine.diff(DATASET, id_, outputs, later)) == kinds
    updated = engine.update(DATASET, id_, outputs, {**inputs, "accesses": [OWNER, READER]})
    assert as_set(updated["accesses"]) == as_set([OWNER, READER])


def test_a_dataset_that_is_made_without_anybody_belongs_to_its_project_and_creator(engine: Engine):
    _, plain = engine.create(DATASET, {"datasetId": "plain"})
    assert len(plain["accesses"]) == 4
    _, authorised = engine.create(DATASET, {"datasetId": "authorised", "accesses": [VIEW]})
    assert as_set(authorised["accesses"]) == as_set([*plain["accesses"], VIEW])


def test_a_list_that_is_no_longer_given_stays(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    inputs = {key: value for key, value in INPUTS.items() if key != "accesses"}
    assert changed(engine.diff(DATASET, id_, outputs, inputs)) == {}
    updated = engine.update(DATASET, id_, outputs, {**inputs, "description": "x"})
    assert as_set(updated["accesses"]) == as_set(outputs["accesses"]) == as_set([OWNER, READER])


def test_somebody_who_is_deleted_stays_in_the_list_under_another_name(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    engine.admin("POST", "/deleted-members", {"members": ["group:all@example.com"]})
    _, state, _ = engine.read(DATASET, id_, outputs, INPUTS)
    (gone,) = [entry for entry in state["accesses"] if "iamMember" in entry]
    assert gone["iamMember"].startswith("deleted:group:all@example.com?uid=")
    with refused() as refusal:
        engine.update(DATASET, id_, state, INPUTS)
    assert "Group all@example.com does not exist." in refusal.message
    engine.update(DATASET, id_, state, {**INPUTS, "accesses": [OWNER, gone, VIEW]})
    engine.update(DATASET, id_, state, {**INPUTS, "accesses": [OWNER]})
    assert engine.dataset("stripe")["access"] == [OWNER]


def test_a_group_that_is_written_by_another_of_its_addresses_is_a_difference_for_ever(engine: Engine):
    engine.admin("PUT", "/aliases", {"all@example.com": "all@example.org"})
    id_, outputs = engine.create(DATASET, INPUTS)
    assert {"role": "READER", "groupByEmail": "all@example.org"} in outputs["accesses"]
    assert len(changed(engine.diff(DATASET, id_, outputs, INPUTS))) > 0
