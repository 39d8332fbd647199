"""Why a request goes where it goes, told by a real gateway before it is sent anywhere."""

from typing import Any

import pytest

from gateway.config.mapping import AliasConfig
from gateway.config.members import DeploymentConfig, LimitsConfig, PoolConfig
from gateway.config.schema import GatewayConfig
from tests.gateways import configured, pool
from tests.server.test_admin import Caller, calling
from tests.upstreams import Play, completion, playing

FINE = Play([completion("fine")], content_type="application/json")
FULL = Play([b'{"error":{"message":"full"}}'], 429, {"retry-after": "30"}, "application/json")
BODY = {"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}]}
LONGEST = {**BODY, "max_tokens": 5}
CONTENTS = {"contents": [{"parts": [{"text": "hi"}]}]}
CHAT = "/v1/chat/completions"


def member(name: str, url: str, **more: object) -> DeploymentConfig:
    said = {"id": name, "provider": "openai-custom", "base_url": f"{url}/v1", "models": ("*",), **more}
    return DeploymentConfig.model_validate(said)


def main(*members: DeploymentConfig, **more: object) -> GatewayConfig:
    return configured(PoolConfig.model_validate({"name": "main", "deployments": members, **more}))


async def explained(call: Caller, body: object = BODY, path: str = CHAT, **more: object) -> dict[str, Any]:
    status, told = await call("POST", "/api/explain", {"path": path, "body": body, **more})
    assert status == 200, told
    return dict(told)


def candidate(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(each) for each in told["candidates"] if each["deployment"] == name)


def hindered(told: dict[str, Any], name: str) -> list[str]:
    return [each["by"] for each in candidate(told, name)["passed_over"]]


async def test_the_order_is_the_one_in_which_requests_then_go() -> None:
    async with playing(FINE) as one, playing(FINE) as two, playing(FINE) as three:
        upstreams = [one, two, three]
        config = main(*(member(f"m{n}", each.url) for n, each in enumerate(upstreams)))
        async with calling(config) as call:
            for _ in range(4):
                first = (await explained(call))["order"][0]
                before = [len(each.heard) for each in upstreams]
                await call("POST", CHAT, BODY)
                after = [len(each.heard) for each in upstreams]
                assert [f"m{n}" for n in range(3) if after[n] > before[n]] == [first]


async def test_nothing_is_sent_and_nothing_changes() -> None:
    async with playing(FINE) as one, playing(FINE) as two:
        config = main(member("a", one.url), member("b", two.url), strategy={"name": "random"})
        async with calling(config) as call:
            told = [await explained(call) for _ in range(20)]
            assert all(each == told[0] for each in told)
            assert (one.heard, two.heard) == ([], [])
            _, providers = await call("GET", "/api/providers")
    assert {each["state"] for each in providers["providers"]} == {"UNKNOWN"}


async def test_who_rests_is_passed_over_until_its_rest_ends() -> None:
    async with playing(FULL) as one, playing(FINE) as two:
        async with calling(main(member("a", one.url), member("b", two.url))) as call:
            await call("POST", CHAT, BODY)
            told = await explained(call)
            other = await explained(call, {**BODY, "model": "gpt-other"})
    assert told["order"] == ["b"]
    (rest,) = candidate(told, "a")["passed_over"]
    assert (rest["by"], rest["why"]) == ("rest", "this model of the key rests after RateLimited")
    assert 25 < rest["seconds"] <= 30
    assert rest["until"].startswith("20")
    assert set(other["order"]) == {"a", "b"}


async def test_who_would_be_asked_although_all_rest_is_told_without_asking_it() -> None:
    async with playing(FULL) as one, playing(FULL) as two:
        async with calling(main(member("a", one.url), member("b", two.url))) as call:
            await call("POST", CHAT, BODY)
            first, second = await explained(call), await explained(call)
    assert (len(first["order"]), second["order"]) == (1, first["order"])
    assert (len(one.heard), len(two.heard)) == (1, 1)


@pytest.mark.parametrize(("play", "wait_s"), [(FULL, 30), (FINE, 86_400)])
async def test_where_nobody_could_be_asked_it_tells_what_clients_are_told(play: Play, wait_s: float) -> None:
    once = LimitsConfig.model_validate({"quotas": ({"requests": 1},)})
    async with playing(play) as one, playing(play) as two:
        config = main(member("a", one.url, limits=once), member("b", two.url, limits=once))
        async with calling(config) as call:
            for _ in range(2):
                await call("POST", CHAT, BODY)
            refused = await explained(call)
            status, told = await call("POST", CHAT, BODY)
    assert (refused["order"], refused["refused"]["status"], status) == ([], 429, 429)
    assert refused["refused"]["message"] == told["error"]["message"]
    assert wait_s - 10 < refused["refused"]["retry_after_s"] <= wait_s


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"quotas": ({"requests": 1},)}, "requests 86400 s: nothing left"),
        ({"rpm": 1}, "requests 60 s: nothing left"),
        ({"tpm": 3}, "tokens 60 s: nothing left"),
    ],
)
async def test_who_is_at_its_limits_is_passed_over_until_they_open(limits: dict[str, Any], why: str) -> None:
    async with playing(FINE) as upstream:
        limited = member("a", upstream.url, limits=LimitsConfig.model_validate(limits))
        async with calling(main(limited, member("b", upstream.url, priority=1))) as call:
            await call("POST", CHAT, BODY)
            told = await explained(call)
    (limit,) = candidate(told, "a")["passed_over"]
    assert (limit["by"], limit["why"]) == ("limit", why)
    assert limit["seconds"] > 50
    assert told["order"] == ["b"]


