"""Edits through the commands, on files in every form that people write: one place changes, and the result is valid."""

from __future__ import annotations

import difflib
import re
import shutil

import pytest

from .test_edits import Folder, folder

__all__ = ["folder"]

FORMS = {
    "all in braces": (
        "{description: D, owners: [o@example.com], connector: {service: stripe, "
        "destination: {schema: stripe}, config: {api_key: {env: K, version: 1}}}, dataset: {friendly_name: S}, "
        "expires: 2026-12-31}\n"
    ),
    "braces over lines": (
        "description: D\n"
        "owners: [\n"
        "  o@example.com, # me\n"
        "  p@example.com\n"
        "]\n"
        "connector: {\n"
        "  service: stripe, # c\n"
        "  destination: {schema: stripe},\n"
        "  config: {api_key: {env: K,\n"
        "      version: 1}}\n"
        "  }\n"
        "dataset: {friendly_name: S,\n"
        "  # note\n"
        '  access: [ {role: roles/bigquery.dataViewer, members: ["user:z@example.com"], ticket: T, '
        "until: 2026-12-05}, # one\n"
        "  ] }\n"
        'expires: "2026-12-31" # x\n'
    ),
    "trailing commas": (
        "description: D\n"
        "owners: [o@example.com,]\n"
        "connector: {service: stripe, destination: {schema: stripe}, config: {api_key: {env: K, version: 1}},}\n"
        "dataset: {friendly_name: S,}\n"
        "expires: 2026-12-31"
    ),
    "lists without indent": (
        "description: D\n"
        "owners:\n"
        "- o@example.com\n"
        "connector:\n"
        "    service: stripe\n"
        "    destination:\n"
        "        schema: stripe\n"
        "    config:\n"
        "        api_key:\n"
        "            env: K\n"
        "            version: 1\n"
        "    paused: >-\n"
        "        because of\n"
        "        this\n"
        "dataset:\n"
        "    access:\n"
        "    - role: roles/bigquery.dataViewer\n"
        "      members:\n"
        "      - user:z@example.com\n"
        "      ticket: T\n"
        "      until: 2026-12-05\n"
        "    # tail comment\n"
        "\n"
        "# end\n"
        "expires:\n"
        "    2026-12-31\n"
    ),
    "quoted keys": (
        '"description": "D"\n'
        "'owners': [\"o@example.com\"]\n"
        '"connector":\n'
        '  "service": "stripe"\n'
        '  \'destination\': {"schema": "stripe"}\n'
        '  "config": {"api_key": {"env": "K", "version": 1}}\n'
        '"dataset": {}\n'
        "\"expires\": '2026-12-31'\n"
    ),
    "blocks and empty lines": (
        "description: |\n"
        "  Line one\n"
        "\n"
        "  line two: x\n"
        "owners: [o@example.com]\n"
        "connector:\n"
        "  service: stripe\n"
        "  destination: {schema: stripe}\n"
        "  config:\n"
        "    api_key: {env: K, version: 1}\n"
        "\n"
        "  # before schedule\n"
        "  schedule: {by: fivetran, every: 6h}\n"
        "\n"
        "dataset:\n"
        '  friendly_name: "S: # x"\n'
        "\n"
        "\n"
        "expires: 2026-12-31   \n"
        "\n"
        "\n"
    ),
    "document marks": (
        "---\n"
        "# c\n"
        "description: D\n"
        "owners: [o@example.com]\n"
        "connector: {service: stripe, destination: {schema: stripe}, config: {api_key: {env: K, version: 1}}}\n"
        "dataset: {}\n"
        "expires: 2026-12-31\n"
        "...\n"
    ),
    "comments everywhere": (
        "description: D # one\n"
        "owners: [o@example.com]\n"
        "connector: # two\n"
        "  # three\n"
        "  service: stripe # four\n"
        "  destination: # five\n"
        "    schema: stripe # six\n"
        "  config: # seven\n"
        "    api_key: # eight\n"
        "      env: K # nine\n"
        "      version: 1 # ten\n"
        "  # eleven\n"
        "# twelve\n"
        "dataset: # thirteen\n"
        "  # fourteen\n"
        "  friendly_name: S # fifteen\n"
        "  # sixteen\n"
        "expires: # seventeen\n"
        "  2026-12-31 # eighteen\n"
        "# nineteen"
    ),
    "keys with a question mark": (
        "? description\n"
        ": D\n"
        "? owners\n"
        ": [o@example.com]\n"
        "connector: {service: stripe, destination: {schema: stripe}, config: {api_key: {env: K, version: 1}}}\n"
        "dataset: {}\n"
        "? expires\n"
        ": 2026-12-31\n"
    ),
    "escapes": (
        'description: "D \\\n'
        '  more"\n'
        "owners: [o@example.com]\n"
        "connector: {service: stripe, destination: {schema: stripe}, config: {api_key: {env: K, version: 1}}}\n"
        "dataset: {friendly_name: 'it''s'}\n"
        'expires: "2026\\x2d12-31"\n'
    ),
    "an empty list": (
        "description: D\n"
        "owners: [o@example.com]\n"
        "connector: {service: stripe, destination: {schema: stripe}, config: {api_key: {env: K, version: 1}}}\n"
        "dataset:\n"
        "  # nothing yet\n"
        "  access: []\n"
        "expires: 2026-12-31\n"
    ),
    "tabs": (
        "description: D\t# tab\n"
        "owners: [o@example.com]\n"
        "connector:\t{service: stripe,\tdestination: {schema: stripe}, config: {api_key: {env: K, version: 1}}}\n"
        "dataset: {}\t\n"
        "expires:\t2026-12-31\t# tab\n"
    ),
    "characters of several bytes": (
        'description: "Größe ☃ 😀" # ☃\n'
        "owners: [o@example.com]\n"
        "connector: {service: stripe, destination: {schema: stripe}, config: {api_key: {env: K, version: 1}}} # 😀\n"
        'dataset: {friendly_name: "☃😀"}\n'
        "expires: 2026-12-31 # 😀\n"
    ),
}
EDITS = {
    "extend": ("30d",),
    "pause": ("INC-1: why # not",),
    "resume": (),
    "grant a": ("user:a@example.com", "--ticket", "T-1", "--for", "5d"),
    "grant z": ("user:z@example.com", "--ticket", "T-2", "--for", "9d"),
    "revoke": ("user:z@example.com",),
    "rotate": ("api_key",),
}


@pytest.mark.parametrize("variant", ["as it is", "Windows line ends, byte-order mark, no final line end"])
@pytest.mark.parametrize("form", FORMS)
def test_edit_changes_one_place_of_a_file_in_any_form(folder: Folder, form: str, variant: str):
    text = FORMS[form]
    if variant != "as it is":
        text = "\ufeff" + text.rstrip("\n").replace("\n", "\r\n")
    shutil.rmtree(".git")
    edited = 0
    for command, arguments in EDITS.items():
        folder.file.write_bytes(text.encode())
        ran = folder.run(command.split()[0], "stripe", *arguments, "--yes")
        if folder.text == text:
            assert ran.code == 2, (command, ran.err)
            continue
        edited += 1
        before, after = text.splitlines(keepends=True), folder.text.splitlines(keepends=True)
        changes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        assert sum(tag != "equal" for tag, *_ in changes) == 1, (command, folder.text)
        assert folder.text.startswith("\ufeff") is text.startswith("\ufeff")
        assert bool(re.search(r"(?<!\r)\n", folder.text)) is (variant == "as it is")
        assert folder.run("validate").code == 0
    assert edited >= 5
