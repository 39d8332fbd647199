"""Reasoning goes out to a client and comes back in its next request. Only who signed it can read it, so the
upstreams here verify every signature, as the real service does.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from gateway.wire.fast_json import dumps
from tests.clients.conversations import KEY, READ, WRITE, Conversation, Heard, Wish
from tests.clients.speakers import SPEAKERS, Claude, Gpt
from tests.gateways import process
from tests.probes.strict import Strict, strict
from tests.upstreams import Play, chunk, completion, playing, sse

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
]
every_way = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
every_client = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS)

OPUS = Wish("claude-opus-5", tools=(WRITE, READ), thinks=True)
PATH, CONTENT = "/tmp/notes.txt", "n42"
SAID = {WRITE.name: "ok, written", READ.name: CONTENT}
DONE = f"PROBE_DONE {CONTENT}"


@asynccontextmanager
async def both() -> AsyncIterator[tuple[Strict, Strict, dict[str, str]]]:
    """Claude, GPT, and the settings of a gateway in front of both; neither may have anything to say."""
    async with strict("anthropic") as claude, strict("openai-chat") as gpt:
        yield (
            claude,
            gpt,
            {
                "API_KEY": KEY,
                "ANTHROPIC_BASE_URL": claude.url,
                "ANTHROPIC_API_KEY": "upstream-key-a1",
                "OPENAI_BASE_URL": f"{gpt.url}/v1",
                "OPENAI_API_KEY": "upstream-key-b2",
            },
        )
        for far in (claude, gpt):
            if await far.requests():
                assert await far.complaints() == []


def given_the_task(conversation: Conversation) -> Conversation:
    conversation.say(f"Please do this. PROBE_TASK path={PATH} content={CONTENT} mode=seq")
    return conversation


async def turn(gateway: str, conversation: Conversation, wish: Wish) -> Heard:
    """The next turn of the model; the tools it calls are run."""
    heard = await conversation.hear(gateway, wish)
    if heard.calls:
        conversation.results({call.id: SAID[call.name] for call in heard.calls})
    return heard


async def thoughts_seen_by(claude: Strict) -> list[int]:
    """Of each request: how many pieces of reasoning came back."""
    return [
        sum(
            block["type"] == "thinking"
            for message in request["body"]["messages"]
            for block in blocks(message)
        )
        for request in await claude.requests()
    ]


def blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    return message["content"] if isinstance(message["content"], list) else []


@every_way
@every_client
async def test_a_loop_may_leave_claude_and_come_back(speaker: type[Conversation], stream: bool) -> None:
    wish = replace(OPUS, stream=stream)
    async with both() as (claude, gpt, env):
        conversation = given_the_task(speaker())
        async with process(**env) as gateway:
            first = await turn(gateway, conversation, wish)
            second = await turn(gateway, conversation, replace(wish, model="gpt-5.5"))
            third = await turn(gateway, conversation, wish)

        assert [call.name for call in (*first.calls, *second.calls)] == [WRITE.name, READ.name]
        assert third.text == DONE
        assert await thoughts_seen_by(claude) == [0, 1]
        assert len(await gpt.requests()) == 1


@every_way
@pytest.mark.parametrize(("model", "kind"), [("claude-opus-5", "adaptive"), ("claude-probe-1", "enabled")])
async def test_what_a_client_drops_of_reasoning_is_put_back(model: str, kind: str, stream: bool) -> None:
    wish = replace(OPUS, model=model, stream=stream)
    async with both() as (claude, _, env):
        conversation = given_the_task(Gpt())
        async with process(**env) as gateway:
            await turn(gateway, conversation, wish)
            drop_reasoning(conversation)
            heard = await turn(gateway, conversation, wish)

        assert [call.name for call in heard.calls] == [READ.name]
        assert await thoughts_seen_by(claude) == [0, 1]
        assert await kinds_of_thinking(claude) == [kind, kind]


@every_way
@pytest.mark.parametrize(("model", "kind"), [("claude-opus-5", "adaptive"), ("claude-probe-1", "enabled")])
async def test_a_client_that_drops_reasoning_is_understood_by_a_gateway_that_never_saw_it(
    model: str, kind: str, stream: bool
) -> None:
    wish = replace(OPUS, model=model, stream=stream)
    async with both() as (claude, _, env):
        conversation = given_the_task(Gpt())
        async with process(**env) as gateway:
            await turn(gateway, conversation, wish)
        drop_reasoning(conversation)
        async with process(**env) as gateway:
            heard = await turn(gateway, conversation, wish)

        assert [call.name for call in heard.calls] == [READ.name]
        assert await thoughts_seen_by(claude) == [0, 0]
        # Models that are given a budget refuse to think on in a loop that began without.
        assert await kinds_of_thinking(claude) == [kind, kind if kind == "adaptive" else None]


def drop_reasoning(conversation: Conversation) -> None:
    """Forget what an OpenAI client need not know."""
    for message in conversation.messages:
        message.pop("reasoning_content", None)
        message.pop("reasoning_details", None)


async def kinds_of_thinking(claude: Strict) -> list[str | None]:
    """How Claude was asked to think in each request."""
    return [request["body"].get("thinking", {}).get("type") for request in await claude.requests()]


def thinking_gpt(stream: bool) -> Play:
    """Calls the first tool; its reasoning is plain words that nobody signed."""
    function = {"name": WRITE.name, "arguments": dumps({"path": PATH, "content": CONTENT}).decode()}
    call = {"index": 0, "id": "call_gpt1", "type": "function", "function": function}
    if stream:
        record = sse(
            chunk({"role": "assistant", "reasoning_content": "Let me "}),
            chunk({"reasoning_content": "think."}),
            chunk({"tool_calls": [call]}),
            chunk({}, "tool_calls"),
        )
        return Play([record])
    message = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Let me think.",
        "tool_calls": [{name: value for name, value in call.items() if name != "index"}],
    }
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    return Play([completion("", choices=choices)], content_type="application/json")


@every_way
@pytest.mark.parametrize(
    ("thinking", "lost"),
    [
        ({"type": "adaptive"}, ["messages[1].content[0] reasoning of another provider"]),
        (
            {"type": "enabled", "budget_tokens": 1024},
            [
                "messages[1].content[0] reasoning of another provider",
                "thinking off: the calls in progress were made without it",
            ],
        ),
    ],
    ids=["adaptive", "budget"],
)
async def test_claude_never_sees_reasoning_that_it_did_not_sign(
    thinking: dict[str, Any], lost: list[str], stream: bool
) -> None:
    conversation = Claude()
    given_the_task(conversation)
    wish = replace(OPUS, model="claude-probe-1", stream=stream, settings={"thinking": thinking})
    async with both() as (claude, _, env), playing(thinking_gpt(stream)) as gpt:
        async with process(**env | {"OPENAI_BASE_URL": f"{gpt.url}/v1"}) as gateway:
            first = await turn(gateway, conversation, replace(wish, model="gpt-5.5"))
            second = await turn(gateway, conversation, wish)

        assert first.thought == "Let me think."
        assert [call.name for call in second.calls] == [READ.name]
        assert await thoughts_seen_by(claude) == [0]
        assert second.headers["x-gateway-lane"] == "bytes"
        assert second.headers["x-gateway-dropped"] == ", ".join(lost)
