"""Every recorded request, translated for a strict upstream of the other protocol.

It is taken without a violation or a warning, and every leaf of it is accounted for; or it is refused with a
400 that names a part of it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.corpus.accounting import calls_unoffered_tools, unaccounted
from tests.corpus.conftest import Report, request_line, words_of
from tests.corpus.one_model import asked, one_model, route
from tests.corpus.places import as_one_spelling
from tests.corpus.recordings import Recording, recordings
from tests.gateways import running
from tests.probes.strict import Strict, strict

pytestmark = [pytest.mark.shared, pytest.mark.slow]


MODELS: Mapping[str, tuple[str, str]] = {
    "anthropic": ("anthropic", "claude-probe-1"),
    "gemini": ("gemini", "gemini-3-probe"),
    "ollama": ("ollama", "probe-1"),
    "openai_chat": ("openai-chat", "gpt-probe-1"),
}
"""By the upstream's protocol: its strict script, and a model there."""

LEAST_TAKEN: Mapping[str, float] = {"anthropic": 0.6, "gemini": 0.6, "ollama": 0.55, "openai_chat": 0.6}
"""The share that must not be refused. Ollama has no documents, no addresses and no tools of its own."""

NOTHING_ASKED = {"messages", "contents", "prompt"}
"""The fields of which a request that asks for anything has one."""

PAIRS = [(client, upstream) for client in MODELS for upstream in MODELS if client != upstream]


@dataclass
class Outcome:
    """What became of the recorded requests."""

    taken: int = 0
    wrong: list[str] = field(default_factory=list)


def meant(protocol: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What is said by body and path together, and whether to stream even where that is left unsaid."""
    if protocol == "gemini":
        return {**body, "model": path.rpartition(":")[0], "stream": ":stream" in path}
    return {"stream": protocol == "ollama", **body}


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


async def ask(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> tuple[int, str, EventDict]:
    """Status, what is said if it is an error, and what the log says of it."""
    with capture_logs() as log:
        async with session.post(path, json=body) as reply:
            await reply.read()
            error = "" if reply.status == 200 else words_of(await reply.json())
        line = await request_line(log)
    return reply.status, error, line


async def follow(
    ask_it: Callable[[], Awaitable[tuple[int, str, EventDict]]],
    recording: Recording,
    far: Strict,
    upstream: str,
) -> tuple[bool, list[str]]:
    """Whether the upstream took one recorded request, and what is wrong about what became of it."""
    body = meant(recording.protocol, route(recording), asked(recording))
    await far.reset()
    status, error, line = await ask_it()
    seen = await far.requests()
    if status == 400 and not seen:
        path = error.partition(":")[0]
        is_named = (
            stands_in(as_one_spelling(recording.protocol, body), path) or NOTHING_ASKED & body.keys() == set()
        )
        return False, [] if is_named else [f"refused without naming a part: {error}"]
    frowns = [frown for request in seen for frown in request["violations"] + request["warnings"]]
    if calls_unoffered_tools(recording.protocol, body):
        # The client's own conversation is so; no other tools can be offered for it.
        frowns = [frown for frown in frowns if not re.search(r"not in `tools`|without `tools`", frown)]
    if status != 200 or len(seen) != 1 or frowns:
        return True, [f"status {status}, {len(seen)} requests, {frowns}"]
    sent = meant(upstream, seen[0]["path"], seen[0]["body"])
    missing = unaccounted((recording.protocol, upstream), body, sent, line)
    return True, [f"{leaf.path} = {leaf.value!r} is gone" for leaf in missing]


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
async def test_every_recorded_request_suits_every_other_protocol_and_loses_nothing_in_silence(
    client: str, upstream: str, report: Report
) -> None:
    requests = [one for one in recordings(client) if one.request is not None]
    outcome, (script, model) = Outcome(), MODELS[upstream]
    async with (
        strict(script) as far,
        running(one_model(upstream, far.url, model)) as gateway,
        aiohttp.ClientSession(gateway) as session,
    ):
        for recording in requests:
            path, body = route(recording), asked(recording)
            taken, wrong = await follow(partial(ask, session, path, body), recording, far, upstream)
            outcome.taken += taken
            outcome.wrong += [f"{recording.name}: {what}" for what in wrong]
    report(
        f"{client} requests for {upstream}: {outcome.taken} of {len(requests)} taken with every leaf"
        f" accounted for, {len(requests) - outcome.taken} refused by name, {len(outcome.wrong)} wrong"
    )
    assert outcome.wrong == []
    assert outcome.taken > LEAST_TAKEN[upstream] * len(requests)


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

    gone = unaccounted(("anthropic", "openai_chat"), request, sent, {"losses": [], "repairs": []})
    named = unaccounted(
        ("anthropic", "openai_chat"), request, sent, {"losses": ["temperature", "tools[0]"], "repairs": []}
    )

    assert [leaf.path for leaf in gone] == [
        "max_tokens",
        "temperature",
        "messages[0].content[0].text",
        "tools[0].input_schema.properties.a.type",
    ]
    assert [leaf.path for leaf in named] == ["max_tokens", "messages[0].content[0].text"]


def test_the_accounting_takes_what_was_lost_with_the_whole_object_it_stood_in() -> None:
    request = {"reasoning": {"effort": "low"}, "stop": "x"}
    whole = {"losses": ["reasoning off: the calls in progress were made without it"], "repairs": []}

    gone = unaccounted(("openai_chat", "anthropic"), request, {}, whole)

    assert [leaf.path for leaf in gone] == ["stop"]
