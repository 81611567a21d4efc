"""Check for `doctor --ci` how jobs log in to Airflow. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from reconciler.health.checks import Check

_AIRFLOW: Final = "Airflow"


def check_airflow(name: str, variables: Mapping[str, str], secrets: Collection[str]) -> Iterator[Check]:
    """Check how jobs in an environment log in to Airflow, and that it is one way.

    Args:
        name: The environment's name.
        variables: The variables that its jobs get: the repository's, and its own.
        secrets: The names of the secrets that its jobs get.
    """
    url = variables.get("AIRFLOW_URL", "")
    if not url:
        yield Check(_AIRFLOW, "ok", f"jobs in {name} push no variables: AIRFLOW_URL is not set")
        return
    if not url.startswith("https://"):
        text = f"AIRFLOW_URL of {name} does not begin with https://, so no credential is sent to it"
        yield Check(_AIRFLOW, "failed", text, "set it to the https:// address of Airflow's web server")
    user, password = bool(variables.get("AIRFLOW_USERNAME")), "AIRFLOW_PASSWORD" in secrets
    token, audience = "AIRFLOW_TOKEN" in secrets, bool(variables.get("AIRFLOW_AUDIENCE"))
    composer = variables.get("AIRFLOW_COMPOSER") == "true"
    to_do = "keep one of them, as docs/how-to/set-up-ci.md shows"
    if user != password:
        missing = "the secret AIRFLOW_PASSWORD" if user else "the variable AIRFLOW_USERNAME"
        yield Check(_AIRFLOW, "failed", f"{name} has no {missing.removeprefix('the ')}", f"set {missing} too")
    if token and (user or password):
        text = f"{name} has the secret AIRFLOW_TOKEN and a user: two ways to log in to Airflow"
        yield Check(_AIRFLOW, "failed", text, to_do)
    if audience and composer:
        text = f"{name} has AIRFLOW_AUDIENCE and AIRFLOW_COMPOSER: two ways to use Google's identity"
        yield Check(_AIRFLOW, "failed", text, to_do)
    ways = {
        "Google's identity token for AIRFLOW_AUDIENCE": audience,
        "Google's access token (AIRFLOW_COMPOSER)": composer,
        "the secret AIRFLOW_TOKEN": token,
        "AIRFLOW_USERNAME and AIRFLOW_PASSWORD": user and password,
    }
    used = " and ".join(way for way, applies in ways.items() if applies)
    if used:
        yield Check(_AIRFLOW, "ok", f"jobs in {name} log in to {url} with {used}")
    else:
        text = f"jobs in {name} have no credentials for {url}"
        yield Check(_AIRFLOW, "failed", text, "set one of those that docs/how-to/set-up-ci.md lists")
