"""How the doc runner compares a page with an output, and what it writes anew."""

from tests.docs.output import Ids, align, matches, rewritten, tidy

PRINTED = [
    "Previewing update (dev):",
    "",
    " +  gcp:bigquery:Dataset shop create",
    " +  pulumi-python:dynamic/fivetran:Connection shop create",
    "Resources:",
    "    + 2 to create",
]


def test_output_matches_itself_and_not_another():
    assert matches(PRINTED, PRINTED)
    assert not matches(PRINTED[:-1], PRINTED)
    assert not matches(PRINTED, PRINTED[:-1])
    assert not matches([*PRINTED[:-1], "    + 3 to create"], PRINTED)


def test_elision_stands_for_any_lines_or_any_text():
    assert matches(["Previewing update (dev):", "...", "    + 2 to create"], PRINTED)
    assert matches(["...", "    + ... to create"], PRINTED)
    assert not matches(["...", "Resources:"], PRINTED)


def test_messages_in_the_row_of_the_stack_are_left_out():
    row = " +  pulumi:pulumi:Stack fivetran-reconciler-dev create"
    whole = f"{row} connectors/dev/shop.yaml:4:3: adopts the connection shop as it is"
    assert tidy("\n".join([whole, f"{row}     The second line of a message.", row])) == [row]


def test_steps_and_messages_are_shown_in_one_order():
    steps = [
        " -  gcp:bigquery:Dataset crm delete",
        " -  pulumi-python:dynamic/fivetran:Connection crm delete",
        PRINTED[3],
        PRINTED[2],
    ]
    printed = [
        *steps,
        "Diagnostics:",
        "  pulumi-python:dynamic/reconciler:Preflight (dev):",
        "    error: b",
        "    a",
        "  pulumi:pulumi:Stack (dev):",
        "    b.yaml",
        "        more of b",
        "    a.yaml",
        "",
        "Resources:",
    ]
    assert tidy("\n".join(printed)) == [
        PRINTED[2],
        PRINTED[3],
        steps[1],
        steps[0],
        "Diagnostics:",
        "  pulumi:pulumi:Stack (dev):",
        "    a.yaml",
        "    b.yaml",
        "        more of b",
        "",
        "  pulumi-python:dynamic/reconciler:Preflight (dev):",
        "    error: b",
        "    a",
        "",
        "Resources:",
    ]


def test_output_matches_with_other_times_and_widths():
    assert matches(["shop  jovial_dowel    2026-11-30 02:09"], ["shop   jovial_dowel  2027-01-01 10:00"])
    assert not matches(["shop  jovial_dowel"], ["crm  jovial_dowel"])


def test_id_is_shown_as_the_first_page_shows_it():
    ids = Ids()
    ids.learn(["shop  jovial_dowel  connected"], ["shop  opaque_ribbon  connected", "crm  crisp_candle  connected"])
    ids.learn(["shop  hollow_steeple  connected"], ["shop  opaque_ribbon  connected"])
    assert ids.translate("opaque_ribbon, g-opaque-ribbon@example.com") == "jovial_dowel, g-jovial-dowel@example.com"
    assert ids.translate("crisp_candle") == "crisp_candle"


def test_two_ids_are_never_shown_as_one():
    ids = Ids()
    ids.learn(["shop (jovial_dowel)"], ["shop (opaque_ribbon)"])
    ids.learn(["crm (jovial_dowel)"], ["crm (crisp_candle)"])
    assert ids.translate("crisp_candle") == "crisp_candle"
    assert not matches(["crm (jovial_dowel)"], ["crm (crisp_candle)"])


def test_tables_are_aligned():
    page = ["UNIT  ID    SYNC", "shop  jovial_dowel  scheduled", "    a detail", "crm  crisp_candle  paused", "2 fine"]
    assert align(page) == [
        "UNIT  ID            SYNC",
        "shop  jovial_dowel  scheduled",
        "    a detail",
        "crm   crisp_candle  paused",
        "2 fine",
    ]


def test_progress_and_durations_are_left_out():
    text = (
        "@ updating....\n"
        " +  gcp:bigquery:Dataset shop creating (0s) \n"
        " +  gcp:bigquery:Dataset shop created (0.03s) \n"
        " +  pulumi:pulumi:Stack dev creating (2s) connectors/dev/shop.yaml:1:1: grants it\n"
        "    connectors/dev/shop.yaml:1:1: grants it\n\nDuration: 4s\n"
    )
    assert tidy(text) == [" +  gcp:bigquery:Dataset shop created", "    connectors/dev/shop.yaml:1:1: grants it"]


def test_new_output_keeps_the_elisions_of_the_page():
    page = ["Previewing update (dev):", "...", "Resources:", "    + 1 to create"]
    assert rewritten(page, PRINTED) == ["Previewing update (dev):", "...", "Resources:", "    + 2 to create"]
    assert rewritten(page, [*PRINTED, "    1 unchanged"])[-1] == "    1 unchanged"
    assert rewritten([], PRINTED) == PRINTED


def test_page_that_still_matches_is_not_rewritten():
    page = ["...", "    + ... to create"]
    assert rewritten(page, PRINTED) is page
