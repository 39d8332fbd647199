"""What people do with the official SDKs, from each client protocol to each upstream that refuses what the
real service refuses.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from gateway.config.schema import DeploymentConfig, PoolConfig
from gateway.wire.fast_json import dumps
from tests.clients.conversations import READ, SPEAKERS, WRITE, Claude, Conversation, Gpt, Wish
from tests.clients.files import PDF, PNG
from tests.gateways import configured, running
from tests.probes.strict import Strict, strict

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.parametrize("upstream", ["openai-chat", "anthropic"]),
    pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"]),
]
every_client = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS)

UPSTREAMS = {
    "openai-chat": ("gpt-probe-1", "openai-custom", "/v1"),
    "anthropic": ("claude-probe-1", "claude-custom", ""),
}
TOOLS = (WRITE, READ)
TASK = "Please do this. PROBE_TASK path=/tmp/notes.txt content=n42 mode="
PLAIN_ANSWER = "Probe session."


class Weather(BaseModel):
    """The form of an answer."""

    city: str
    degrees: int
    sunny: bool


@asynccontextmanager
async def between(upstream: str) -> AsyncIterator[tuple[str, str, Strict]]:
    """A gateway, the model to name, and the strict upstream behind it; which must have nothing to say."""
    model, provider, path = UPSTREAMS[upstream]
    async with strict(upstream) as far:
        member = DeploymentConfig(
            id="far",
            provider=provider,
            api_key=SecretStr("upstream-key-7a"),
            base_url=far.url + path,
            models=("*",),
        )
        config = configured(PoolConfig(name="far", deployments=(member,)))
        async with running(config) as gateway:
            yield gateway, model, far
        assert await far.complaints() == []


async def bodies(far: Strict) -> list[dict[str, Any]]:
    """What the upstream was asked, in order."""
    return [request["body"] for request in await far.requests()]


@every_client
@pytest.mark.parametrize(("mime", "data"), [("image/png", PNG), ("application/pdf", PDF)], ids=["PNG", "PDF"])
async def test_a_file_arrives(
    *, upstream: str, stream: bool, speaker: type[Claude | Gpt], mime: str, data: str
) -> None:
    async with between(upstream) as (gateway, model, far):
        conversation = speaker()
        conversation.show("What is this?", mime, data)

        heard = await conversation.hear(gateway, Wish(model, stream))

        assert heard.text.startswith(PLAIN_ANSWER)
        (body,) = await bodies(far)
        assert data.encode() in dumps(body)


async def test_an_image_in_a_tools_result_arrives(upstream: str, stream: bool) -> None:
    async with between(upstream) as (gateway, model, far):
        wish = Wish(model, stream, TOOLS)
        conversation = Claude()
        conversation.say(f"{TASK}seq")
        (call,) = (await conversation.hear(gateway, wish)).calls
        conversation.results({call.id: [Claude.file("image/png", PNG), {"type": "text", "text": "ok"}]})

        (second,) = (await conversation.hear(gateway, wish)).calls

        assert second.name == READ.name
        assert PNG.encode() in dumps((await bodies(far))[-1])


@every_client
async def test_an_answer_after_a_schema_is_parsed_by_the_sdk(
    upstream: str, stream: bool, speaker: type[Claude | Gpt]
) -> None:
    async with between(upstream) as (gateway, model, _):
        conversation = speaker()
        conversation.say("How is the weather in Rome?")

        heard = await conversation.hear(gateway, Wish(model, stream, shape=Weather))

    assert isinstance(heard.parsed, Weather)


@every_client
async def test_a_tool_that_must_be_called_is_called(
    upstream: str, stream: bool, speaker: type[Claude | Gpt]
) -> None:
    async with between(upstream) as (gateway, model, far):
        conversation = speaker()
        conversation.say(f"{TASK}seq")

        heard = await conversation.hear(gateway, Wish(model, stream, TOOLS, forced=WRITE.name))

        assert [call.name for call in heard.calls] == [WRITE.name]
        (body,) = await bodies(far)
        assert body["tool_choice"] in (
            {"type": "tool", "name": WRITE.name},
            {"type": "function", "function": {"name": WRITE.name}},
        )


@every_client
async def test_two_tools_are_called_at_once(upstream: str, stream: bool, speaker: type[Claude | Gpt]) -> None:
    async with between(upstream) as (gateway, model, _):
        wish = Wish(model, stream, TOOLS)
        conversation: Conversation = speaker()
        conversation.say(f"{TASK}parallel")
        one, two = (await conversation.hear(gateway, wish)).calls
        conversation.results({two.id: "ok, the second", one.id: "ok, the first"})

        heard = await conversation.hear(gateway, wish)

    assert one.id != two.id
    assert one.arguments == {"path": "/tmp/notes.txt", "content": "n42"}
    assert two.arguments == {"path": "/tmp/notes.txt.2", "content": "n42"}
    assert heard.text == "PROBE_DONE n42"
