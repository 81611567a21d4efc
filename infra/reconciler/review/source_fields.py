"""Which fields of a connection say what it reads, and by which way (decision 53)."""

from __future__ import annotations

import re

#: Fields of `config` that say how, how often or how far back something is read, by parts of their names. Every other
#: one counts as naming the source: Fivetran's metadata does not say which do, and a new service brings new names.
_HOW = re.compile(
    r"window|time_?frame|granularity|time_?zone|historic|backward_sync_limit|rollback|conversion_report_time"
    r"|delimiter|quote_char|escape_char|null_sequence|line_separator|compression|^skip_|empty_header|_format$"
    r"|delivery_mode|append_file_option|on_error|pack(ed|ing)?_mode|binary_representation|binary_log"
    r"|api_(usage|quota|utilization|requests|version)|rest_api_limit|limit_for_api|webhooks|python_version"
    r"|update_method|replica_id|capture|sync_metadata|formula_fields|infrequent"
)

#: Settings outside `config` that decide by which network, or with whose values, Fivetran reaches the source.
ROUTE = frozenset(
    {
        *("networking_method", "private_link_id", "proxy_agent_id", "hybrid_deployment_agent_id"),
        *("external_secrets_manager_id", "external_secrets_keys_config"),
    }
)


def may_name_source(path: str) -> bool:
    """Return whether a changed field, as `config.host`, may let a connection read something else."""
    part, _, name = path.partition(".")
    return part == "auth" or (part == "config" and _HOW.search(name) is None) or path in ROUTE
