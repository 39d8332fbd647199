"""An upstream of each protocol that says the user's words back: whole, or one piece a record, its bytes cut
anywhere.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Speech:
    """How a protocol says words: `heard` finds the user's in a body, `whole` makes a reply, `records` a
    stream.
    """

    content_type: str
    heard: Callable[[Any], str]
    whole: Callable[[str], Any]
    records: Callable[[Sequence[str]], Iterable[bytes]]
    streams: Callable[[str, Any], bool] = lambda _path, body: body.get("stream", False)


def dumped(value: Any, number: int = 0) -> bytes:
    """As JSON; every second record as pure ASCII, for both are said on the wire."""
    return json.dumps(value, ensure_ascii=number % 2 == 0, separators=(",", ":")).encode()


def _sse(*values: Any) -> list[bytes]:
    return [b"data: %b\n\n" % dumped(value, number) for number, value in enumerate(values)]


def _of_chat(body: Any) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _of_gemini(body: Any) -> str:
    return "".join(part["text"] for part in body["contents"][-1]["parts"])


def _completion(text: str) -> Any:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def _chunks(pieces: Sequence[str]) -> Iterable[bytes]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1767225600, "model": "m"}
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": piece}, None) for piece in pieces]
    said = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        for delta, finish in [*deltas, ({}, "stop")]
    ]
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    return [*_sse(*said, {**head, "choices": [], "usage": usage}), b"data: [DONE]\n\n"]


def _message(text: str, *, stop: str | None = "end_turn") -> Any:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": text}] if stop else [],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 2},
    }


def _events(pieces: Sequence[str]) -> Iterable[bytes]:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        for piece in pieces
    ]
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events: list[Any] = [
        {"type": "message_start", "message": _message("", stop=None)},
        block,
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return [
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), dumped(event, number))
        for number, event in enumerate(events)
    ]


def _candidate(text: str, finish: str | None = "STOP") -> Any:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9}
    said = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r-1"}
    if finish is not None:
        candidate["finishReason"] = finish
    return said


def _candidates(pieces: Sequence[str]) -> Iterable[bytes]:
    return _sse(*(_candidate(piece, None) for piece in pieces), _candidate(""))


def _line(text: str, *, done: bool = True) -> Any:
    said = {
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": text},
        "done": done,
    }
    if done:
        said |= {"done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2}
    return said


def _lines(pieces: Sequence[str]) -> Iterable[bytes]:
    said = [*(_line(piece, done=False) for piece in pieces), _line("")]
    return [dumped(line, number) + b"\n" for number, line in enumerate(said)]


SPEECHES: Mapping[str, Speech] = {
    "anthropic": Speech("text/event-stream", _of_chat, _message, _events),
    "gemini": Speech(
        "text/event-stream",
        _of_gemini,
        _candidate,
        _candidates,
        streams=lambda path, _: path.endswith(":streamGenerateContent"),
    ),
    "ollama": Speech(
        "application/x-ndjson", _of_chat, _line, _lines, streams=lambda _, body: body.get("stream", True)
    ),
    "openai_chat": Speech("text/event-stream", _of_chat, _completion, _chunks),
}
"""By the name of the codec."""


class Echo:
    """Says the words back in the pieces that it was told to expect them in; keeps what it said and heard."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.pieces: Sequence[str] = ()
        self.heard = ""
        self.body = b""
        self.said = b""
        self.url = ""
        self._random = Random(7)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Echo one request."""
        self.body = await request.read()
        body = json.loads(self.body)
        self.heard = self.speech.heard(body)
        if not self.speech.streams(request.path, body):
            self.said = dumped(self.speech.whole(self.heard), self._random.randrange(2))
            return web.Response(body=self.said, content_type="application/json")
        self.said = b"".join(self.speech.records(self.pieces))
        response = web.StreamResponse()
        response.content_type = self.speech.content_type
        await response.prepare(request)
        cuts = sorted(self._random.randrange(len(self.said)) for _ in range(12))
        for start, end in zip([0, *cuts], [*cuts, len(self.said)], strict=True):
            await response.write(self.said[start:end])
            await asyncio.sleep(0)
        await response.write_eof()
        return response


@asynccontextmanager
async def echoing(protocol: str) -> AsyncIterator[Echo]:
    """An upstream of `protocol` that echoes, for as long as the block lasts."""
    echo = Echo(SPEECHES[protocol])
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/{path:.*}", echo.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    echo.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield echo
    finally:
        await runner.cleanup()
