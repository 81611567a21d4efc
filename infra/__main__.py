"""The Pulumi program: what the stack's environment declares, built."""

from pathlib import Path

import pulumi

from reconciler.sdk.speed import make_faster
from reconciler.stack.program import Settings, main

make_faster()
pulumi.run(lambda: main(Settings.from_environment(root=Path(__file__).resolve().parent.parent)))
