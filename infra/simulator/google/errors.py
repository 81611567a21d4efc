"""Errors of Google's APIs, and the plugin's texts for them."""

from __future__ import annotations


class PluginError(Exception):
    """An operation failed. The text is the plugin's, before `as_list`."""


class ApiError(PluginError):
    """A Google API rejected a request. Formatted like Google's Go client, as in the plugin."""

    def __init__(self, status: int, message: str, reason: str) -> None:
        self.status = status
        self.message = message
        self.reason = reason
        super().__init__(f"googleapi: Error {status}: {message}, {reason}")


def as_list(message: str) -> str:
    """Return the plugin's form of a failed operation: a list, even for one error."""
    return f"1 error occurred:\n\t* {message}\n\n"
