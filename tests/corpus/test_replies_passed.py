"""Every recorded reply, passed to a client of its own protocol: the same bytes, but for a closed list of
edits.

Which records may differ is decided here, from the recording and the request alone. Of the closed list, the
recordings call for these:

- a record of usage that the client did not ask for is left out
- of a second finish only its usage stays, and that only for a client that asked for it
- what follows the terminator is left out, and a missing terminator is added
- line forms that SDKs break on (comments, a missing blank) are framed anew
- an array of Gemini's reaches the gateway as events, for it asks for no other form, and leaves it as an array
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.corpus.conftest import Report
from tests.corpus.one_model import any_model, route
from tests.corpus.recordings import NO_REPLIES, Recording, recordings
from tests.gateways import running
from tests.upstreams import Play, playing

pytestmark = [pytest.mark.shared, pytest.mark.slow]

REFUSED_WITH_200 = "openai_chat/json/azure-openllmetry-testing-a84bb3ef.json"
LEAST: Mapping[str, dict[str, Any]] = {
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "What is it?"}]}]},
    "generate": {"prompt": "What is it?"},
    "messages": {"max_tokens": 1000, "messages": [{"role": "user", "content": "What is it?"}]},
}
"""By protocol or endpoint: the least there is to ask with."""


@dataclass(frozen=True)
class Record:
    """One record that a client is to receive: its bytes, or, where it is written anew, its JSON."""

    raw: bytes = b""
    rewritten: Any = None


def asked(recording: Recording) -> dict[str, Any]:
    """The body to ask with: the recorded one, or the least there is."""
    if recording.protocol == "gemini":
        return recording.request or LEAST["gemini"]
    body = recording.request or LEAST.get(recording.endpoint, LEAST["messages"])
    return {"model": recording.model, **body, "stream": recording.stream}


def framed_anew(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """Data and bytes of each record of a stream without event names, in the form that every SDK reads."""
    text = stream.decode().replace("\r\n", "\n")
    for record in re.split(r"\n\n+", text):
        data = re.findall(r"^data:[ ]?(.*)$", record, re.MULTILINE)
        if data:
            yield "\n".join(data), "".join([*(f"data: {line}\n" for line in data), "\n"]).encode()


def as_recorded(recording: Recording) -> Iterator[Record]:
    """No recording of the Messages API, or of Ollama, calls for an edit."""
    yield Record(recording.reply)


def gemini_records(recording: Recording) -> Iterator[Record]:
    """What a client of Gemini is to receive: every record, in the framing that it asked for."""
    if recording.framing != "json_array":
        yield from (Record(raw) for _, raw in framed_anew(recording.reply))
        return
    for number, record in enumerate(elements(recording.reply)):
        yield Record((b"\n,\n" if number else b"[") + record)
    yield Record(b"]")


def elements(reply: bytes) -> Iterator[bytes]:
    """The objects of an array, in the bytes that they had in it."""
    text, at = reply.decode(), 0
    while (at := text.find("{", at)) >= 0:
        _, end = json.JSONDecoder().raw_decode(text, at)
        yield text[at:end].encode()
        at = end


def chat_records(recording: Recording) -> Iterator[Record]:
    """What a client of Chat Completions is to receive."""
    wants_usage = (asked(recording).get("stream_options") or {}).get("include_usage") is True
    finished: set[int] = set()
    for data, raw in framed_anew(recording.reply):
        if data.strip() == "[DONE]":
            yield Record(raw)
            return
        chunk = json.loads(data)
        choices = chunk.get("choices")
        ends = {choice["index"] for choice in choices or [] if choice.get("finish_reason")}
        if choices == [] and chunk.get("usage") and not wants_usage:
            continue
        if ends and ends <= finished:
            if wants_usage and chunk.get("usage"):
                yield Record(rewritten={**chunk, "choices": []})
            continue
        finished |= ends
        yield Record(raw)
    yield Record(b"data: [DONE]\n\n")


EXPECTED: Mapping[str, Callable[[Recording], Iterator[Record]]] = {
    "anthropic": as_recorded,
    "gemini": gemini_records,
    "ollama": as_recorded,
    "openai_chat": chat_records,
}


def is_passed_on(recording: Recording) -> bool:
    """Whether a client is to have the reply as it is: a good one, or a refusal of the request itself."""
    fails = "expect_error" in recording.features or recording.name == REFUSED_WITH_200
    is_about_our_key = b"API key not valid" in recording.reply
    return (
        recording.status in {200, 400}
        and not (fails or is_about_our_key)
        and recording.name not in NO_REPLIES
    )


def played(recording: Recording) -> Play:
    """The reply in two pieces, as the upstream sends it."""
    kinds = {"ndjson": "application/x-ndjson", "sse": "text/event-stream", "json_array": "text/event-stream"}
    reply = recording.reply
    if recording.framing == "json_array":
        lines = (record.replace(b"\n", b"\ndata: ") for record in elements(recording.reply))
        reply = b"".join(b"data: %b\n\n" % line for line in lines)
    third = len(reply) // 3
    kind = kinds.get(recording.framing, "application/json")
    return Play([reply[:third], reply[third:]], recording.status, content_type=kind)


def is_expected(received: bytes, recording: Recording) -> bool:
    """Whether these are the records that the client is to receive, and nothing else."""
    at = 0
    expected = EXPECTED[recording.protocol] if recording.stream else as_recorded
    for record in expected(recording):
        end = at + len(record.raw) if record.rewritten is None else received.find(b"\n\n", at) + 2
        piece = received[at:end]
        if record.rewritten is None and piece != record.raw:
            return False
        if record.rewritten is not None and json.loads(piece.removeprefix(b"data: ")) != record.rewritten:
            return False
        at = end
    return at == len(received)


def plain(reply: bytes, recording: Recording) -> bytes:
    """What an edit would change: not the ends of lines, nor what stands between the objects of an array."""
    if recording.framing == "json_array":
        return b"\n".join(elements(reply))
    return reply.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("protocol", EXPECTED)
async def test_every_recorded_reply_reaches_a_client_of_its_protocol_byte_by_byte(
    protocol: str, report: Report
) -> None:
    replies = [one for one in recordings(protocol) if is_passed_on(one)]
    changed: list[str] = []
    untouched = 0
    async with playing(Play()) as upstream, running(any_model(protocol, upstream.url)) as gateway:
        async with aiohttp.ClientSession(gateway) as session:
            for recording in replies:
                upstream.script = [played(recording)]
                with capture_logs():
                    async with session.post(route(recording), json=asked(recording)) as reply:
                        received = await reply.read()
                assert reply.status == recording.status, recording.name
                lane = "frames" if recording.framing == "json_array" else "bytes"
                assert reply.headers["x-gateway-lane"] == lane, recording.name
                untouched += plain(received, recording) == plain(recording.reply, recording)
                if not is_expected(received, recording):
                    changed.append(recording.name)
    report(
        f"{protocol} replies to clients of their protocol: {len(replies) - len(changed)} of {len(replies)} as"
        f" expected, {untouched} of them without any edit"
    )
    assert changed == []
    assert untouched >= 0.85 * len(replies), "the lane is there to change nothing"
