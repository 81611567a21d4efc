"""Texts that Fivetran stores in another form than they may be sent in."""

import pytest

from simulator.fivetran.catalogue import CatalogueError, parse_service
from simulator.fivetran.stored_forms import FORMS


@pytest.mark.parametrize(
    ("form", "sent", "stored"),
    [
        ("google_id", "https://docs.google.com/spreadsheets/d/1A-b_C/edit#gid=0", "1A-b_C"),
        ("google_id", "https://drive.google.com/drive/u/0/folders/1A-b_C?usp=sharing", "1A-b_C"),
        ("google_id", "https://drive.google.com/open?id=1A-b_C", "1A-b_C"),
        ("google_id", "1A-b_C", "1A-b_C"),
        ("upper_case", "account", "ACCOUNT"),
        ("lower_case", "Host.Example.com", "host.example.com"),
        ("no_last_slash", "https://example.com/", "https://example.com"),
    ],
)
def test_text_is_stored_in_its_form_and_stays_so(form: str, sent: str, stored: str):
    assert FORMS[form](sent) == stored
    assert FORMS[form](stored) == stored


@pytest.mark.parametrize("field", ["text, stored as something", "int, stored as upper_case"])
def test_unknown_form_is_not_a_type(field: str):
    with pytest.raises(CatalogueError):
        parse_service("service", {"config": {"field": field}})
