"""What happens when an upstream fails, at every place where it can."""

from collections.abc import Awaitable, Callable

import anthropic
import openai
import orjson
import pytest

from gateway.config.schema import TimeoutsConfig
from tests.gateways import configured, pool, running
from tests.gateways import openai as openai_gateway
from tests.upstreams import Play, Reset, Silence, chunk, completion, playing, sse

GOOD = Play(
    [sse(chunk({"role": "assistant", "content": "fine"}), chunk({}, "stop"))],
)
GOOD_JSON = Play([completion("fine")], content_type="application/json")
ERROR_FIRST = sse({"error": {"message": "overloaded", "type": "server_error"}}, done=False)
ROLE_ONLY = sse(chunk({"role": "assistant", "content": ""}), done=False)
HALF = sse(chunk({"role": "assistant", "content": "half"}), done=False)


def refusal(status: int, message: str = "no", **headers: str) -> Play:
    body = orjson.dumps({"error": {"message": message, "type": "x", "code": None, "param": None}})
    return Play(
        [body], status, {name.replace("_", "-"): value for name, value in headers.items()}, "application/json"
    )


async def stream_text(base_url: str) -> str:
    client = openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="any", max_retries=0)
    async with client:
        stream = await client.chat.completions.create(
            model="gpt-test", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])


async def whole_text(base_url: str) -> str:
    client = openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="any", max_retries=0)
    async with client:
        reply = await client.chat.completions.create(
            model="gpt-test", messages=[{"role": "user", "content": "hi"}]
        )
        return reply.choices[0].message.content or ""


async def claude_stream_text(base_url: str) -> str:
    client = anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0)
    async with (
        client,
        client.messages.stream(
            model="gpt-test", max_tokens=50, messages=[{"role": "user", "content": "hi"}]
        ) as stream,
    ):
        return "".join([text async for text in stream.text_stream])


PRE_CONTENT = [
    pytest.param(refusal(429), id="429"),
    pytest.param(refusal(500), id="500"),
    pytest.param(refusal(503), id="503"),
    pytest.param(refusal(401), id="401"),
    pytest.param(refusal(302, location="http://127.0.0.1:9/"), id="redirect"),
    pytest.param(Play([Reset()]), id="reset"),
    pytest.param(Play([b"<html>log in</html>"], content_type="text/html"), id="html"),
    pytest.param(Play([]), id="empty"),
]
PRE_CONTENT_STREAM = [
    *PRE_CONTENT,
    pytest.param(Play([ERROR_FIRST]), id="error first"),
    pytest.param(Play([ROLE_ONLY]), id="role, then the end"),
    pytest.param(Play([ROLE_ONLY, ERROR_FIRST]), id="role, then an error"),
    pytest.param(Play([ROLE_ONLY, Silence()]), id="role, then silence"),
    pytest.param(
        Play([orjson.dumps({"error": {"message": "x"}})], content_type="application/json"), id="json error"
    ),
]
QUICK = TimeoutsConfig(first_content=0.2)


@pytest.mark.parametrize("ask", [stream_text, claude_stream_text])
@pytest.mark.parametrize("play", PRE_CONTENT_STREAM)
async def test_a_failure_before_the_first_word_of_a_stream_is_hidden(
    play: Play, ask: Callable[[str], Awaitable[str]]
) -> None:
    async with playing(play) as bad, playing(GOOD) as good:
        config = configured(pool("p", "openai-custom", f"{bad.url}/v1", f"{good.url}/v1"), timeouts=QUICK)
        async with running(config) as gateway:
            assert await ask(gateway) == "fine"
    assert (len(bad.heard), len(good.heard)) == (1, 1)


@pytest.mark.parametrize("play", PRE_CONTENT)
async def test_a_failure_of_a_whole_reply_is_hidden(play: Play) -> None:
    async with playing(play) as bad, playing(GOOD_JSON) as good:
        async with running(openai_gateway(bad.url, good.url)) as gateway:
            assert await whole_text(gateway) == "fine"
    assert (len(bad.heard), len(good.heard)) == (1, 1)


