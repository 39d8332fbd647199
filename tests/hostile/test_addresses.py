"""Addresses in a request: they are handed to a provider that can read them or refused, and never called."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from gateway.config.schema import GatewayConfig
from tests.gateways import running
from tests.hostile.cases import configuration, post, upstreams
from tests.hostile.dialects import DIALECTS
from tests.raw import said_to
from tests.upstreams import Play, playing

pytestmark = pytest.mark.slow

_KINDS = ("image/png", "application/pdf", "audio/wav")


def _parts(name: str, url: str) -> Iterator[dict[str, Any]]:
    """Whatever a message of the protocol can show by its address, and what it cannot but some try."""
    match name:
        case "openai_chat":
            yield {"type": "image_url", "image_url": {"url": url}}
            yield {"type": "file", "file": {"file_data": url, "filename": "a.pdf"}}
            yield {"type": "input_audio", "input_audio": {"data": url, "format": "wav"}}
        case "anthropic":
            yield {"type": "image", "source": {"type": "url", "url": url}}
            yield {"type": "document", "source": {"type": "url", "url": url}}
        case "gemini":
            yield from ({"fileData": {"fileUri": url, "mimeType": kind}} for kind in _KINDS)
        case _:
            yield {"images": [url]}


def _bodies(name: str, url: str) -> Iterator[dict[str, Any]]:
    for part in _parts(name, url):
        match name:
            case "gemini":
                yield {"contents": [{"role": "user", "parts": [part]}]}
            case "ollama":
                yield {"messages": [{"role": "user", "content": "a", **part}], "stream": False}
            case _:
                yield {"messages": [{"role": "user", "content": [part]}], "max_tokens": 9}


@pytest.mark.parametrize("model", ["gpt-test", "claude-test"])
@pytest.mark.parametrize("name", DIALECTS)
async def test_an_address_in_a_request_is_never_called(name: str, model: str) -> None:
    path, whole = DIALECTS[name].said_to(model)
    tried = 0
    async with upstreams() as (openai, claude), playing(Play([b"fetched"])) as canary:
        config = GatewayConfig.model_validate(configuration(openai.url, claude.url, port=0))
        async with running(config) as gateway:
            for body in _bodies(name, f"{canary.url}/secret.png"):
                named = {"model": whole["model"]} if "model" in whole else {}
                reply = await said_to(gateway, post(path, orjson.dumps({**named, **body})))
                assert reply.status in (200, 400)
                tried += 1
    assert tried
    assert canary.heard == []
