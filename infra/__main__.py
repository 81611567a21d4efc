"""The Pulumi program: what the stack's environment declares, built."""

from pathlib import Path

import pulumi

from reconciler.sdk.speed import collect_less_garbage, make_faster
from reconciler.stack.program import Settings, main

make_faster()
collect_less_garbage()
pulumi.run(lambda: main(Settings.from_environment(root=Path(__file__).resolve().parent.parent)))
