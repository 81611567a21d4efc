"""The Pulumi program: what the stack's environment declares, built."""

import sys
from pathlib import Path

import pulumi

from reconciler.sdk.speed import collect_less_garbage, hide_interrupts, make_faster, start_plugin_early

start_plugin_early()

from reconciler.stack.program import Settings, main  # noqa: E402 (the plugin process starts meanwhile)

make_faster()
collect_less_garbage()
sys.excepthook = hide_interrupts
pulumi.run(lambda: main(Settings.from_environment(root=Path(__file__).resolve().parent.parent)))
