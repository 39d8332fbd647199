"""Several workers behind one port: they come and go, and whoever asks is answered."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.gateways import free_port
from tests.knocking import BODY, knocking
from tests.processes import Served, commanded, kept_waiting_s
from tests.upstreams import Play, Silence, chunk, completion, playing, sse

pytestmark = pytest.mark.slow

JSON = Play([completion("fine")], content_type="application/json")
HERE = sse(chunk({"role": "assistant", "content": "Hello"}), done=False)
REST = sse(chunk({"content": " world"}), chunk({}, "stop"))
STREAMS = 20
RENEWALS = 5
PATIENCE_S = 60
CONFIG = """
server: {{workers: 2, accept_while_draining: 300ms, drain: 300s}}
health_check: {{enabled: false}}
pools: {{openai-custom: [{{base_url: "{url}/v1", models: ["*"]}}]}}
"""


@asynccontextmanager
async def two_workers(folder: Path, upstream: str, port: int = 0) -> AsyncIterator[Served]:
    """A gateway in front of `upstream`."""
    (folder / "gateway.yaml").write_text(CONFIG.format(url=upstream))
    async with commanded(folder, "-config", "gateway.yaml", port=port) as served:
        try:
            yield served
        finally:
            for pid in filter(alive, workers(served)):
                os.kill(pid, signal.SIGKILL)


def records(served: Served, event: str) -> list[dict[str, object]]:
    # The last line may be one that is just being written.
    whole, _, _ = (served.folder / "out").read_text().rpartition("\n")
    lines = map(json.loads, whole.splitlines())
    return [line for line in lines if line["event"] == event]


def workers(served: Served) -> list[int]:
    """The processes that were ever started, but for those that have ended."""
    ended = {line["worker"] for line in records(served, "worker_ended")}
    started = [int(str(line["worker"])) for line in records(served, "worker_started")]
    return [pid for pid in started if pid not in ended]


async def started(served: Served, count: int) -> list[int]:
    """The workers, once `count` have been started in all and those that they replace have ended."""
    async with asyncio.timeout(PATIENCE_S):
        while len(records(served, "worker_started")) < count or len(workers(served)) != 2:
            await asyncio.sleep(0.02)
    return workers(served)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pids: list[int]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any(alive(pid) for pid in pids):
            await asyncio.sleep(0.02)


async def begin(session: aiohttp.ClientSession, served: Served) -> aiohttp.ClientResponse:
    """A stream of which the first word has come."""
    stream = await session.post(f"{served.url}/v1/chat/completions", json={**BODY, "stream": True})
    await stream.content.readuntil(b"Hello")
    return stream


async def exit_code(served: Served) -> int:
    async with asyncio.timeout(PATIENCE_S):
        return await served.child.wait()


async def test_both_workers_serve(tmp_path: Path) -> None:
    async def ask(session: aiohttp.ClientSession) -> int:
        async with session.post(f"{served.url}/v1/chat/completions", json=BODY) as reply:
            return reply.status

    async with playing(JSON) as upstream, two_workers(tmp_path, upstream.url) as served:
        stopped, _ = workers(served)
        os.kill(stopped, signal.SIGSTOP)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            asked = [asyncio.ensure_future(ask(session)) for _ in range(40)]
            answered, waiting = await asyncio.wait(asked, timeout=2)
            assert answered
            assert waiting
            os.kill(stopped, signal.SIGCONT)
            assert set(await asyncio.gather(*asked)) == {200}
        served.child.send_signal(signal.SIGTERM)
        assert await exit_code(served) == 0


async def test_workers_that_restart_one_after_the_other_refuse_nobody(tmp_path: Path) -> None:
    async with playing(JSON) as upstream, two_workers(tmp_path, upstream.url) as served:
        async with knocking(served.url) as knocks:
            await knocks.more(50)
            for count, worker in enumerate(workers(served), 3):
                os.kill(worker, signal.SIGTERM)
                await started(served, count)
            await knocks.more(50)
        assert knocks.failed == []


async def test_renewing_the_workers_refuses_nobody_and_breaks_no_stream(tmp_path: Path) -> None:
    release = asyncio.Event()

    async with (
        playing(*[Play([HERE, release, REST])] * STREAMS, JSON) as upstream,
        two_workers(tmp_path, upstream.url) as served,
        aiohttp.ClientSession() as session,
    ):
        begun = [await begin(session, served) for _ in range(STREAMS)]
        async with knocking(served.url) as knocks:
            await knocks.more(20)
            for _ in range(RENEWALS):
                served.child.send_signal(signal.SIGHUP)
                await knocks.more(20)
            assert upstream.active >= STREAMS
            release.set()
            rests = [await stream.content.read() for stream in begun]
            await started(served, 2 + 2 * RENEWALS)
            await knocks.more(20)
        assert knocks.failed == []
        assert [rest for rest in rests if not rest.endswith(b"data: [DONE]\n\n")] == []


async def test_new_workers_run_as_the_configuration_says_now(tmp_path: Path) -> None:
    async with (
        playing(JSON) as former,
        playing(JSON) as latter,
        two_workers(tmp_path, former.url) as served,
    ):
        (tmp_path / "gateway.yaml").write_text(
            CONFIG.format(url=latter.url).replace("workers: 2", "workers: 3")
        )
        served.child.send_signal(signal.SIGHUP)
        await started(served, 4)
        async with knocking(served.url) as knocks:
            await knocks.more(20)
        assert (knocks.failed, former.heard) == ([], [])
        assert [line["settings"] for line in records(served, "change_needs_a_restart")] == [["workers"]]


async def test_a_configuration_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    async with playing(JSON) as upstream, two_workers(tmp_path, upstream.url) as served:
        (tmp_path / "gateway.yaml").write_text("pools: {nobody: [{modles: x}]}\n")
        served.child.send_signal(signal.SIGHUP)
        async with asyncio.timeout(PATIENCE_S):
            while "did you mean models?" not in served.output():
                await asyncio.sleep(0.02)
        async with knocking(served.url) as knocks:
            await knocks.more(20)
        assert knocks.failed == []
        assert len(records(served, "worker_started")) == 2


async def test_workers_that_are_killed_serve_again_within_three_seconds(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with playing(JSON) as upstream, two_workers(tmp_path, upstream.url) as served:
        for kill in range(1, 8):
            for worker in await started(served, 2 * kill):
                os.kill(worker, signal.SIGKILL)
            killed, waited = loop.time(), served.kept_waiting_s()
            async with knocking(served.url, at_once=1) as knocks:
                await knocks.more(1)
            took = loop.time() - killed
            waited = served.kept_waiting_s() - waited + min(map(kept_waiting_s, workers(served)))
            assert took - waited < 3
            assert knocks.failed == []
        assert {line["code"] for line in records(served, "worker_ended")} == {-signal.SIGKILL}


async def test_workers_outlive_a_killed_supervisor_only_as_long_as_their_requests(tmp_path: Path) -> None:
    port = free_port()
    async with playing(Play([HERE, Silence()]), JSON) as upstream, aiohttp.ClientSession() as session:
        async with two_workers(tmp_path, upstream.url, port=port) as served:
            stream = await begin(session, served)
            left = workers(served)
            served.child.kill()
            await served.child.wait()
            second = tmp_path / "second"
            second.mkdir()
            async with two_workers(second, upstream.url, port=port) as again:
                async with knocking(again.url) as knocks:
                    await knocks.more(20)
                assert (knocks.failed, upstream.active) == ([], 1)
                stream.close()
                await gone(left)


async def test_told_to_stop_they_finish_and_a_second_signal_waits_for_nobody(tmp_path: Path) -> None:
    async with playing(Play([HERE, Silence()])) as upstream, two_workers(tmp_path, upstream.url) as served:
        async with aiohttp.ClientSession() as session:
            stream = await begin(session, served)
            # As a service manager does it: everybody is told.
            for pid in (served.child.pid, *workers(served)):
                os.kill(pid, signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                while len(records(served, "worker_ended")) < 1:
                    await asyncio.sleep(0.02)
            assert upstream.active == 1
            served.child.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(aiohttp.ClientPayloadError):
                    await stream.content.read()
            stream.close()
            assert await exit_code(served) == 0


BROKEN = """
import sys
from gateway import app, cli
def fail(*_):
    raise MemoryError
app.work = fail
sys.argv = ["gateway", "serve", "--workers", "2", "--port", sys.argv[1]]
cli.main()
"""


async def test_where_no_worker_starts_there_is_no_gateway(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BROKEN, str(free_port())),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "GATEWAY_STATE_DIR": str(tmp_path / "state")},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        _, told = await child.communicate()
    assert child.returncode == 1
    assert b"gateway: the workers end before they serve" in told
    assert b"Gateway ready" not in told


async def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    async with playing(JSON) as upstream:
        port = upstream.url.rpartition(":")[2]
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "serve", "--workers", "2", "--port", port),
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "GATEWAY_STATE_DIR": str(tmp_path / "state")},
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE_S):
            _, told = await child.communicate()
        assert child.returncode == 2
        assert told.decode().startswith(f"gateway: cannot listen on 127.0.0.1:{port}: ")
        assert told.count(b"\n") == 1
