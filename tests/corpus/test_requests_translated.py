"""Every recorded request, translated for a strict upstream of the other protocol.

It is taken without a violation or a warning, and every leaf of it is accounted for; or it is refused with a
400 that names a part of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.corpus.accounting import unaccounted
from tests.corpus.conftest import Report, request_line
from tests.corpus.one_model import one_model
from tests.corpus.recordings import Recording, recordings
from tests.gateways import running
from tests.probes.strict import Strict, strict

pytestmark = [pytest.mark.shared, pytest.mark.slow]


@dataclass(frozen=True)
class Way:
    """Where a request goes in, and the upstream it comes out at: its protocol, strict script and model."""

    path: str
    upstream: str
    script: str
    model: str


WAYS: Mapping[str, Way] = {
    "anthropic": Way("/v1/messages", "openai_chat", "openai-chat", "gpt-probe-1"),
    "openai_chat": Way("/v1/chat/completions", "anthropic", "anthropic", "claude-probe-1"),
}
"""By the client's protocol. No capability is tied to the models' names."""


@dataclass
class Outcome:
    """What became of the recorded requests."""

    taken: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)


def asked(recording: Recording) -> dict[str, Any]:
    assert recording.request is not None
    return {"model": recording.model, **recording.request}


def stands_in(body: Any, path: str) -> bool:
    """Whether a client's body has something at `path`."""
    steps = re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    for name, number in steps:
        if number:
            if not isinstance(body, list) or int(number) >= len(body):
                return False
            body = body[int(number)]
        elif not isinstance(body, dict) or name not in body:
            return False
        else:
            body = body[name]
    return bool(steps)


async def ask(
    session: aiohttp.ClientSession, path: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any], EventDict]:
    """Status, body if it is an error, and what the log says of it."""
    with capture_logs() as log:
        async with session.post(path, json=body) as reply:
            await reply.read()
            error = {} if reply.status == 200 else (await reply.json())["error"]
        line = await request_line(log)
    return reply.status, error, line


async def follow(session: aiohttp.ClientSession, recording: Recording, far: Strict, outcome: Outcome) -> None:
    """Send one recorded request and note what became of it."""
    body, way = asked(recording), WAYS[recording.protocol]
    await far.reset()
    status, error, line = await ask(session, way.path, body)
    seen = await far.requests()
    if status == 400 and not seen:
        path = error["message"].partition(":")[0]
        outcome.refused += 1
        if not stands_in(body, path) and "messages" in body:
            outcome.wrong.append(f"{recording.name}: refused without naming a part: {error['message']}")
        return
    outcome.taken += 1
    frowns = [frown for request in seen for frown in request["violations"] + request["warnings"]]
    if status != 200 or len(seen) != 1 or frowns:
        outcome.wrong.append(f"{recording.name}: status {status}, {len(seen)} requests, {frowns}")
        return
    missing = unaccounted(recording.protocol, body, seen[0]["body"], line)
    outcome.wrong += [f"{recording.name}: {leaf.path} = {leaf.value!r} is gone" for leaf in missing]


@pytest.mark.parametrize("protocol", WAYS)
async def test_every_recorded_request_suits_the_other_protocol_and_loses_nothing_in_silence(
    protocol: str, report: Report
) -> None:
    requests = [one for one in recordings(protocol) if one.request is not None]
    way, outcome = WAYS[protocol], Outcome()
    async with (
        strict(way.script) as far,
        running(one_model(way.upstream, far.url, way.model)) as gateway,
        aiohttp.ClientSession(gateway) as session,
    ):
        for recording in requests:
            await follow(session, recording, far, outcome)
    report(
        f"{protocol} requests for {way.upstream}: {outcome.taken} of {len(requests)} taken with every leaf"
        f" accounted for, {outcome.refused} refused by name, {len(outcome.wrong)} wrong"
    )
    assert outcome.wrong == []
    assert outcome.taken + outcome.refused == len(requests)
    assert outcome.taken > 0.6 * len(requests)


def test_the_accounting_notices_what_is_gone() -> None:
    request = {
        "model": "m",
        "max_tokens": 9,
        "temperature": 0.5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "one"}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}],
    }
    parameters = {"type": "object", "properties": {"a": {"type": "number"}}}
    sent = {
        "model": "n",
        "max_tokens": 8,
        "messages": [{"role": "user", "content": "two"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}],
    }

    gone = unaccounted("anthropic", request, sent, {"losses": [], "repairs": []})
    named = unaccounted("anthropic", request, sent, {"losses": ["temperature", "tools[0]"], "repairs": []})

    assert [leaf.path for leaf in gone] == [
        "max_tokens",
        "temperature",
        "messages[0].content[0].text",
        "tools[0].input_schema.properties.a.type",
    ]
    assert [leaf.path for leaf in named] == ["max_tokens", "messages[0].content[0].text"]
