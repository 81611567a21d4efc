"""The Pulumi program: what the stack's environment declares, built."""

from pathlib import Path

import pulumi

from reconciler.stack.program import Settings, main
from reconciler.stack.sdk_speed import make_faster

make_faster()
pulumi.run(lambda: main(Settings.from_environment(root=Path(__file__).resolve().parent.parent)))
