"""What one family of models signed survives in the clients of every other, also the death of the gateway.

The upstreams verify every signature and refuse what the real services refuse.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.clients.conversations import KEY, READ, WRITE, Conversation, Heard, Wish
from tests.clients.speakers import SPEAKERS, Llama
from tests.gateways import process
from tests.probes.strict import Strict, strict

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
]
every_way = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
every_client = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS)

CONTENT = "n42"
SAID = {WRITE.name: "ok, written", READ.name: CONTENT}
UPSTREAMS = {
    "openai-chat": ("gpt-5.5", "OPENAI_BASE_URL", "OPENAI_API_KEY", "/v1"),
    "anthropic": ("claude-opus-5", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", ""),
    "gemini": ("gemini-3-probe", "GEMINI_BASE_URL", "GEMINI_API_KEY", ""),
    "ollama": ("ollama/qwen3-probe", "OLLAMA_HOST", "OLLAMA_API_KEY", ""),
}
STAND_IN = "skip_thought_signature_validator"


@asynccontextmanager
async def between(*upstreams: str) -> AsyncIterator[tuple[dict[str, Strict], dict[str, str]]]:
    """Strict upstreams, and the settings of a gateway in front of them; none may have anything to say."""
    async with AsyncExitStack() as stack:
        far = {name: await stack.enter_async_context(strict(name)) for name in upstreams}
        env = {"API_KEY": KEY}
        for name, upstream in far.items():
            _, url, key, path = UPSTREAMS[name]
            env |= {url: upstream.url + path, key: "an-upstream-key-8b"}
        yield far, env
        for upstream in far.values():
            assert await upstream.complaints() == []


def beginning(speaker: type[Conversation]) -> Conversation:
    conversation = speaker()
    conversation.say(f"Please do this. PROBE_TASK path=/tmp/notes.txt content={CONTENT} mode=seq")
    return conversation


async def turn(gateway: str, conversation: Conversation, wish: Wish) -> Heard:
    """The next turn of the model; the tools it calls are run."""
    heard = await conversation.hear(gateway, wish)
    if heard.calls:
        conversation.results({call.id: SAID[call.name] for call in heard.calls})
    return heard


def wish_for(upstream: str, *, stream: bool) -> Wish:
    return Wish(UPSTREAMS[upstream][0], stream, tools=(WRITE, READ), thinks=True)


def thoughts_in(body: dict[str, Any]) -> int:
    """How many pieces of its reasoning a request to Claude holds."""
    contents = [message["content"] for message in body["messages"]]
    return sum(block["type"] == "thinking" for said in contents if isinstance(said, list) for block in said)


def signed_calls_in(body: dict[str, Any]) -> int:
    """How many calls in a request to Gemini bear its own signature."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    return sum(
        "functionCall" in part and part.get("thoughtSignature", STAND_IN) != STAND_IN for part in parts
    )


COUNTED: Mapping[str, Callable[[dict[str, Any]], int]] = {
    "anthropic": thoughts_in,
    "gemini": signed_calls_in,
}


async def signed(upstream: str, far: Strict) -> list[int]:
    """Of each request: how much of what the upstream had signed came back to it."""
    return [COUNTED[upstream](request["body"]) for request in await far.requests()]


@every_way
@every_client
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("restarts", [False, True], ids=["one-gateway", "killed-between-turns"])
async def test_a_loop_of_three_turns_keeps_what_was_signed(
    *, upstream: str, speaker: type[Conversation], stream: bool, restarts: bool
) -> None:
    wish, conversation = wish_for(upstream, stream=stream), beginning(speaker)
    async with between(upstream) as (far, env):
        if restarts:
            heard = []
            for _ in range(3):
                async with process(**env) as gateway:
                    heard.append(await turn(gateway, conversation, wish))
        else:
            async with process(**env) as gateway:
                heard = [await turn(gateway, conversation, wish) for _ in range(3)]

        assert heard[-1].text == f"PROBE_DONE {CONTENT}"
        if upstream in COUNTED:
            # Its protocol has no place for what was signed: what the gateway remembers dies with it.
            forgotten = restarts and speaker is Llama
            assert await signed(upstream, far[upstream]) == ([0, 0, 0] if forgotten else [0, 1, 2])
            assert all(reply.thought for reply in heard)


@every_way
@every_client
@pytest.mark.parametrize("there", ["openai-chat", "anthropic", "ollama"])
async def test_a_loop_that_began_elsewhere_may_go_on_at_gemini_and_return(
    speaker: type[Conversation], there: str, stream: bool
) -> None:
    conversation = beginning(speaker)
    async with between(there, "gemini") as (far, env), process(**env) as gateway:
        first = await turn(gateway, conversation, wish_for(there, stream=stream))
        second = await turn(gateway, conversation, wish_for("gemini", stream=stream))
        third = await turn(gateway, conversation, wish_for(there, stream=stream))

        assert [call.name for call in (*first.calls, *second.calls)] == [WRITE.name, READ.name]
        assert third.text == f"PROBE_DONE {CONTENT}"
        assert await signed("gemini", far["gemini"]) == [0]
        if there in COUNTED:
            assert await signed(there, far[there]) == [0, 1]


@every_way
@every_client
async def test_two_calls_at_once_come_back_to_gemini_with_the_one_signature_they_had(
    speaker: type[Conversation], stream: bool
) -> None:
    conversation = speaker()
    conversation.say(f"Please do this. PROBE_TASK path=/tmp/notes.txt content={CONTENT} mode=parallel")
    async with between("gemini") as (far, env), process(**env) as gateway:
        wish = replace(wish_for("gemini", stream=stream), thinks=False)
        heard = [await turn(gateway, conversation, wish) for _ in range(2)]

        assert [len(reply.calls) for reply in heard] == [2, 0]
        assert await signed("gemini", far["gemini"]) == [0, 1]
        assert all(not reply.thought for reply in heard)