async def test_who_does_not_serve_the_model_or_is_switched_off_is_named_with_the_reason() -> None:
    async with playing(FINE) as upstream:
        members = (
            member("good", upstream.url),
            member("other", upstream.url, models=("claude-*",)),
            member("off", upstream.url),
        )
        async with calling(main(*members)) as call:
            await call("POST", "/api/providers/off/disable")
            told = await explained(call)
    assert told["order"] == ["good"]
    assert (hindered(told, "good"), hindered(told, "other"), hindered(told, "off")) == (
        [],
        ["model"],
        ["switch"],
    )


async def test_who_lacks_what_the_request_needs_is_named_with_what_it_lacks() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {**BODY, "messages": [{"role": "user", "content": [picture]}], "tools": tools}
    async with playing(FINE) as upstream:
        small = member("a", upstream.url, capabilities={"tools": False, "media": [], "context": 5})
        async with calling(main(small, member("b", upstream.url))) as call:
            told = await explained(call, body)
    (lack,) = candidate(told, "a")["passed_over"]
    assert (lack["by"], lack["why"][:38]) == ("needs", "its model lacks tools, image, room for")
    assert (told["order"], told["needs"]["tools"], told["needs"]["media"]) == (["b"], True, ["image"])


async def test_who_has_no_word_for_a_part_is_not_tried() -> None:
    document = {"type": "document", "source": {"type": "url", "url": "https://files.test/a.pdf"}}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [document]}]}
    async with playing(FINE) as upstream:
        config = configured(
            pool("local", "ollama", upstream.url), pool("claude", "claude-custom", upstream.url)
        ).model_copy(update={"fallback_chains": {"local": ("claude",)}})
        async with calling(config) as call:
            told = await explained(call, body, "/local/v1/messages")
    assert told["order"] == ["claude-1"]
    assert hindered(told, "local-1") == ["needs", "protocol"]
    why = candidate(told, "local-1")["passed_over"][1]["why"]
    assert (why[:24], candidate(told, "local-1")["lane"]) == ("messages[0].content[0]: ", None)


async def test_it_tells_the_lane_and_what_gets_lost_on_it() -> None:
    body = {**BODY, "logit_bias": {"1": 2}}
    async with playing(FINE) as upstream:
        config = configured(
            pool("same", "openai-custom", f"{upstream.url}/v1"), pool("other", "claude-custom", upstream.url)
        ).model_copy(update={"fallback_chains": {"same": ("other",)}})
        async with calling(config) as call:
            told = await explained(call, body)
    same, other = candidate(told, "same-1"), candidate(told, "other-1")
    assert [hop["pool"] for hop in told["way"]] == ["same", "other"]
    assert (same["lane"], same["dropped"], same["repaired"]) == ("bytes", [], [])
    assert (other["lane"], other["dropped"]) == ("events", ["logit_bias"])
    assert [each.partition(" ")[0] for each in other["repaired"]] == ["max_tokens"]


