"""A gateway that starts: soon, small, and without asking anybody."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.gateways import free_port
from tests.knocking import knocking
from tests.processes import commanded
from tests.upstreams import Play, completion, playing

pytestmark = pytest.mark.slow

MEMBERS = 100
POOL = "\n".join(
    f"    - {{uuid: m{n}, base_url: 'https://upstream-{n}.invalid/v1', api_key: planted-member-{n}-4f81}}"
    for n in range(MEMBERS)
)
CONFIG = f"pools:\n  openai-custom:\n{POOL}\n"

# Without uvloop, whose network is out of the sight of Python's auditors.
WATCHED = """
import json, os, signal, sys
asked = []
def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        asked.append([event, str(arguments[1 if event == "socket.connect" else 0])])
sys.addaudithook(audit)
sys.modules["uvloop"] = None
from gateway import cli
sys.argv = ["gateway", "serve", "-config", "gateway.yaml", "--port", sys.argv[1]]
try:
    cli.main()
finally:
    heavy = [name for name in ("anthropic", "google.auth", "requests", "openai") if name in sys.modules]
    print(json.dumps({"asked": asked, "heavy": heavy}), file=sys.stderr)
"""


async def test_it_asks_nobody_and_loads_no_sdk(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WATCHED, str(free_port())),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "GATEWAY_STATE_DIR": str(tmp_path / "state")},
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stderr is not None
    async with asyncio.timeout(60):
        assert (await child.stderr.readline()).startswith(b"Gateway ready on ")
        child.send_signal(signal.SIGTERM)
        told = json.loads((await child.stderr.read()).splitlines()[-1])
    await child.wait()
    strangers = [where for where in told["asked"] if "127.0.0.1" not in where[1]]
    assert (strangers, told["heavy"]) == ([], [])


async def test_with_a_hundred_members_it_is_ready_soon_and_small(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    started = asyncio.get_running_loop().time()
    async with commanded(tmp_path, "-config", "gateway.yaml") as served:
        took = asyncio.get_running_loop().time() - started
        assert took - served.kept_waiting_s() < 2
        assert served.resident_mib() <= 80


async def test_killed_it_serves_again_within_three_seconds(tmp_path: Path) -> None:
    port, loop = free_port(), asyncio.get_running_loop()
    json_reply = Play([completion("fine")], content_type="application/json")
    async with playing(json_reply) as upstream:
        for _ in range(5):
            killed = loop.time()
            async with (
                commanded(tmp_path, port=port, OPENAI_BASE_URL=f"{upstream.url}/v1") as served,
                knocking(served.url) as knocks,
            ):
                await knocks.more(1)
                took = loop.time() - killed
                assert took - served.kept_waiting_s() < 3
                assert knocks.failed == []
                served.child.kill()


async def test_the_first_answer_comes_at_three_times_the_cost_of_its_libraries(tmp_path: Path) -> None:
    json_reply = Play([completion("fine")], content_type="application/json")
    costs: list[float] = []
    shares: list[float] = []
    async with playing(json_reply) as upstream:
        # One after the other, as the machine is not as fast at one time as at another.
        for _ in range(5):
            libraries = await cpu_s("import aiohttp, pydantic, structlog, yaml")
            costs.append(await _first_answer_s(tmp_path, upstream.url))
            shares.append(costs[-1] / libraries)
    assert median(costs) < 1.5
    assert median(shares) < 3


async def _first_answer_s(folder: Path, upstream: str) -> float:
    """What a gateway has spent when its first answer is there."""
    async with (
        commanded(folder, OPENAI_BASE_URL=f"{upstream}/v1") as served,
        knocking(served.url, at_once=1) as knocks,
    ):
        await knocks.more(1)
        return spent_s(served.child.pid)


async def cpu_s(program: str) -> float:
    """What it costs to run `program`."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{program}; import time; print(time.process_time())"),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await child.communicate()
    return float(told)


def spent_s(pid: int) -> float:
    """What a process has cost so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
