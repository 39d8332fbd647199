"""Ten thousand texts through every pair of protocols, there and back: not one character is another."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

import aiohttp
import pytest

from gateway.config.schema import GatewayConfig
from tests.fidelity.askers import ASKERS
from tests.fidelity.echoes import SPEECHES, dumped, echoing
from tests.fidelity.texts import texts
from tests.gateways import configured, pool, running

pytestmark = [
    pytest.mark.slow,
    # What google-genai does inside itself.
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
]

COUNT = 10_000
A_REPLY = 50
"""Texts that share an exchange: one record each."""

PROVIDERS: Mapping[str, tuple[str, str]] = {
    "anthropic": ("claude-custom", ""),
    "gemini": ("gemini", ""),
    "ollama": ("ollama", ""),
    "openai_chat": ("openai-custom", "/v1"),
}
ENDS_OF_LINES = ("\u0085", "\u2028", "\u2029")
"""Where Ollama's SDK splits a stream and JSON does not: escaping them is the one edit on the way to it."""


def exchanges(seed: int) -> Iterator[tuple[Sequence[str], bool]]:
    """The texts in portions, streamed and whole by turns."""
    said = texts(COUNT, seed)
    for number, start in enumerate(range(0, COUNT, A_REPLY)):
        yield said[start : start + A_REPLY], number % 2 == 0


def in_front_of(protocol: str, url: str) -> GatewayConfig:
    """A gateway whose one upstream, at `url`, speaks `protocol`."""
    provider, below = PROVIDERS[protocol]
    return configured(pool("the-pool", provider, url + below))


@pytest.mark.parametrize(("client", "upstream"), list(permutations(SPEECHES, 2)))
async def test_what_is_said_in_another_protocol_is_the_same_text(client: str, upstream: str) -> None:
    async with (
        echoing(upstream) as echo,
        running(in_front_of(upstream, echo.url)) as gateway,
        ASKERS[client](gateway) as ask,
    ):
        for pieces, stream in exchanges(seed=1):
            echo.pieces = pieces
            text = "".join(pieces)

            heard = await ask(text, stream=stream)

            assert echo.heard == text
            assert heard == text


def asked(protocol: str, text: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    """The path and the body of a question in `protocol`."""
    messages = [{"role": "user", "content": text}]
    if protocol == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/m:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    body = {"model": "m", "messages": messages, "stream": stream}
    if protocol == "anthropic":
        return "/v1/messages", {**body, "max_tokens": 1000}
    if protocol == "ollama":
        return "/ollama/api/chat", body
    return "/v1/chat/completions", {**body, **({"stream_options": {"include_usage": True}} if stream else {})}


@pytest.mark.parametrize("protocol", SPEECHES)
async def test_what_is_said_in_ones_own_protocol_is_the_same_bytes(protocol: str) -> None:
    async with (
        echoing(protocol) as echo,
        running(in_front_of(protocol, echo.url)) as gateway,
        aiohttp.ClientSession(gateway) as session,
    ):
        for number, (pieces, stream) in enumerate(exchanges(seed=2)):
            echo.pieces = pieces
            path, question = asked(protocol, "".join(pieces), stream=stream)
            body = dumped(question, number)

            async with session.post(path, data=body, headers={"content-type": "application/json"}) as reply:
                heard = await reply.read()

            assert echo.body == body
            assert heard == (escaped(echo.said) if protocol == "ollama" and stream else echo.said)


def escaped(said: bytes) -> bytes:
    """`said`, with the ends of lines in JSON's own escapes."""
    for end in ENDS_OF_LINES:
        said = said.replace(end.encode(), rb"\u%04x" % ord(end))
    return said
