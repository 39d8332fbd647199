"""F: what other gateways got wrong with real clients against strict upstreams."""

from base64 import b64encode, urlsafe_b64encode
from typing import Any

import aiohttp
import pytest

from gateway.canonical.content import Message, Signature, Text
from gateway.canonical.request import Continuation, Request
from gateway.errors import Unsayable
from gateway.protocols import carry
from gateway.protocols.codec import Codec, Losses
from gateway.protocols.target import Target
from tests.gateways import openai, running
from tests.traps.wire import (
    CHAT,
    CLAUDE,
    GEMINI,
    HI,
    OLLAMA,
    candidate,
    chat,
    claude,
    cross,
    from_claude,
    reply,
    tool,
)
from tests.upstreams import Play, completion, playing


@pytest.mark.parametrize(
    ("model", "effort", "taken"),
    [
        ("gpt-5-mini", None, False),
        ("o3", None, False),
        ("gpt-5.2", None, True),
        ("gpt-5.2", "low", False),
        ("gpt-5.5", None, False),
        ("gpt-5.5", "low", False),
        ("gpt-5.5", "none", True),
        ("gpt-4.1", None, True),
    ],
)
def test_t146_a_temperature_goes_where_the_model_takes_one(
    model: str, effort: str | None, taken: bool
) -> None:
    settings = {"temperature": 0.3, **({"reasoning_effort": effort} if effort else {})}
    sent = cross(chat(**settings), CHAT, CHAT, model)
    assert ("temperature" in sent.body) is taken
    assert sent.dropped == ([] if taken else ["temperature"])
    if effort is None:
        there = from_claude(temperature=0.3, model=model)
        assert (there.body.get("temperature"), "temperature" in there.dropped) == (
            0.3 if taken else None,
            not taken,
        )


@pytest.mark.parametrize("codec", [CHAT, CLAUDE, GEMINI, OLLAMA])
def test_t153_a_conversation_kept_elsewhere_is_never_answered_without_it(codec: Codec) -> None:
    kept = Continuation(previous_response_id="resp_1")
    request = Request("m", [Message("user", [Text("go on")])], continuation=kept, max_tokens=9)
    with pytest.raises(Unsayable):
        codec.encode_request(request, Target("m"), Losses())


def test_t158_the_signature_of_the_first_of_two_calls_survives_a_chat_client() -> None:
    word = b64encode(b"thought \xff\xfe").decode()
    calls: list[Any] = [{"functionCall": {"id": name, "name": "run", "args": {}}} for name in ("a", "b")]
    calls[0]["thoughtSignature"] = word
    told = reply(candidate(*calls), GEMINI, CHAT)["choices"][0]["message"]
    sent = cross(chat(HI, told, tool("a"), tool("b")), CHAT, GEMINI)
    assert [part.get("thoughtSignature") for part in sent.body["contents"][1]["parts"]] == [word, None]


async def test_t160_a_request_that_thinks_stays_on_chat_completions() -> None:
    answer = Play([completion("fine")], content_type="application/json")
    body = {"model": "gpt-5.5", **claude(thinking={"type": "enabled", "budget_tokens": 2048})}
    async with playing(answer) as upstream, running(openai(upstream.url)) as gateway:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{gateway}/v1/messages", json=body) as answered:
                assert answered.status == 200
    assert [heard.path for heard in upstream.heard] == ["/v1/chat/completions"]
    assert upstream.heard[0].json["reasoning_effort"] == "medium"


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
def test_t161_a_wrapped_signature_is_recognised_in_every_spelling_of_base64(
    encode: Any, padded: bool
) -> None:
    payload = "~~?>>ÿþ sig"
    signature = Signature("openai_responses", payload, "gpt-5.5")

    def spelled(text: str) -> str:
        word: str = encode(text.encode()).decode()
        return word if padded else word.rstrip("=")

    word = f"gw1.{signature.family}.{spelled(signature.model)}.{spelled(payload)}"
    assert carry.unwrap(word, "anthropic") == signature
    assert carry.unwrap(carry.wrap(signature, "anthropic"), "anthropic") == signature
