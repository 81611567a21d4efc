"""Connect cards: links with which a person without a Fivetran login authorises a connection.

Valid for one day.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from simulator.fivetran import connections, fields
from simulator.fivetran.errors import invalid
from simulator.fivetran.scalars import typed
from simulator.fivetran.state import Connection, FivetranState, Json

_VALID = timedelta(days=1)
_PAGE = "https://fivetran.com/connect-card/setup"


def create(state: FivetranState, connection_id: str, body: Mapping[str, Any]) -> Json:
    """Create a card with a new token. Earlier cards stay valid for their day."""
    connection = connections.find(state, connection_id)
    fields.require(body, "connect_card_config")
    config = fields.accept(body, fields.CONNECT_CARD, state.options)["connect_card_config"]
    return {
        "connector_id": connection.id,
        "connect_card": issue(state, connection, config),
        "connect_card_config": config,
    }


def issue(state: FivetranState, connection: Connection, config: Mapping[str, Any]) -> Json:
    """Create a token, and the link with it."""
    ends = state.now() + _VALID
    token = _token(connection.id, ends)
    state.connect_cards[token] = (connection.id, ends)
    query = {
        "redirect_uri": config["redirect_uri"],
        "auth": token,
        **{name: str(config[name]).lower() for name in ("hide_setup_guide", "all_fields") if name in config},
    }
    return {"token": token, "uri": f"{_PAGE}?{urlencode(query)}"}


def check(state: FivetranState, connection: Connection, token: str) -> str | None:
    """Return why a token does not open the setup page of a connection; None if it does."""
    connection_id, ends = state.connect_cards.get(token, (None, None))
    if connection_id != connection.id or ends is None:
        return "the token is not for this connection"
    return "the token has expired" if ends <= state.now() else None


def check_tests(body: Mapping[str, Any]) -> None:
    """Answer 400 if a connection is created with a card and tested at once.

    A person could not authorise it before.
    """
    if body.get("connect_card_config") is not None and typed("bool", body.get("run_setup_tests", True)):
        raise invalid("Field 'run_setup_tests' must be false when 'connect_card_config' is given")


def _token(connection_id: str, ends: datetime) -> str:
    """Create a token in the form of a signed JSON Web Token. No code checks the signature."""
    parts = {"alg": "HS256", "typ": "JWT"}, {"sub": connection_id, "exp": int(ends.timestamp())}
    encoded = [_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts]
    return ".".join([*encoded, _base64(secrets.token_bytes(32))])


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
