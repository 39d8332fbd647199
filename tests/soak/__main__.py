"""`python -m tests.soak --minutes 30`: prints what the gateway holds, and what it should not have done."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import soak


def main() -> int:
    """Run it; code 1 if something is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=20, help="requests a second, at most")
    parser.add_argument("--folder", type=Path, help="where the gateway's output is kept, if it shall be")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(soak(asked.folder or Path(folder), asked.minutes, asked.rate))
    failures = report.failures()
    print(report, *failures, f"{len(failures)} failures", sep="\n")  # noqa: T201 - the result
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
