"""`make pages`: run the pages and write what their commands print. `python -m tests.docs PAGE…`: these pages alone."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from tests.docs.runner import CHAINS, run_chain


def main(pages: list[str]) -> int:
    """Update pages; 1 when a command ended otherwise than its page says."""
    failed = False
    for name, chain in CHAINS.items():
        for only in [page for page in chain if page in pages] if pages else [None]:
            with tempfile.TemporaryDirectory(prefix="reconciler-pages-") as folder:
                for difference in run_chain(name, Path(folder), update=True, only=only):
                    print(difference, end="\n\n")  # noqa: T201
                    failed |= " instead of " in difference
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
