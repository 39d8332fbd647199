"""E: keys, headers and the ways of the gateway itself."""

from typing import Any

import aiohttp
import anthropic
import openai
import orjson
import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionUserMessageParam

from gateway.config.schema import AuthConfig
from tests.gateways import anthropic as claude_gateway
from tests.gateways import configured, pool, running
from tests.gateways import openai as chat_gateway
from tests.traps.wire import HI, call, calling, claude, from_chat, function, message, tool
from tests.upstreams import Play, completion, playing

SAYS = Play([orjson.dumps(message({"type": "text", "text": "fine"}))], content_type="application/json")
ANSWERS = Play([completion("fine")], content_type="application/json")
ASKED: MessageParam = {"role": "user", "content": "hi"}
CHATTED: ChatCompletionUserMessageParam = {"role": "user", "content": "hi"}
KEY = "gateway-key-1c9e"


def refusal(status: int, **headers: str) -> Play:
    body = orjson.dumps({"error": {"message": "no", "type": "x"}})
    return Play(
        [body], status, {name.replace("_", "-"): said for name, said in headers.items()}, "application/json"
    )


async def chatted(gateway: str, model: str = "gpt-test", retries: int = 0, **settings: Any) -> str:
    client = openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="k", max_retries=retries)
    async with client:
        said = await client.chat.completions.create(model=model, messages=[CHATTED], **settings)
        return said.choices[0].message.content or ""


def stored(content: bytes) -> bytes:
    """A zstd frame that holds `content` as it is."""
    assert len(content) < 256
    block = (len(content) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(content)]) + block + content


async def test_t051_a_body_compressed_with_zstd_is_read() -> None:
    body = orjson.dumps({"model": "gpt-test", "messages": [HI]})
    headers = {"content-encoding": "zstd", "content-type": "application/json"}
    async with playing(ANSWERS) as upstream, running(chat_gateway(upstream.url)) as gateway:
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"{gateway}/v1/chat/completions", data=stored(body)) as answered:
                assert answered.status == 200
    assert upstream.heard[0].json["messages"] == [HI]
    assert "content-encoding" not in {name.lower() for name in upstream.heard[0].headers}


async def test_t125_the_claude_sdks_bearer_token_is_taken_and_the_key_header_comes_first() -> None:
    auth = AuthConfig.model_validate({"api_keys": [KEY]})
    async with playing(SAYS) as upstream:
        config = configured(pool("p", "claude-custom", upstream.url), auth=auth)
        async with running(config) as gateway:
            bearer = anthropic.AsyncAnthropic(base_url=gateway, auth_token=KEY, max_retries=0)
            async with bearer:
                assert (await bearer.messages.create(model="m", max_tokens=9, messages=[ASKED])).content
            for headers, status in (
                ({"x-api-key": KEY, "authorization": "Bearer other"}, 200),
                ({"x-api-key": "other", "authorization": f"Bearer {KEY}"}, 401),
            ):
                async with aiohttp.ClientSession(headers=headers) as session:
                    async with session.post(
                        f"{gateway}/v1/messages", json={"model": "m", **claude()}
                    ) as told:
                        assert told.status == status
    assert len(upstream.heard) == 2


async def test_t131_a_key_that_is_rejected_is_our_affair() -> None:
    async with playing(refusal(401)) as bad, playing(ANSWERS) as good:
        async with running(chat_gateway(bad.url, good.url)) as gateway:
            assert await chatted(gateway) == "fine"
        async with running(chat_gateway(bad.url, bad.url)) as gateway:
            with pytest.raises(openai.InternalServerError) as caught:
                await chatted(gateway)
    assert caught.value.status_code in (502, 503)


async def test_t132_a_limit_on_one_model_leaves_the_others_of_the_key() -> None:
    async with playing(refusal(429, retry_after="60"), ANSWERS) as upstream, playing(ANSWERS) as other:
        async with running(chat_gateway(upstream.url, other.url)) as gateway:
            for model in ("gpt-a", "gpt-a", "gpt-a", "gpt-b"):
                assert await chatted(gateway, model) == "fine"
    # Least recently used goes first: without the limit the second request would have come here again.
    assert [heard.json["model"] for heard in upstream.heard] == ["gpt-a", "gpt-b"]


async def test_t133_what_the_gateway_tried_in_vain_is_not_tried_again_by_the_client() -> None:
    async with playing(refusal(500)) as one, playing(refusal(502)) as other:
        async with running(chat_gateway(one.url, other.url)) as gateway:
            with pytest.raises(openai.InternalServerError) as chatting:
                await chatted(gateway, retries=2)
        assert chatting.value.response.headers["x-should-retry"] == "false"
        assert (len(one.heard), len(other.heard)) == (1, 1)
        async with running(chat_gateway(one.url, other.url)) as gateway:
            client = anthropic.AsyncAnthropic(base_url=gateway, api_key="k", max_retries=2)
            async with client:
                with pytest.raises(anthropic.InternalServerError):
                    await client.messages.create(model="gpt-test", max_tokens=9, messages=[ASKED])
        assert (len(one.heard), len(other.heard)) == (2, 2)


PRECISE = (
    b'{ "max_tokens": 9, "zulu":1.0, "model":"m","alpha": 9007199254740993 ,"big":12345678901234567890123,'
    b'"messages":[{"content":"\\u00e9\\ud83d\\ude80 \\/","role":"user"}], "e": 1E2 }'
)


@pytest.mark.parametrize("model", [b"m", b"another/one"])
async def test_t134_between_ends_of_one_protocol_not_a_byte_changes_but_the_models_name(model: bytes) -> None:
    async with playing(SAYS) as upstream:
        config = configured(pool("p", "claude-custom", upstream.url, models=("*",)))
        async with running(config) as gateway, aiohttp.ClientSession() as session:
            body = PRECISE.replace(b'"m"', b'"%b"' % model)
            async with session.post(f"{gateway}/v1/messages", data=body) as answered:
                assert answered.status == 200
    assert upstream.heard[0].body == body


def test_t136_keys_that_scripts_stumble_over_are_plain_keys() -> None:
    arguments = '{"__proto__":{"a":1},"constructor":2}'
    schema = {"type": "object", "properties": {"__proto__": {"type": "object"}, "constructor": {}}}
    history = (HI, calling(call("a", arguments=arguments)), tool("a"))
    body = from_chat(*history, tools=[function(parameters=schema)]).body
    assert orjson.dumps(body["messages"][1]["content"][0]["input"]).decode() == arguments
    assert body["tools"][0]["input_schema"] == schema


async def test_t137_the_gateway_itself_never_fetches_an_address() -> None:
    async with playing(SAYS) as upstream, playing(Play()) as private:
        url = f"{private.url}/latest/meta-data"
        seen: Any = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
        async with running(claude_gateway(upstream.url)) as gateway:
            client = openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="k", max_retries=0)
            async with client:
                await client.chat.completions.create(model="claude-test", messages=[seen], max_tokens=9)
    assert upstream.heard[0].json["messages"][0]["content"][0]["source"] == {"type": "url", "url": url}
    assert private.heard == []


async def test_t141_sampling_goes_out_in_a_version_that_takes_it() -> None:
    async with playing(SAYS) as upstream, running(claude_gateway(upstream.url)) as gateway:
        await chatted(gateway, "claude-sonnet-4-6", temperature=0.7)
    versions = [
        said for name, said in upstream.heard[0].headers.items() if name.lower() == "anthropic-version"
    ]
    assert versions == ["2023-06-01"]
    assert upstream.heard[0].json["temperature"] == 0.7
