"""How Google's APIs refuse, and how the plugin words it."""

from __future__ import annotations


class PluginError(Exception):
    """An operation failed; the text is what the plugin answers, before its list form is put around it."""


class ApiError(PluginError):
    """A Google API refused a request. Printed as Google's Go client does, which is how the plugin passes it on."""

    def __init__(self, status: int, message: str, reason: str) -> None:
        self.status = status
        self.message = message
        self.reason = reason
        super().__init__(f"googleapi: Error {status}: {message}, {reason}")


def as_list(message: str) -> str:
    """The form in which the plugin answers every failed operation: a list, even of one error."""
    return f"1 error occurred:\n\t* {message}\n\n"
