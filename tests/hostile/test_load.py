"""Too much at once, against the real process: what is over a limit is told at once, and nobody else waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import orjson
import pytest

from tests.hostile.cases import Case, complaints, configuration, post, upstreams
from tests.hostile.dialects import DIALECTS, KEY
from tests.hostile.probe import probing
from tests.processes import Served, pool, serving
from tests.raw import RawReply, connected, said_to
from tests.upstreams import FakeUpstream, Play, Silence, completion, playing

pytestmark = pytest.mark.slow

FINE = Play([completion("fine")], content_type="application/json")
SILENT = Play([Silence()], status=201, content_type="application/json")
TELLS_TO_WAIT = {"openai_chat": 503, "anthropic": 529, "gemini": 503, "ollama": 503}


def patient(openai: str, claude: str, **server: Any) -> dict[str, Any]:
    """A gateway that does not hang up on a client which the machine keeps waiting."""
    return configuration(openai, claude, **{"header_timeout_s": 60, "body_timeout_s": 60, **server})


def asked(name: str, model: str = "gpt-test", **changes: Any) -> bytes:
    path, body = DIALECTS[name].said_to(model, **changes)
    return post(path, orjson.dumps(body))


@asynccontextmanager
async def busy(served: Served, upstream: FakeUpstream, said: bytes, times: int) -> AsyncIterator[None]:
    """`times` clients that have asked and wait for an upstream that says nothing."""
    async with AsyncExitStack() as stack:
        for _ in range(times):
            _, writer = await stack.enter_async_context(connected(served.url))
            writer.write(said)
        async with asyncio.timeout(30):
            while upstream.active < times:
                await asyncio.sleep(0.01)
        yield
    async with asyncio.timeout(10):
        await upstream.idle.wait()


async def timed(served: Served, said: bytes, times: int) -> tuple[list[float], list[RawReply]]:
    """How long each of `times` replies took, one after the other, and the replies."""
    took, replies = [], []
    for _ in range(times):
        started = perf_counter()
        replies.append(await said_to(served.url, said))
        took.append(perf_counter() - started)
    return took, replies


async def test_over_the_most_requests_at_once_each_protocol_is_told_to_come_back_within_50_ms(
    tmp_path: Path,
) -> None:
    async with playing(SILENT) as upstream:
        config = patient(upstream.url, upstream.url, max_in_flight=5)
        async with serving(tmp_path, **config) as served:
            async with busy(served, upstream, asked("openai_chat"), 5):
                for name, status in TELLS_TO_WAIT.items():
                    took, replies = await timed(served, asked(name), 20)
                    case = Case("load", name, (), frozenset({status}), name)
                    for reply in replies:
                        assert list(complaints(case, reply)) == []
                        assert "\nretry-after: 1" in reply.head
                    assert median(took) < 0.05
            upstream.script = [FINE]
            assert (await said_to(served.url, asked("openai_chat"))).status == 200


async def test_beside_1000_open_requests_the_process_answers_its_probe_within_100_ms(tmp_path: Path) -> None:
    async with playing(SILENT) as upstream:
        async with serving(tmp_path, **patient(upstream.url, upstream.url)) as served:
            async with busy(served, upstream, asked("openai_chat"), 1000):
                async with probing(served) as latencies:
                    took, refusals = await timed(served, asked("openai_chat"), 200)
    assert {reply.status for reply in refusals} == {503}
    assert median(took) < 0.05
    assert latencies.p99 < 0.1


async def test_a_provider_that_stalls_does_not_hold_up_another(tmp_path: Path) -> None:
    stalled, free = tmp_path / "stalled", tmp_path / "free"
    stalled.mkdir()
    free.mkdir()
    async with playing(SILENT) as silent, playing(FINE) as fine:
        config = patient(fine.url, fine.url)
        config["pools"].append(pool("stalls", "openai-custom", f"{silent.url}/v1", models=["stall-*"]))
        async with serving(stalled, **config) as beset, serving(free, **config) as idle:
            async with busy(beset, silent, asked("openai_chat", "stall-1"), 500):
                ratios = []
                # Turn by turn, so that what else the machine does meets both alike.
                for _ in range(200):
                    (one,), _ = await timed(beset, asked("openai_chat"), 1)
                    (other,), (reply,) = await timed(idle, asked("openai_chat"), 1)
                    assert reply.status == 200
                    ratios.append(one / other)
    assert median(ratios) < 1.1


@pytest.mark.parametrize("model", ["gpt-test", "claude-test"], ids=["passed on", "translated"])
async def test_five_bodies_of_8_mib_at_once_let_the_loop_turn(model: str, tmp_path: Path) -> None:
    large = asked(
        "openai_chat", model, messages=[{"role": "user", "content": "word " * 800} for _ in range(2_100)]
    )
    assert len(large) > 8 * 2**20
    async with upstreams() as (openai, claude):
        config = patient(openai.url, claude.url, body_limit_bytes=2**25)
        async with serving(tmp_path, **config) as served, probing(served) as latencies:
            asking = (said_to(served.url, large, patience_s=60) for _ in range(5))
            replies = await asyncio.gather(*asking)
    assert {reply.status for reply in replies} == {200}
    assert latencies.longest < 0.5


@pytest.mark.parametrize("name", DIALECTS)
async def test_who_guesses_keys_has_to_wait_and_who_has_one_does_not(name: str, tmp_path: Path) -> None:
    path, body = DIALECTS[name].said_to("gpt-test")
    async with playing(FINE) as upstream:
        async with serving(tmp_path, **patient(upstream.url, upstream.url)) as served:
            replies = []
            for number in range(12):
                said = post(
                    path, orjson.dumps(body), f"X-Forwarded-For: 10.0.0.{number}", key=f"guess-{number}"
                )
                reply = await said_to(served.url, said)
                replies.append(reply)
                case = Case("auth", name, (), frozenset({401, 429}), name)
                assert list(complaints(case, reply)) == []
            good = await said_to(served.url, asked(name))
            output = served.output()
    assert [reply.status for reply in replies] == [401] * 10 + [429] * 2
    assert "\nretry-after: 60" in replies[-1].head
    assert good.status == 200
    assert KEY not in output
    assert "guess-" not in output
