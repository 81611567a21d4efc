"""The line of the file that a failed step of the gcp plugin is about: its own errors know no files."""

from __future__ import annotations

import pulumi

from reconciler.config.places import Places

_OPERATIONS = {"create": "made", "update": "changed", "delete": "deleted"}


class FailureHook:
    """Names the line and the resource where the gcp plugin fails.

    The engine shows Google's error at the resource.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._known: dict[tuple[str, str], tuple[str, str, str]] = {}
        # Its name is state format, so every run registers it.
        self._hook = pulumi.ErrorHook("name-the-line", self._name_the_line)

    def options(self, type_: str, name: str, *, file: str, path: str, what: str) -> pulumi.ResourceOptions:
        """Return options for the resource of a type and name, which a line declares.

        Args:
            type_: The resource's type, as in its URN.
            name: Its logical name.
            file: The file that declares it.
            path: The key in that file.
            what: The resource as people call it: `the dataset stripe`.
        """
        self._known[type_, name] = (file, path, what)
        return pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(on_error=[self._hook]))

    def _name_the_line(self, failed: pulumi.ErrorHookArgs) -> bool:
        known = self._known.get((failed.type, failed.name))
        if known is not None:
            file, path, what = known
            done = _OPERATIONS.get(failed.failed_operation, "changed")
            pulumi.log.error(
                f"{self._places.find(file, path)}: {what} cannot be {done}\n"
                f"    See Google's message under `{failed.name}` in this output."
            )
        return False  # not again
