"""Register every resource from the stack's config and the environments' files."""

from pathlib import Path

import pulumi

from bootstrap.program import main

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"

pulumi.run(lambda: main(CONNECTORS))
