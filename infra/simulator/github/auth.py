"""Who asks: tokens of people and of installations, and the JSON Web Tokens of Apps."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.github.errors import ApiError
from simulator.github.state import App, State

_LONGEST_JWT_S = 600
_SKEW_S = 60


@dataclass(frozen=True)
class Actor:
    """Who asks."""

    login: str
    app: App | None = None
    permissions: Mapping[str, str] | None = None
    repositories: frozenset[str] | None = None
    is_app_itself: bool = False
    """Whether an App asks with its JSON Web Token, and not an installation of it."""


def authenticate(state: State, request: web.Request) -> Actor:
    """Return who asks; raises the error of a token that is unknown or has expired."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    value = value.strip()
    if not kind:
        raise ApiError(401, "Requires authentication")
    if kind.lower() == "basic":
        value = _password(value)
    elif kind.lower() not in ("bearer", "token"):
        raise ApiError(401, "Bad credentials")
    if value.count(".") == 2:
        return _app(state, value)
    token = state.tokens.get(value)
    if token is None or (token.expires is not None and token.expires <= state.now()):
        raise ApiError(401, "Bad credentials")
    return Actor(token.login, token.app, token.permissions, token.repositories)


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError(401, "Bad credentials") from None


def _app(state: State, value: str) -> Actor:
    head, content, signature = value.split(".")
    try:
        claims = json.loads(_decode(content))
        app = state.apps.get(int(claims["iss"]))
        issued, expires = float(claims["iat"]), float(claims["exp"])
        algorithm = json.loads(_decode(head))["alg"]
    except (ValueError, KeyError, TypeError):
        raise ApiError(401, "A JSON web token could not be decoded") from None
    if app is None or not app.public_key or algorithm != "RS256":
        raise ApiError(401, "Integration must generate a public key" if app else "Integration not found")
    key = serialization.load_pem_public_key(app.public_key.encode())
    assert isinstance(key, rsa.RSAPublicKey)  # noqa: S101 (checked when the App was registered)
    try:
        key.verify(_decode(signature), f"{head}.{content}".encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise ApiError(401, "A JSON web token could not be decoded") from None
    now = state.now().timestamp()
    if not issued <= now + _SKEW_S:
        raise ApiError(401, "'Issued at' claim ('iat') must be an Integer representing the time of the assertion")
    if expires <= now or expires > now + _LONGEST_JWT_S + _SKEW_S:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future or has passed")
    return Actor(app.bot, app, is_app_itself=True)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
