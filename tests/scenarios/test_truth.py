"""What came is told and nothing else: from each of four upstreams to the SDK of each client protocol."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import aiohttp
import pytest

from gateway.config.schema import ServerConfig, TimeoutsConfig
from gateway.wire.fast_json import dumps
from tests.chaos.client import Client
from tests.chaos.clients import CLIENTS, SPOKEN
from tests.chaos.endings import SAID_AS, Broken, Heard, Kind, Whole, fits
from tests.fidelity.echoes import SPEECHES
from tests.gateways import configured, pool, running
from tests.upstreams import FakeUpstream, Play, Reset, Silence, playing

pytestmark = [
    pytest.mark.slow,
    # How the google-genai SDK makes its connections, and what it leaves behind of a stream that broke.
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning"),
]

WORDS = ("Hello", " world")
WHOLE = Whole("".join(WORDS), usage=(7, 2))
OVERLOAD = b'data: {"error":{"message":"busy","type":"server_error","code":503,"status":"UNAVAILABLE"}}\n\n'
NAMED_OVERLOAD = (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
)


@dataclass(frozen=True)
class Speaker:
    """An upstream's protocol: what its records are, how one of them tells of an error, what it sends to show
    that it lives.
    """

    protocol: str
    below: str
    error: bytes
    ping: bytes

    @property
    def opening(self) -> list[bytes]:
        """All before the first word."""
        return self._records[: self._first]

    @property
    def first(self) -> bytes:
        """The record of the first word."""
        return self._records[self._first]

    @property
    def rest(self) -> list[bytes]:
        """All behind it."""
        return self._records[self._first + 1 :]

    def play(self, *chunks: bytes | asyncio.Event | Silence | Reset) -> Play:
        """A stream of these."""
        return Play(chunks, content_type=SPEECHES[self.protocol].content_type)

    @property
    def _records(self) -> list[bytes]:
        return list(SPEECHES[self.protocol].records(WORDS))

    @property
    def _first(self) -> int:
        return next(n for n, record in enumerate(self._records) if WORDS[0].encode() in record)


SPEAKERS: Mapping[str, Speaker] = {
    "openai-custom": Speaker("openai_chat", "/v1", OVERLOAD, b": ping\n\n"),
    "claude-custom": Speaker("anthropic", "", NAMED_OVERLOAD, b'event: ping\ndata: {"type":"ping"}\n\n'),
    "gemini": Speaker("gemini", "", OVERLOAD, b": ping\n\n"),
    "ollama": Speaker("ollama", "", b'{"error":"busy"}\n', b"\n"),
}
"""By the name of the provider."""

HASTE = TimeoutsConfig(first_content=0.3, idle=0.1)


def late_breaks(speaker: Speaker) -> dict[str, Play]:
    """All ways to end behind the first word that are no finish."""
    said = [*speaker.opening, speaker.first]
    return {
        "the end": speaker.play(*said),
        "the end within a record": speaker.play(*said, speaker.rest[0][:-9]),
        "the end without a finish": speaker.play(*said, speaker.rest[0]),
        "a reset": speaker.play(*said, Reset()),
        "an error": speaker.play(*said, speaker.error),
        "no JSON": speaker.play(*said, speaker.rest[0].replace(b"}", b"")),
        "silence": speaker.play(*said, Silence()),
    }


def early_breaks(speaker: Speaker) -> dict[str, Play]:
    """All ways to fail before the first word."""
    return {
        "refused": Play([b"{}"], 500, content_type="application/json"),
        "limited": Play([b"{}"], 429, content_type="application/json"),
        "locked out": Play([b"{}"], 401, content_type="application/json"),
        "a page": Play([b"<html>log in</html>"], content_type="text/html"),
        "nothing": speaker.play(),
        "the end": speaker.play(*speaker.opening),
        "a reset": speaker.play(*speaker.opening, Reset()),
        "an error": speaker.play(*speaker.opening, speaker.error),
        "signs of life": speaker.play(*speaker.opening, speaker.ping, Silence()),
    }


@asynccontextmanager
async def understudied(
    provider: str, sdk: str, script: Play
) -> AsyncIterator[tuple[Client, FakeUpstream, FakeUpstream]]:
    """An SDK in front of an upstream that plays `script` and one that is well."""
    speaker = SPEAKERS[provider]
    good = speaker.play(*speaker.opening, speaker.first, *speaker.rest)
    async with AsyncExitStack() as stack:
        bad, well = [await stack.enter_async_context(playing(play)) for play in (script, good)]
        members = pool("p", provider, bad.url + speaker.below, well.url + speaker.below)
        gateway = await stack.enter_async_context(running(configured(members, timeouts=HASTE)))
        yield await stack.enter_async_context(CLIENTS[sdk](gateway)), bad, well


@pytest.mark.parametrize("sdk", CLIENTS)
@pytest.mark.parametrize("provider", SPEAKERS)
async def test_a_stream_that_breaks_is_told_as_broken_and_never_begun_again(provider: str, sdk: str) -> None:
    async def breaks(play: Play) -> tuple[Heard, int]:
        async with understudied(provider, sdk, play) as (client, _, well):
            return await client.hear("m", stream=True), len(well.heard)

    for way, play in late_breaks(SPEAKERS[provider]).items():
        heard, others = await breaks(play)
        kind = {"silence": Kind.TIMEOUT, "an error": Kind.OVERLOADED}.get(way, Kind.UPSTREAM)
        # A line that says there was an error has no word for its kind.
        kind = Kind.UPSTREAM if (provider, way) == ("ollama", "an error") else kind
        assert fits(Broken(kind, WHOLE.text), heard, SPOKEN[sdk], verbatim=False), (way, heard)
        assert heard.text.startswith(WORDS[0]), way
        assert others == 0, way


@pytest.mark.parametrize("sdk", CLIENTS)
@pytest.mark.parametrize("provider", SPEAKERS)
async def test_what_fails_before_the_first_word_of_a_stream_is_made_up_for(provider: str, sdk: str) -> None:
    for way, play in early_breaks(SPEAKERS[provider]).items():
        async with understudied(provider, sdk, play) as (client, bad, well):
            heard = await client.hear("m", stream=True)
        assert fits(WHOLE, heard, SPOKEN[sdk], verbatim=True), (way, heard)
        assert (len(bad.heard), len(well.heard)) == (1, 1), way


@pytest.mark.parametrize("sdk", CLIENTS)
async def test_sdks_survive_the_heartbeats_of_a_gateway_that_waits(sdk: str) -> None:
    speaker, go = SPEAKERS["claude-custom"], asyncio.Event()
    late = speaker.play(*speaker.opening, go, speaker.first, *speaker.rest)
    async with playing(late) as upstream:
        config = configured(pool("p", "claude-custom", upstream.url), server=hurried(0.01))
        async with running(config) as gateway, CLIENTS[sdk](gateway) as client:
            asyncio.get_running_loop().call_later(0.2, go.set)
            heard = await client.hear("m", stream=True)
    assert fits(WHOLE, heard, SPOKEN[sdk], verbatim=True), heard


def hurried(heartbeat_s: float) -> ServerConfig:
    return ServerConfig(port=0, heartbeat_s=heartbeat_s)


LIMIT_S = 0.3


def ticking(record: bytes) -> Iterator[bytes | asyncio.Event]:
    """`record` for ever, many times in `LIMIT_S`."""
    while True:
        tick = asyncio.Event()
        asyncio.get_running_loop().call_later(LIMIT_S / 10, tick.set)
        yield tick
        yield record


def endless(speaker: Speaker, begin: Sequence[bytes], record: bytes) -> Play:
    chunks = (chunk for part in (begin, ticking(record)) for chunk in part)
    return Play(chunks, content_type=speaker.play().content_type)


TIMERS = ("non_stream", "first_content", "idle", "progress", "total")


def only_for(timer: str, speaker: Speaker) -> Play:
    """What nothing but `timer` ends."""
    said = [*speaker.opening, speaker.first]
    return {
        "non_stream": speaker.play(Silence()),
        "first_content": endless(speaker, speaker.opening, speaker.ping),
        "idle": speaker.play(*said, Silence()),
        "progress": endless(speaker, said, speaker.ping),
        "total": endless(speaker, said, speaker.first),
    }[timer]


@pytest.mark.parametrize("provider", SPEAKERS)
@pytest.mark.parametrize("timer", TIMERS)
async def test_every_timer_ends_what_nothing_else_would_and_within_a_second(
    timer: str, provider: str
) -> None:
    speaker = SPEAKERS[provider]
    limits: dict[str, Any] = {timer: LIMIT_S}
    async with playing(only_for(timer, speaker)) as upstream:
        members = pool("p", provider, upstream.url + speaker.below)
        async with running(configured(members, timeouts=TimeoutsConfig(**limits))) as gateway:
            async with CLIENTS["openai"](gateway) as client:
                began = monotonic()
                heard = await client.hear("m", stream=timer != "non_stream")
                assert LIMIT_S <= monotonic() - began <= LIMIT_S + 1
    status, word = SAID_AS["openai"][Kind.TIMEOUT]
    begun = timer in {"idle", "progress", "total"}
    assert (heard.status, heard.word) == (200 if begun else status, word)
    assert heard.text.startswith(WORDS[0] if begun else "")


def test_the_timers_are_those_that_are_promised() -> None:
    assert TimeoutsConfig() == TimeoutsConfig(
        connect=5, first_content=300, idle=300, progress=600, total=3600, non_stream=600
    )
    assert ServerConfig().heartbeat_s == 15


async def test_a_client_that_reads_slowly_misses_nothing_of_what_follows_a_finish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.relay.attempt._FINISH_S", 0.5)
    speaker = SPEAKERS["gemini"]
    # Models of this protocol say in every record that they are done.
    pieces, word = 200, "y" * 60_000
    record = b"data: %b\n\n" % dumps(SPEECHES["gemini"].whole(word))
    begun, body = asyncio.Event(), {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    async with playing(speaker.play(*[record] * pieces)) as upstream:
        async with running(configured(pool("p", "gemini", upstream.url))) as gateway:
            path = f"{gateway}/v1beta/models/m:streamGenerateContent?alt=sse"
            async with aiohttp.ClientSession() as session, session.post(path, json=body) as reply:
                asyncio.get_running_loop().call_later(1, begun.set)
                await begun.wait()
                assert (await reply.read()).count(word.encode()) == pieces
