"""What people do with the official SDKs, from each client protocol to each upstream that refuses what the
real service refuses.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import AuthConfig
from gateway.wire.fast_json import dumps
from tests.clients.conversations import KEY, READ, WRITE, Conversation, Wish
from tests.clients.files import PDF, PNG
from tests.clients.speakers import SPEAKERS, Claude, Llama
from tests.gateways import configured, running
from tests.probes.strict import Strict, strict


@dataclass(frozen=True)
class Upstream:
    """A strict upstream: the model to name, who serves it, and how its wire says some things."""

    model: str
    provider: str
    path: str
    instructions: Callable[[dict[str, Any]], Any]
    forced: Callable[[dict[str, Any]], Any]
    reads: frozenset[str] = frozenset({"image/png", "application/pdf"})


UPSTREAMS: Mapping[str, Upstream] = {
    "openai-chat": Upstream(
        "gpt-probe-1",
        "openai-custom",
        "/v1",
        lambda body: body["messages"][0],
        lambda body: body["tool_choice"]["function"]["name"],
    ),
    "anthropic": Upstream(
        "claude-probe-1",
        "claude-custom",
        "",
        lambda body: body["system"],
        lambda body: body["tool_choice"]["name"],
    ),
    "gemini": Upstream(
        "gemini-3-probe",
        "gemini",
        "",
        lambda body: body["systemInstruction"],
        lambda body: body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"][0],
    ),
    # This protocol cannot say that a tool must be called: it is the only one there is.
    "ollama": Upstream(
        "probe-1",
        "ollama",
        "",
        lambda body: body["messages"][0],
        lambda body: "".join(tool["function"]["name"] for tool in body["tools"]),
        frozenset({"image/png"}),
    ),
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.parametrize("upstream", UPSTREAMS),
]
every_way = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
every_client = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS)

# Its protocol has no word for a tool that must be called, and no place for files but pictures.
choosing = {name: speaker for name, speaker in SPEAKERS.items() if speaker is not Llama}
every_choosing_client = pytest.mark.parametrize("speaker", choosing.values(), ids=choosing)

TOOLS = (WRITE, READ)
TASK = "Please do this. PROBE_TASK path=/tmp/notes.txt content=n42 mode="
PLAIN_ANSWER = "Probe session."
INSTRUCTION = "You are a probe, and terse."


class Weather(BaseModel):
    """The form of an answer."""

    city: str
    degrees: int
    sunny: bool


@asynccontextmanager
async def between(upstream: str, *, frowns: bool = False) -> AsyncIterator[tuple[str, str, Strict]]:
    """A gateway, the model to name, and the strict upstream behind it; which must have nothing to say unless
    it `frowns`.
    """
    kind = UPSTREAMS[upstream]
    async with strict(upstream) as far:
        member = DeploymentConfig(
            id="far",
            provider=kind.provider,
            api_key=SecretStr("upstream-key-7a"),
            base_url=far.url + kind.path,
            models=("*",),
        )
        config = configured(
            PoolConfig(name="far", deployments=(member,)), auth=AuthConfig(api_keys=(SecretStr(KEY),))
        )
        async with running(config) as gateway:
            yield gateway, kind.model, far
        if not frowns:
            assert await far.complaints() == []


async def bodies(far: Strict) -> list[dict[str, Any]]:
    """What the upstream was asked, in order."""
    return [request["body"] for request in await far.requests()]


def is_in(data: str, body: dict[str, Any]) -> bool:
    """Whether a file stands in `body`, in either alphabet of base64."""
    return data.encode() in dumps(body).replace(b"-", b"+").replace(b"_", b"/")


@every_way
@every_client
async def test_words_are_answered(upstream: str, stream: bool, speaker: type[Conversation]) -> None:
    async with between(upstream) as (gateway, model, far):
        conversation = speaker()
        conversation.say("Good morning — ça va? 🚀")
        first = await conversation.hear(gateway, Wish(model, stream, INSTRUCTION))
        conversation.say("And then?")

        second = await conversation.hear(gateway, Wish(model, stream, INSTRUCTION))

        assert first.text.startswith(PLAIN_ANSWER)
        assert first.text.endswith("café ✓ 🚀.")
        assert second.text == first.text
        body = (await bodies(far))[-1]
        assert INSTRUCTION.encode() in dumps(UPSTREAMS[upstream].instructions(body))
        assert dumps(body).count(INSTRUCTION.encode()) == 1
        assert "Good morning — ça va? 🚀".encode() in dumps(body)
        # Who streams may keep the pieces as they came; the question has a rocket, too.
        assert (dumps(body).count("✓".encode()), dumps(body).count("🚀".encode())) == (1, 2)


@every_way
@every_client
async def test_a_picture_arrives(upstream: str, stream: bool, speaker: type[Conversation]) -> None:
    async with between(upstream) as (gateway, model, far):
        conversation = speaker()
        conversation.show("What is this?", "image/png", PNG)

        heard = await conversation.hear(gateway, Wish(model, stream))

        assert heard.text.startswith(PLAIN_ANSWER)
        (body,) = await bodies(far)
        assert is_in(PNG, body)


@every_way
@every_choosing_client
async def test_a_document_arrives_where_the_model_reads_any_and_is_refused_elsewhere(
    upstream: str, stream: bool, speaker: type[Conversation]
) -> None:
    async with between(upstream, frowns=True) as (gateway, model, far):
        conversation = speaker()
        conversation.show("What is this?", "application/pdf", PDF)
        if "application/pdf" not in UPSTREAMS[upstream].reads:
            with pytest.raises(speaker.errors["refused"][1], match=r"messages\[0\]|contents\[0\]"):
                await conversation.hear(gateway, Wish(model, stream))
            assert await far.requests() == []
            return

        heard = await conversation.hear(gateway, Wish(model, stream))

        assert heard.text.startswith(PLAIN_ANSWER)
        (body,) = await bodies(far)
        assert is_in(PDF, body)
        assert await far.complaints() == []


@every_way
async def test_an_image_in_a_tools_result_arrives(upstream: str, stream: bool) -> None:
    async with between(upstream) as (gateway, model, far):
        wish = Wish(model, stream, tools=TOOLS)
        conversation = Claude()
        conversation.say(f"{TASK}seq")
        (call,) = (await conversation.hear(gateway, wish)).calls
        conversation.results({call.id: [Claude.file("image/png", PNG), {"type": "text", "text": "ok"}]})

        (second,) = (await conversation.hear(gateway, wish)).calls

        assert second.name == READ.name
        assert is_in(PNG, (await bodies(far))[-1])


@every_way
@every_client
async def test_an_answer_after_a_schema_is_parsed_by_the_sdk(
    upstream: str, stream: bool, speaker: type[Conversation]
) -> None:
    async with between(upstream) as (gateway, model, _):
        conversation = speaker()
        conversation.say("How is the weather in Rome?")

        heard = await conversation.hear(gateway, Wish(model, stream, shape=Weather))

    assert isinstance(heard.parsed, Weather)


@every_way
@every_choosing_client
async def test_a_tool_that_must_be_called_is_called(
    upstream: str, stream: bool, speaker: type[Conversation]
) -> None:
    async with between(upstream) as (gateway, model, far):
        conversation = speaker()
        conversation.say(f"{TASK}seq")

        heard = await conversation.hear(gateway, Wish(model, stream, tools=TOOLS, forced=WRITE.name))

        assert [call.name for call in heard.calls] == [WRITE.name]
        (body,) = await bodies(far)
        assert UPSTREAMS[upstream].forced(body) == WRITE.name


@every_way
@every_client
async def test_a_loop_of_tools_comes_to_its_end(
    upstream: str, stream: bool, speaker: type[Conversation]
) -> None:
    async with between(upstream) as (gateway, model, _):
        wish = Wish(model, stream, INSTRUCTION, TOOLS)
        conversation = speaker()
        conversation.say(f"{TASK}seq")
        (one,) = (await conversation.hear(gateway, wish)).calls
        conversation.results({one.id: "ok, written"})
        (two,) = (await conversation.hear(gateway, wish)).calls
        conversation.results({two.id: "n42"})

        heard = await conversation.hear(gateway, wish)

    assert (one.name, one.arguments) == (WRITE.name, {"path": "/tmp/notes.txt", "content": "n42"})
    assert (two.name, two.arguments) == (READ.name, {"path": "/tmp/notes.txt"})
    assert (heard.text, [*heard.calls]) == ("PROBE_DONE n42", [])


@every_way
@every_client
async def test_two_tools_are_called_at_once(upstream: str, stream: bool, speaker: type[Conversation]) -> None:
    async with between(upstream) as (gateway, model, far):
        wish = Wish(model, stream, tools=TOOLS)
        conversation = speaker()
        conversation.say(f"{TASK}parallel")
        one, two = (await conversation.hear(gateway, wish)).calls
        conversation.results({two.id: "ok, the second", one.id: "ok, the first"})

        heard = await conversation.hear(gateway, wish)

        last = dumps((await bodies(far))[-1])

    assert one.id != two.id
    assert one.arguments == {"path": "/tmp/notes.txt", "content": "n42"}
    assert two.arguments == {"path": "/tmp/notes.txt.2", "content": "n42"}
    assert heard.text == "PROBE_DONE n42"
    assert b"ok, the first" in last
    assert b"ok, the second" in last


@every_way
@every_client
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", "refused"),
        ("429", "busy"),
        ("500", "broken"),
        ("503", "overloaded"),
        # That its own key is wrong is the gateway's affair.
        ("401", "broken"),
    ],
)
async def test_a_failure_of_the_upstreams_is_an_error_of_its_class(
    *, upstream: str, stream: bool, speaker: type[Conversation], fault: str, kind: str
) -> None:
    async with between(upstream, frowns=True) as (gateway, model, far):
        # Where a refusal says when to come back, the gateway does, once.
        await far.fault(fault, times=2)
        conversation = speaker()
        conversation.say("Good morning.")

        status, error = speaker.errors[kind]
        with pytest.raises(error) as caught:
            await conversation.hear(gateway, Wish(model, stream))

    assert status_of(caught.value) == status


@every_client
async def test_a_wrong_key_is_an_error_of_its_class(upstream: str, speaker: type[Conversation]) -> None:
    async with between(upstream, frowns=True) as (gateway, model, far):
        conversation = speaker()
        conversation.say("Good morning.")

        status, error = speaker.errors["unknown"]
        with pytest.raises(error) as caught:
            await conversation.hear(gateway, Wish(model), key="sdk-client-key-that-nobody-gave")

        assert await far.requests() == []
    assert status_of(caught.value) == status


def status_of(error: Exception) -> int:
    """The status in an SDK's error."""
    found = getattr(error, "status_code", None) or getattr(error, "code", None)
    assert isinstance(found, int)
    return found
