"""The gateway as a process of its own, configured by values, its output kept for reading."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateways import free_port

_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway import app
from gateway.config.schema import GatewayConfig
from gateway.telemetry import logs
def tell(*words):
    print(*words, file=sys.stderr, flush=True)
def ready():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: tell("tasks:", len(asyncio.all_tasks(loop))))
    tell("Gateway ready")
config = GatewayConfig.model_validate_json(Path(os.environ["CONFIGURATION"]).read_bytes())
logs.configure(config.log.level, "json", sys.stdout, config.secrets)
app.serve(config, ready)
"""


@dataclass
class Served:
    """A running gateway."""

    url: str
    child: asyncio.subprocess.Process
    folder: Path

    def kept_waiting_s(self) -> float:
        """For how long it would have run, had the machine had nothing else to do."""
        return kept_waiting_s(self.child.pid)

    async def tasks(self) -> int:
        """How many asyncio tasks it has; only a gateway of `serving` tells."""
        told = self._tasks_told()
        self.child.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(10):
            while len(now := self._tasks_told()) == len(told):
                await asyncio.sleep(0.02)
        return now[-1]

    def _tasks_told(self) -> list[int]:
        lines = (self.folder / "err").read_text().splitlines()
        return [int(line.removeprefix("tasks: ")) for line in lines if line.startswith("tasks: ")]

    def resident_mib(self) -> float:
        """Its memory. (Linux counts that.)"""
        status = Path(f"/proc/{self.child.pid}/status").read_text("utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def open_files(self) -> int:
        """How many file descriptors it has."""
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))  # noqa: PTH208 - the names do not matter

    def output(self) -> str:
        """All that it has written so far."""
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()


def kept_waiting_s(pid: int) -> float:
    """For how long a process would have run, had the machine had nothing else to do. (Linux counts that.)"""
    _, waited_ns, _ = Path(f"/proc/{pid}/schedstat").read_text("ascii").split()
    return int(waited_ns) / 1e9


@asynccontextmanager
async def serving(folder: Path, **config: Any) -> AsyncIterator[Served]:
    """A gateway with `config` (as JSON has it) on a free port, its output in `folder`."""
    port = free_port()
    config["server"] = {"port": port, **config.get("server", {})}
    (folder / "configuration.json").write_text(json.dumps(config))
    env = {"CONFIGURATION": str(folder / "configuration.json")}
    async with _started(folder, port, "-c", _PROGRAM, **env) as served:
        yield served


@asynccontextmanager
async def commanded(folder: Path, *arguments: str, port: int = 0, **env: str) -> AsyncIterator[Served]:
    """`gateway serve` as people run it, on `port` or a free one, started in `folder`; its output and its
    state are there.
    """
    port = port or free_port()
    command = ("-m", "gateway", "serve", "--port", str(port), *arguments)
    async with _started(folder, port, *command, **env) as served:
        yield served


@asynccontextmanager
async def _started(folder: Path, port: int, *command: str, **env: str) -> AsyncIterator[Served]:
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env={"PATH": os.environ["PATH"], "GATEWAY_STATE_DIR": str(folder / "state"), **env},
            cwd=folder,
            stdout=out,
            stderr=err,
        )
    served = Served(f"http://127.0.0.1:{port}", child, folder)
    try:
        async with asyncio.timeout(60):
            while "Gateway ready" not in served.output():
                assert child.returncode is None, served.output()
                await asyncio.sleep(0.02)
        yield served
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


def pool(name: str, provider: str, base_url: str, **more: Any) -> dict[str, Any]:
    """A pool with one deployment, as JSON has it."""
    deployment = {"id": f"{name}-1", "provider": provider, "base_url": base_url, "models": ["*"], **more}
    return {"name": name, "deployments": [deployment]}
