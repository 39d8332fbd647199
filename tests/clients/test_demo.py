"""The demo model, that answers where no key is configured, through the real process and the official SDKs."""

import asyncio

import pytest

from tests.clients.conversations import Conversation, Tool, Wish
from tests.clients.speakers import SPEAKERS
from tests.gateways import process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
]

LIMIT_S = 10.0
CLOCK = Tool("look_at_the_clock", ("zone",))


@pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_demo_model_answers(speaker: type[Conversation], stream: bool) -> None:
    async with process(MODEL_PROVIDER="demo") as gateway, asyncio.timeout(LIMIT_S):
        conversation = speaker()
        conversation.say("Is anybody there?")

        heard = await conversation.hear(gateway, Wish("demo", stream))

    assert "demo model" in heard.text
    assert "Is anybody there?" in heard.text


@pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_demo_model_works_a_tool_loop(speaker: type[Conversation], stream: bool) -> None:
    wish = Wish("demo", stream, tools=(CLOCK,))
    async with process(MODEL_PROVIDER="demo") as gateway, asyncio.timeout(LIMIT_S):
        conversation = speaker()
        conversation.say("Please use the tool look_at_the_clock.")
        (call,) = (await conversation.hear(gateway, wish)).calls
        conversation.results({call.id: "a quarter past nine"})

        heard = await conversation.hear(gateway, wish)

    assert (call.name, call.arguments) == (CLOCK.name, {"zone": "demo"})
    assert heard.calls == []
    assert heard.text == "look_at_the_clock said: “a quarter past nine”"
