"""The demo model as an upstream, spoken to as the gateway does."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.canonical.content import Text, ToolCall
from gateway.canonical.events import Collector, Response
from gateway.canonical.usage import StopReason
from gateway.protocols.codec import Sent
from gateway.protocols.openai_chat import CODEC
from gateway.providers.demo import DemoTransport
from gateway.wire.http import HttpRequest

CHAT = "http://demo.invalid/v1/chat/completions"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Pauses:
    """Counts how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


def body(words: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"model": "demo", "messages": [{"role": "user", "content": words}], **fields}


async def exchanged(
    payload: object, pauses: Pauses | None = None, *, method: str = "POST", url: str = CHAT
) -> tuple[int, dict[str, str], list[bytes]]:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    async with DemoTransport(pauses or Pauses()).send(HttpRequest(method, url, {}, raw)) as reply:
        return reply.status, dict(reply.headers), [chunk async for chunk in reply.chunks]


def heard(chunks: Iterable[bytes]) -> Response:
    """What a stream says, read as any upstream's."""
    framing, decoder, collector = CODEC.framing.decoder(), CODEC.stream_decoder(Sent()), Collector()
    for chunk in chunks:
        for frame in framing.feed(chunk):
            for event in decoder.decode(frame):
                collector.feed(event)
    for event in decoder.close():
        collector.feed(event)
    return collector.response()


async def test_a_whole_reply_is_one_that_the_codec_reads() -> None:
    status, headers, chunks = await exchanged(body())
    assert (status, headers["content-type"]) == (200, "application/json")
    reply = CODEC.decode_response(b"".join(chunks), Sent())
    (part,) = reply.parts
    assert isinstance(part, Text)
    assert "demo model" in part.text
    assert reply.stop.reason is StopReason.END
    assert reply.usage is not None
    assert (reply.usage.input_tokens or 0) > 0
    assert reply.usage.output_tokens == len(part.text.split())


async def test_a_streamed_reply_says_the_same_word_by_word() -> None:
    pauses = Pauses()
    _, _, whole = await exchanged(body())
    status, headers, chunks = await exchanged(body(stream=True), pauses)
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    reply, other = heard(chunks), CODEC.decode_response(b"".join(whole), Sent())
    assert reply.parts == other.parts
    assert other.usage is not None
    assert pauses.asked == [0.02] * (other.usage.output_tokens or 0)


async def test_a_stream_tells_its_usage_only_where_asked() -> None:
    _, _, without = await exchanged(body(stream=True))
    _, _, with_usage = await exchanged(body(stream=True, stream_options={"include_usage": True}))
    assert heard(without).usage is None
    usage = heard(with_usage).usage
    assert usage is not None
    assert (usage.output_tokens or 0) > 10


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_call_arrives_with_its_arguments(stream: bool) -> None:
    _, _, chunks = await exchanged(body("use the tool get_weather", tools=[WEATHER], stream=stream))
    reply = heard(chunks) if stream else CODEC.decode_response(b"".join(chunks), Sent())
    (part,) = reply.parts
    assert isinstance(part, ToolCall)
    assert (part.name, json.loads(part.arguments)) == ("get_weather", {"city": "demo"})
    assert reply.stop.reason is StopReason.TOOL_CALL


async def test_a_conversation_with_a_tool_comes_to_its_end() -> None:
    first = body("use the tool get_weather", tools=[WEATHER])
    _, _, chunks = await exchanged(first)
    message = json.loads(b"".join(chunks))["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "21 degrees"}
    _, _, chunks = await exchanged({**first, "messages": [*first["messages"], message, result]})
    assert (
        json.loads(b"".join(chunks))["choices"][0]["message"]["content"] == "get_weather said: “21 degrees”"
    )


async def test_the_client_is_answered_under_the_name_it_asked_for() -> None:
    _, _, chunks = await exchanged(body() | {"model": "gpt-5.5"})
    assert json.loads(b"".join(chunks))["model"] == "gpt-5.5"


@pytest.mark.parametrize(
    ("payload", "param"),
    [
        (body(max_tokens=0), "max_tokens"),
        (body(temperature="hot"), "temperature"),
        (body(messages=[]), "messages"),
        (body(messages="Hello"), "messages"),
        (b"{", None),
        (b"[]", None),
    ],
)
async def test_a_bad_request_is_told_as_openai_would(payload: object, param: str | None) -> None:
    status, headers, chunks = await exchanged(payload)
    error = json.loads(b"".join(chunks))["error"]
    assert (status, headers["content-type"]) == (400, "application/json")
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


async def test_every_reply_has_an_id_of_its_own() -> None:
    ids = {(await exchanged(body()))[1]["x-request-id"] for _ in range(3)}
    ids.add((await exchanged(b"{"))[1]["x-request-id"])
    assert len(ids) == 4


async def test_its_models_can_be_listed() -> None:
    status, _, chunks = await exchanged(b"", method="GET", url="http://demo.invalid/v1/models")
    listed = json.loads(b"".join(chunks))
    assert status == 200
    assert [model["id"] for model in listed["data"]] == ["demo"]


async def test_elsewhere_there_is_nothing() -> None:
    status, _, chunks = await exchanged(b"", method="GET", url=CHAT)
    assert status == 404
    assert "GET /chat/completions" in json.loads(b"".join(chunks))["error"]["message"]