async def test_what_the_operator_changes_of_requests_shows_in_the_losses() -> None:
    alias = AliasConfig.model_validate(
        {"targets": ({"target": "main/gpt-real", "force": {"temperature": 0}},)}
    )
    async with playing(FINE) as upstream:
        config = main(member("a", upstream.url)).model_copy(update={"models": {"careful": alias}})
        async with calling(config) as call:
            told = await explained(call, {**BODY, "model": "careful", "temperature": 1})
    (one,) = told["candidates"]
    assert (one["model"], one["lane"], one["dropped"]) == ("gpt-real", "events", ["temperature 1->0.0"])


async def test_a_conversation_stays_with_who_answered_it_and_that_is_told() -> None:
    session = {"x-claude-code-session-id": "s-1"}
    body = {**BODY, "max_tokens": 9}
    async with playing(FINE) as one, playing(FINE) as two:
        async with calling(main(member("a", one.url), member("b", two.url), sticky=True)) as call:
            fresh = await explained(call, body, headers=session)
            await call("POST", CHAT, body, session)
            told = await explained(call, body, headers=session)
            stranger = await explained(call, body, headers={**session, "x-api-key": "somebody-else"})
    holder = "a" if one.heard else "b"
    assert fresh["sticky"] == {"goes_on": True, "holder": None}
    assert told["sticky"] == {"goes_on": True, "holder": holder}
    assert told["order"][0] == holder
    assert stranger["sticky"]["holder"] is None


@pytest.mark.parametrize(
    ("path", "body", "understood"),
    [
        ("/v1/messages", LONGEST, ("anthropic", "gpt-test", False)),
        ("/main/v1/messages", LONGEST, ("anthropic", "gpt-test", False)),
        ("/anthropic/v1/messages", {**LONGEST, "stream": True}, ("anthropic", "gpt-test", True)),
        ("/v1beta/models/gpt-x:generateContent", CONTENTS, ("gemini", "gpt-x", False)),
        ("/v1beta/models/a%2Fb:streamGenerateContent?alt=sse", CONTENTS, ("gemini", "a/b", True)),
        ("/ollama/api/chat", BODY, ("ollama", "gpt-test", True)),
        ("/ollama/api/generate", {"model": "gpt-y", "prompt": "hi"}, ("ollama", "gpt-y", True)),
        ("/main/v1/chat/completions", BODY, ("openai_chat", "gpt-test", False)),
    ],
)
async def test_requests_of_every_protocol_are_understood_by_their_path(
    path: str, body: object, understood: tuple[str, str, bool]
) -> None:
    async with playing(FINE) as upstream, calling(main(member("a", upstream.url))) as call:
        told = await explained(call, body, path)
    assert (told["protocol"], told["model"], told["stream"]) == understood
    assert told["order"] == ["a"]


async def test_a_body_that_no_upstream_could_be_told_is_passed_over_by_all() -> None:
    async with playing(FINE) as upstream, calling(main(member("a", upstream.url))) as call:
        told = await explained(call, {"contents": []}, "/v1beta/models/gpt-x:generateContent")
    assert (told["order"], hindered(told, "a")) == ([], ["protocol"])


async def test_what_the_gateway_answers_by_itself_is_said_to_be() -> None:
    async with playing(FINE) as upstream, calling(main(member("a", upstream.url))) as call:
        told = await explained(call, {"model": "gpt-test"}, "/ollama/api/generate")
    assert told == {"protocol": "ollama", "answered_by": "the gateway itself"}


async def test_a_model_that_nobody_serves_is_told_as_to_a_client() -> None:
    async with playing(FINE) as upstream:
        async with calling(main(member("a", upstream.url, models=("gpt-real",)))) as call:
            status, told = await call("POST", "/api/explain", {"path": CHAT, "body": BODY})
    assert (status, "no deployment serves" in told["error"]["message"]) == (404, True)


@pytest.mark.slow
async def test_of_a_large_pool_the_first_are_told_and_the_others_counted() -> None:
    async with playing(FINE) as upstream:
        members = (member(f"m{n}", upstream.url, api_key=f"key-{n:06}") for n in range(1200))
        async with calling(main(*members)) as call:
            told = await explained(call)
    assert (len(told["candidates"]), told["not_shown"], len(told["order"])) == (1000, 200, 100)
