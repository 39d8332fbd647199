"""The gateway as a process of its own, configured by values, its output kept for reading."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateways import free_port

_PROGRAM = """
import os, sys
from gateway import app
from gateway.config.schema import GatewayConfig
from gateway.telemetry import logs
config = GatewayConfig.model_validate_json(os.environ["CONFIGURATION"])
logs.configure(config.log.level, "json", sys.stdout, config.secrets)
app.serve(config, lambda: print("ready", file=sys.stderr, flush=True))
"""


@dataclass
class Served:
    """A running gateway."""

    url: str
    child: asyncio.subprocess.Process
    folder: Path

    def output(self) -> str:
        """All that it has written so far."""
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()


@asynccontextmanager
async def serving(folder: Path, **config: Any) -> AsyncIterator[Served]:
    """A gateway with `config` (as JSON has it) on a free port, its output in `folder`."""
    port = free_port()
    config["server"] = {"port": port, **config.get("server", {})}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _PROGRAM,
            env={"PATH": os.environ["PATH"], "CONFIGURATION": json.dumps(config)},
            stdout=out,
            stderr=err,
        )
    served = Served(f"http://127.0.0.1:{port}", child, folder)
    try:
        async with asyncio.timeout(20):
            while "ready" not in served.output():
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