@pytest.mark.parametrize("ask", [stream_text, claude_stream_text])
@pytest.mark.parametrize(
    "play",
    [
        pytest.param(Play([HALF, Reset()]), id="reset"),
        pytest.param(Play([HALF]), id="clean end without a finish"),
        pytest.param(Play([HALF, ERROR_FIRST]), id="error record"),
        pytest.param(Play([HALF, b'data: {"broken\n\n']), id="broken record"),
        pytest.param(Play([HALF, b"data: [DONE]\n\n"]), id="terminator without a finish"),
    ],
)
async def test_a_break_after_the_first_word_is_told_and_never_tried_again(
    play: Play, ask: Callable[[str], Awaitable[str]]
) -> None:
    async with playing(play) as bad, playing(GOOD) as good:
        async with running(openai_gateway(bad.url, good.url)) as gateway:
            with pytest.raises((openai.APIError, anthropic.APIError)):
                await ask(gateway)
    assert (len(bad.heard), len(good.heard)) == (1, 0)


async def test_a_request_that_is_wrong_is_tried_once_and_refused_in_the_upstreams_words() -> None:
    async with playing(refusal(400, "temperature: too hot")) as one, playing(GOOD_JSON) as other:
        async with running(openai_gateway(one.url, other.url)) as gateway:
            with pytest.raises(openai.BadRequestError, match="temperature: too hot"):
                await whole_text(gateway)
    assert (len(one.heard), len(other.heard)) == (1, 0)


async def test_three_attempts_are_the_most_a_request_may_cost() -> None:
    async with playing(refusal(500)) as bad:
        async with running(openai_gateway(*[bad.url] * 5)) as gateway:
            with pytest.raises(openai.InternalServerError):
                await whole_text(gateway)
    assert len(bad.heard) == 3


@pytest.mark.parametrize(
    ("play", "status", "retry_after"),
    [
        (refusal(429, retry_after="11"), 429, "11"),
        (refusal(429, retry_after_ms="20"), 429, "1"),
        (refusal(503), 503, "1"),
        (refusal(401, "Incorrect API key provided: sk-live-123456"), 502, None),
        (refusal(500), 502, None),
    ],
)
async def test_when_all_fail_alike_the_client_is_told_so(
    play: Play, status: int, retry_after: str | None
) -> None:
    async with playing(play) as one, playing(play) as other:
        async with running(openai_gateway(one.url, other.url)) as gateway:
            with pytest.raises(openai.APIStatusError) as caught:
                await whole_text(gateway)
    assert caught.value.status_code == status
    assert caught.value.response.headers.get("retry-after") == retry_after
    assert "sk-live" not in caught.value.message


async def test_an_overload_is_529_to_a_claude_client() -> None:
    async with playing(refusal(503)) as bad:
        async with running(openai_gateway(bad.url)) as gateway:
            with pytest.raises(anthropic.APIStatusError) as caught:
                await claude_stream_text(gateway)
    assert caught.value.status_code == 529


async def test_a_key_the_upstream_rejects_is_no_reason_for_clients_to_retry() -> None:
    async with playing(refusal(401)) as bad:
        async with running(openai_gateway(bad.url)) as gateway:
            client = openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=2)
            async with client:
                with pytest.raises(openai.InternalServerError):
                    await client.chat.completions.create(
                        model="gpt-test", messages=[{"role": "user", "content": "hi"}]
                    )
    assert len(bad.heard) == 1


@pytest.mark.parametrize("read", [stream_text, claude_stream_text])
async def test_a_stream_that_stalls_after_its_first_word_is_an_error_and_no_short_reply(
    read: Callable[[str], Awaitable[str]],
) -> None:
    async with playing(Play([HALF, Silence()])) as silent, playing(GOOD) as other:
        pools = pool("openai-custom", "openai-custom", f"{silent.url}/v1", f"{other.url}/v1")
        async with running(configured(pools, timeouts=TimeoutsConfig(idle=0.05))) as gateway:
            with pytest.raises((openai.APIError, anthropic.APIError), match="fell silent"):
                await read(gateway)
    assert other.heard == []
