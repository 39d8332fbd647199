"""A client in a process of its own: asks `/livez` again and again, and prints how long each answer took.

    python -m tests.hostile.probe PORT PID

It says when it begins, and ends, and prints seconds as a JSON list, when its input does. What the machine
made it or the gateway (process `PID`) wait for a processor is not in them: that is the fault of whatever else
runs. (Linux counts it.)
"""

import asyncio
import json
import os
import select
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # What it needs takes a second to load.
    from tests.processes import Served

_PAUSE_S = 0.005
_BEGUN = b"begun\n"
_REQUEST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass
class Latencies:
    """What a probe has seen, once it has ended; seconds, the shortest first."""

    seconds: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """What 99 of 100 stay below."""
        return self.seconds[len(self.seconds) * 99 // 100]

    @property
    def longest(self) -> float:
        """The worst of all."""
        return self.seconds[-1]


@asynccontextmanager
async def probing(gateway: "Served") -> AsyncIterator[Latencies]:
    """A probe of `gateway` for as long as the block lasts."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.hostile.probe",
        gateway.url.rpartition(":")[2],
        str(gateway.child.pid),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"]},
    )
    seen = Latencies()
    try:
        assert child.stdout is not None
        assert await child.stdout.readline() == _BEGUN
        yield seen
        said, _ = await child.communicate(b"")
        seen.seconds = sorted(json.loads(said))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _main() -> None:
    port, waits = int(sys.argv[1]), [Path(f"/proc/{pid}/schedstat") for pid in (sys.argv[2], "self")]

    def clock_s() -> float:
        """Time that stands still while one of the two waits for a processor."""
        waited_ns = sum(int(wait.read_text("ascii").split()[1]) for wait in waits)
        return perf_counter() - waited_ns / 1e9

    sys.stdout.buffer.write(_BEGUN)
    sys.stdout.flush()
    took: list[float] = []
    while not select.select([sys.stdin], [], [], _PAUSE_S)[0]:
        started = clock_s()
        with socket.create_connection(("127.0.0.1", port)) as probe:
            probe.sendall(_REQUEST)
            assert b" 200 " in probe.makefile("rb").readline()
        took.append(clock_s() - started)
    sys.stdout.write(json.dumps(took))


if __name__ == "__main__":
    _main()
