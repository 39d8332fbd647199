"""State survives: the process is killed, another one is started, and it knows."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.processes import commanded
from tests.upstreams import FakeUpstream, Play, completion, playing

pytestmark = pytest.mark.slow

SAID = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}]}
REJECTED = Play([b"{}"], status=401, content_type="application/json")
FINE = Play([completion("fine")], content_type="application/json")
KEY = "planted-upstream-key-8d21"


async def ask(gateway: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway}/v1/chat/completions", json=SAID) as reply,
    ):
        await reply.read()
        return reply.status


def configured(folder: Path, *members: str) -> tuple[str, str]:
    lines = "\n".join(f"    - {{{member}}}" for member in members)
    (folder / "gateway.yaml").write_text(f"pools:\n  openai-custom:\n{lines}\n")
    return "-config", "gateway.yaml"


def member(name: str, upstream: FakeUpstream, more: str = "") -> str:
    return f"uuid: {name}, base_url: '{upstream.url}/v1', api_key: {KEY}-{name}{more}"


async def written(folder: Path, wanted: Callable[[bytes], bool]) -> None:
    """Wait until what the process has written behind says so."""
    async with asyncio.timeout(20):
        while not wanted(b"".join(file.read_bytes() for file in sorted((folder / "state").iterdir()))):
            await asyncio.sleep(0.05)


async def test_a_rest_holds_after_a_kill(tmp_path: Path) -> None:
    async with playing(REJECTED) as bad, playing(FINE) as good:
        arguments = configured(tmp_path, member("bad", bad), member("good", good))
        async with commanded(tmp_path, *arguments) as served:
            assert [await ask(served.url) for _ in range(4)] == [200] * 4
            await written(tmp_path, lambda file: b"CredentialRejected" in file)
            served.child.kill()
        async with commanded(tmp_path, *arguments) as served:
            assert [await ask(served.url) for _ in range(4)] == [200] * 4
            assert '"state_recalled"' in served.output()
    assert (len(bad.heard), len(good.heard)) == (1, 8)


async def test_all_workers_know_of_a_rest_that_one_of_them_began(tmp_path: Path) -> None:
    async with playing(REJECTED) as bad, playing(FINE) as good:
        arguments = configured(tmp_path, member("bad", bad), member("good", good))
        async with commanded(tmp_path, *arguments) as served:
            assert await ask(served.url) == await ask(served.url) == 200
            served.child.terminate()
            await served.child.wait()
        assert len(bad.heard) == 1
        async with commanded(tmp_path, *arguments, "--workers", "2") as served:
            assert [await ask(served.url) for _ in range(8)] == [200] * 8
            assert served.output().count('"state_recalled"') == 2
    assert len(bad.heard) == 1


async def test_of_three_a_day_one_is_left_when_two_were_used_before(tmp_path: Path) -> None:
    async with playing(FINE) as upstream:
        quota = ", limits: {quotas: [{requests: 3, period: 1d}]}"
        arguments = configured(tmp_path, member("a", upstream, quota))
        async with commanded(tmp_path, *arguments) as served:
            assert [await ask(served.url) for _ in range(2)] == [200, 200]
            served.child.terminate()
            await served.child.wait()
        async with commanded(tmp_path, *arguments) as served:
            assert [await ask(served.url) for _ in range(3)] == [200, 429, 429]


async def test_what_is_written_says_no_key_and_is_the_owners_alone(tmp_path: Path) -> None:
    async with playing(FINE) as upstream:
        limit = ", limits: {rpm: 5}"
        async with commanded(tmp_path, *configured(tmp_path, member("a", upstream, limit))) as served:
            await ask(served.url)
            await written(tmp_path, lambda file: b"requests 60 s" in file)
            files = list((tmp_path / "state").iterdir())
            assert KEY.encode() not in b"".join(file.read_bytes() for file in files)
            assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("place", ["a file", "another kind"])
async def test_where_nothing_can_be_written_it_serves_and_says_so_once(tmp_path: Path, place: str) -> None:
    state = tmp_path / "elsewhere"
    if place == "a file":
        state.write_text("")
    else:
        state.mkdir()
        (state / "state.sqlite3").write_text("my shopping list, which is longer than a header\n" * 100)
    async with playing(FINE) as upstream:
        arguments = configured(tmp_path, member("a", upstream))
        async with commanded(tmp_path, *arguments, GATEWAY_STATE_DIR=str(state)) as served:
            assert await ask(served.url) == 200
            assert served.output().count('"state_in_memory_only"') == 1


async def test_without_a_word_state_stands_where_the_system_keeps_it(tmp_path: Path) -> None:
    async with commanded(tmp_path, GATEWAY_STATE_DIR="", XDG_STATE_HOME=str(tmp_path / "xdg")):
        pass
    assert (tmp_path / "xdg" / "gateway" / "state.sqlite3").is_file()
