"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path

import click

environment_option = click.option(
    "--environment",
    "-e",
    metavar="NAME",
    help="The environment: the name of its folder.  [default: the only one there is]",
)

specs_option = click.option(
    "--specs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="RECONCILER_SPECS",
    default="connectors",
    show_default=True,
    show_envvar=True,
    help="The folder that holds the environments' folders.",
)
