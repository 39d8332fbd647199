"""Every recorded reply, passed to a client of its own protocol: the same bytes, but for a closed list of
edits.

Which records may differ is decided here, from the recording and the request alone. Of the closed list, the
recordings call for these:

- a record of usage that the client did not ask for is left out
- of a second finish only its usage stays, and that only for a client that asked for it
- what follows the terminator is left out, and a missing terminator is added
- line forms that SDKs break on (comments, a missing blank) are framed anew
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests import gateways
from tests.corpus.conftest import Report
from tests.corpus.recordings import Recording, recordings
from tests.upstreams import Play, playing

pytestmark = [pytest.mark.shared, pytest.mark.slow]

PATHS: Mapping[str, str] = {"anthropic": "/v1/messages", "openai_chat": "/v1/chat/completions"}
REFUSED_WITH_200 = "openai_chat/json/azure-openllmetry-testing-a84bb3ef.json"
QUESTION = [{"role": "user", "content": "What is it?"}]


@dataclass(frozen=True)
class Record:
    """One record that a client is to receive: its bytes, or, where it is written anew, its JSON."""

    raw: bytes = b""
    rewritten: Any = None


def asked(recording: Recording) -> dict[str, Any]:
    """The body to ask with: the recorded one, or the least there is."""
    body = recording.request or {"max_tokens": 1000, "messages": QUESTION}
    return {"model": recording.model, **body, "stream": recording.stream}


def framed_anew(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """Data and bytes of each record of a stream without event names, in the form that every SDK reads."""
    text = stream.decode().replace("\r\n", "\n")
    for record in re.split(r"\n\n+", text):
        data = re.findall(r"^data:[ ]?(.*)$", record, re.MULTILINE)
        if data:
            yield "\n".join(data), "".join([*(f"data: {line}\n" for line in data), "\n"]).encode()


def as_recorded(recording: Recording) -> Iterator[Record]:
    """No recording of the Messages API calls for an edit."""
    yield Record(recording.reply)


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
    "openai_chat": chat_records,
}


def is_passed_on(recording: Recording) -> bool:
    """Whether a client is to have the reply as it is: a good one, or a refusal of the request itself."""
    fails = "expect_error" in recording.features or recording.name == REFUSED_WITH_200
    return recording.status in {200, 400} and not fails


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


@pytest.mark.parametrize("protocol", PATHS)
async def test_every_recorded_reply_reaches_a_client_of_its_protocol_byte_by_byte(
    protocol: str, report: Report
) -> None:
    replies = [one for one in recordings(protocol) if is_passed_on(one)]
    changed: list[str] = []
    untouched = 0
    configured = {"anthropic": gateways.anthropic, "openai_chat": gateways.openai}[protocol]
    async with playing(Play()) as upstream, gateways.running(configured(upstream.url)) as gateway:
        async with aiohttp.ClientSession(gateway) as session:
            for recording in replies:
                kind = "text/event-stream" if recording.stream else "application/json"
                third = len(recording.reply) // 3
                pieces = [recording.reply[:third], recording.reply[third:]]
                upstream.script = [Play(pieces, recording.status, content_type=kind)]
                with capture_logs():
                    async with session.post(PATHS[protocol], json=asked(recording)) as reply:
                        received = await reply.read()
                assert reply.status == recording.status, recording.name
                assert reply.headers["x-gateway-lane"] == "bytes", recording.name
                untouched += received == recording.reply
                if not is_expected(received, recording):
                    changed.append(recording.name)
    report(
        f"{protocol} replies to clients of their protocol: {len(replies) - len(changed)} of {len(replies)} as"
        f" expected, {untouched} of them without any edit"
    )
    assert changed == []
    assert untouched >= 0.85 * len(replies), "the lane is there to change nothing"
