"""FakeUpstream: an HTTP server on the loopback that plays a script. The one fake of the suite."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from aiohttp import web


class Silence:
    """In a script of chunks: say nothing more until the client leaves."""


class Reset:
    """In a script of chunks: break the connection."""


@dataclass
class Play:
    """One reply. `chunks` are written one by one, what stands behind an event once it is set; a reply that is
    not reset ends properly.
    """

    chunks: Iterable[bytes | asyncio.Event | Silence | Reset] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"


@dataclass
class Heard:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)


class FakeUpstream:
    """Plays its script, one entry a request, the last one for ever; knows what it heard and what is open."""

    def __init__(self, *script: Play) -> None:
        self.script = list(script)
        self.heard: list[Heard] = []
        self.active = 0
        self.url = ""
        self.idle = asyncio.Event()
        self.idle.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Play the next entry of the script."""
        body = await request.read()
        self.heard.append(Heard(request.method, request.path_qs, request.headers, body))
        play = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.active += 1
        self.idle.clear()
        try:
            return await self._play(request, play)
        finally:
            self.active -= 1
            if self.active == 0:
                self.idle.set()

    async def _play(self, request: web.Request, play: Play) -> web.StreamResponse:
        response = web.StreamResponse(status=play.status, headers=play.headers)
        response.content_type = play.content_type
        prepared = False
        for chunk in play.chunks:
            match chunk:
                case Silence():
                    if not prepared and play.status == 200:
                        await response.prepare(request)
                    await asyncio.Event().wait()
                case Reset():
                    assert request.transport is not None
                    request.transport.abort()
                    return response
                case asyncio.Event():
                    await chunk.wait()
                case bytes():
                    if not prepared:
                        await response.prepare(request)
                        prepared = True
                    await response.write(chunk)
        if not prepared:
            await response.prepare(request)
        await response.write_eof()
        return response


SomeUpstream = TypeVar("SomeUpstream", bound=FakeUpstream)


@asynccontextmanager
async def playing(*script: Play) -> AsyncIterator[FakeUpstream]:
    """A FakeUpstream on a free port, for as long as the block lasts."""
    async with listening(FakeUpstream(*script)) as upstream:
        yield upstream


@asynccontextmanager
async def listening(upstream: SomeUpstream) -> AsyncIterator[SomeUpstream]:
    """`upstream` on a free port, for as long as the block lasts."""
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", upstream.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    upstream.url = f"http://127.0.0.1:{port}"
    try:
        yield upstream
    finally:
        await runner.cleanup()


def sse(*payloads: Any, done: bool = True) -> bytes:
    """The records of an OpenAI-like stream."""
    records = b"".join(b"data: %b\n\n" % orjson.dumps(payload) for payload in payloads)
    return records + (b"data: [DONE]\n\n" if done else b"")


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a Chat Completions stream."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1767225600,
        "model": "gpt-test",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


def completion(text: str, **more: Any) -> bytes:
    """A whole Chat Completions reply that says `text`."""
    return orjson.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1767225600,
            "model": "gpt-test",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
            **more,
        }
    )
