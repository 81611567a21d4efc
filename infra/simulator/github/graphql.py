"""Answer GraphQL queries about who a client is and which branch is the default.

There are no mutations. Every other field is an error, as one that does not exist is at GitHub.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.github.errors import ApiError
from simulator.github.request import Call
from simulator.github.state import Repository

_TOKEN = re.compile(r'\s+|,|#[^\n]*|(\.\.\.|[{}()\[\]:!=$@|]|[A-Za-z_]\w*|-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*")')


@dataclass
class _Field:
    name: str
    alias: str
    arguments: dict[str, Any]
    fields: list[_Field]


class _Wrong(Exception):
    """A query that is not answered."""


class _Parser:
    """The reader of one query."""

    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens, at = [], 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise _Wrong(f"Parse error on {text[at]!r}")
            at = found.end()
            if found[1]:
                self._tokens.append(found[1])
        self._variables = variables
        self._fragments: dict[str, list[_Field]] = {}

    def query(self) -> list[_Field]:
        """Return the fields of the one operation."""
        self._read_fragments()
        if self._peek() == "mutation":
            raise _Wrong("Mutations are not simulated")
        if self._peek() == "query":
            while self._peek() != "{":
                self._next()
        return self._fields()

    def _read_fragments(self) -> None:
        while "fragment" in self._tokens:
            start = self._tokens.index("fragment")
            name = self._tokens[start + 1]
            rest, self._tokens = self._tokens[start + 4 :], self._tokens[:start]
            kept, self._tokens = self._tokens, rest
            self._fragments[name] = self._fields()
            self._tokens = kept + self._tokens

    def _fields(self) -> list[_Field]:
        self._expect("{")
        found: list[_Field] = []
        while self._peek() != "}":
            if self._peek() == "...":
                self._next()
                found += self._fragments.get(self._next(), [])
                continue
            alias = name = self._next()
            if self._peek() == ":":
                self._next()
                name = self._next()
            arguments = self._arguments() if self._peek() == "(" else {}
            fields = self._fields() if self._peek() == "{" else []
            found.append(_Field(name, alias, arguments, fields))
        self._next()
        return found

    def _arguments(self) -> dict[str, Any]:
        self._next()
        found = {}
        while self._peek() != ")":
            name = self._next()
            self._expect(":")
            found[name] = self._value()
        self._next()
        return found

    def _value(self) -> Any:
        word = self._next()
        if word == "$":
            return self._variables.get(self._next())
        if word == "[":
            items = []
            while self._peek() != "]":
                items.append(self._value())
            self._next()
            return items
        if word[0] in '"-0123456789':
            return json.loads(word)
        return {"true": True, "false": False, "null": None}.get(word, word)

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise _Wrong("Parse error on end of query")
        return self._tokens.pop(0)

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise _Wrong(f"Parse error: expected {token}")


async def answer(call: Call) -> web.Response:
    """Answer a query; what is wrong with it is in the answer, with status 200."""
    sent = await call.body()
    try:
        fields = _Parser(str(sent.get("query", "")), sent.get("variables") or {}).query()
        return web.json_response({"data": _resolve(fields, _root(call), "Query")})
    except _Wrong as error:
        return web.json_response({"errors": [{"message": str(error)}]})
    except ApiError as error:
        fault = {"type": "NOT_FOUND", "message": "Could not resolve to a Repository with the name."}
        if error.status != 404:
            fault = {"type": "FORBIDDEN", "message": error.message}
        return web.json_response({"data": None, "errors": [fault]})


def _resolve(fields: list[_Field], values: Mapping[str, Any], kind: str) -> dict[str, Any]:
    found = {}
    for each in fields:
        if each.name == "__typename":
            found[each.alias] = kind
            continue
        if each.name not in values:
            raise _Wrong(f"Field '{each.name}' doesn't exist on type '{kind}'")
        value = values[each.name]
        if isinstance(value, Callable):  # type: ignore[arg-type]
            value = value(**each.arguments)
        if isinstance(value, Mapping):
            value = _resolve(each.fields, value, str(value.get("__typename", each.name)))
        found[each.alias] = value
    return found


def _root(call: Call) -> dict[str, Any]:
    return {
        "viewer": {"login": call.actor.login, "__typename": "User"},
        "repository": lambda **a: _repository(call, **a),
    }


def _repository(call: Call, owner: str, name: str, **_: Any) -> dict[str, Any]:
    call.request.match_info.update({"owner": owner, "name": name})
    found: Repository = call.repository(metadata="read")
    branch = {"name": found.default_branch, "__typename": "Ref"}
    level = "admin" if call.may(found, "administration", "admin") else ""
    level = level or ("write" if call.may(found, "contents", "write") else "read")
    return {
        "__typename": "Repository",
        "id": f"R_{found.id}",
        "databaseId": found.id,
        "name": found.name.partition("/")[2],
        "nameWithOwner": found.name,
        "owner": {"login": found.owner, "id": f"O_{found.owner}", "__typename": "Organization"},
        "url": f"{call.host}/{found.name}",
        "sshUrl": f"git@{call.request.host}:{found.name}.git",
        "isPrivate": found.is_private,
        "isArchived": False,
        "isFork": found.parent is not None,
        "parent": None,
        "hasIssuesEnabled": True,
        "hasWikiEnabled": True,
        "description": None,
        "viewerPermission": level.upper(),
        "mergeCommitAllowed": True,
        "rebaseMergeAllowed": True,
        "squashMergeAllowed": True,
        "defaultBranchRef": branch,
    }
