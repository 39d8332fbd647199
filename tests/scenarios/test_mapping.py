"""Names that lead elsewhere, and what is changed of requests on the way, through a running gateway."""

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.canonical.json import JsonValue
from gateway.config.mapping import AliasConfig, NamedModel, TuningConfig
from gateway.config.members import DeploymentConfig, PoolConfig, StrategyConfig
from gateway.config.schema import GatewayConfig
from tests.gateways import configured, running
from tests.upstreams import FakeUpstream, Play, completion, playing

ANSWER = Play([completion("hello")], content_type="application/json")
BUSY = Play([b'{"error":{"message":"busy"}}'], status=503, content_type="application/json")


def one_pool(url: str, strategy: str = "sequential", **entry: Any) -> GatewayConfig:
    """A gateway whose pool `main` has one entry in front of `url`."""
    member = DeploymentConfig(id="key", provider="openai-custom", base_url=f"{url}/v1", **entry)
    return configured(PoolConfig(name="main", deployments=(member,), strategy=StrategyConfig(name=strategy)))


def aliased(config: GatewayConfig, **models: Mapping[str, object] | Sequence[str]) -> GatewayConfig:
    aliases = {name: AliasConfig.model_validate(said) for name, said in models.items()}
    return config.model_copy(update={"models": aliases})


async def asked(
    config: GatewayConfig, model: str, **more: object
) -> tuple[dict[str, Any], Mapping[str, str]]:
    """What the gateway answers a chat completion for `model`, and the headers of the answer."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    async with (
        running(config) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/v1/chat/completions", json=body) as reply,
    ):
        return await reply.json(), reply.headers


def names(upstream: FakeUpstream) -> list[str]:
    return [heard.json["model"] for heard in upstream.heard]


async def test_an_alias_with_changes_sends_the_changed_request_and_says_what_was_lost() -> None:
    async with playing(ANSWER) as upstream:
        target = {
            "target": "main/gpt-4.1",
            "defaults": {"temperature": 0.5, "max_tokens": 100},
            "force": {"top_p": 0.8},
            "remove": ["user"],
            "extras": {"disable_search": True},
            "system": {"before": "speak French"},
        }
        config = aliased(one_pool(upstream.url, models=("gpt-4.1",)), careful={"targets": [target]})
        _, headers = await asked(config, "careful", top_p=0.1, max_tokens=7, user="someone")

    [sent] = [heard.json for heard in upstream.heard]
    assert (sent["model"], sent["temperature"], sent["top_p"]) == ("gpt-4.1", 0.5, 0.8)
    assert (sent.get("max_tokens") or sent["max_completion_tokens"], sent["disable_search"]) == (7, True)
    assert [message["content"] for message in sent["messages"]] == ["speak French", "hi"]
    assert "user" not in sent
    assert headers["x-gateway-lane"] == "events"
    assert headers["x-gateway-dropped"] == "user removed, top_p 0.1->0.8"


async def test_a_request_that_nothing_is_changed_of_passes_as_it_is() -> None:
    async with playing(ANSWER) as upstream:
        config = aliased(one_pool(upstream.url, models=("gpt-4.1",)), plain={"targets": ["main/gpt-4.1"]})
        _, headers = await asked(config, "plain")

    assert headers["x-gateway-lane"] == "bytes"


async def test_an_entry_changes_every_request_that_it_gets() -> None:
    async with playing(ANSWER) as upstream:
        tuning = TuningConfig.model_validate({"defaults": {"temperature": 0.5}})
        await asked(one_pool(upstream.url, models=("gpt-*",), tuning=tuning), "gpt-4.1")

    assert upstream.heard[0].json["temperature"] == 0.5


async def test_models_of_one_name_are_tried_in_the_order_of_their_priorities() -> None:
    named = (
        NamedModel(name="free", upstream="flash", priority=2),
        NamedModel(name="free", upstream="gemma", priority=1),
        NamedModel(name="free", upstream="pro", priority=3),
    )
    async with playing(BUSY, BUSY, ANSWER) as upstream:
        _, headers = await asked(one_pool(upstream.url, named=named), "free")

    assert names(upstream) == ["gemma", "flash", "pro"]
    assert (headers["x-gateway-deployment"], headers["x-gateway-model"]) == ("key:pro", "pro")


async def test_an_excluded_model_is_not_served_though_a_pattern_means_it() -> None:
    async with playing(ANSWER) as upstream:
        config = one_pool(upstream.url, models=("gpt-*",), exclude=("keyword:audio",))
        reply, _ = await asked(config, "gpt-audio")

    assert reply["error"]["code"] == "model_not_found"
    assert upstream.heard == []


async def test_models_with_entries_of_their_own_are_listed_by_the_names_that_clients_use() -> None:
    named = (NamedModel(name="free", upstream="gemma"), NamedModel(name="free", upstream="flash"))
    config = one_pool("http://127.0.0.1:1", models=("gpt-4.1",), named=named)
    async with (
        running(config) as url,
        aiohttp.ClientSession(url) as session,
        session.get("/v1/models") as reply,
    ):
        listed = [model["id"] for model in (await reply.json())["data"]]

    assert listed == ["gpt-4.1", "free"]


SEEING: dict[str, JsonValue] = {"media": ["image"], "context": 10_000, "tools": True}
BLIND: dict[str, JsonValue] = {"media": [], "context": 1_000_000, "tools": False}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def two_members(*urls: str, **more: Any) -> GatewayConfig:
    """The first entry is blind and cannot call tools, the second sees but has little room."""
    members = tuple(
        DeploymentConfig(id=name, provider="groq", base_url=f"{url}/v1", models=("m",), capabilities=can)
        for (name, can), url in zip((("blind", BLIND), ("seeing", SEEING)), urls, strict=True)
    )
    strategy = StrategyConfig(name="sequential")
    return configured(PoolConfig(name="main", deployments=members, strategy=strategy, **more))


@pytest.mark.parametrize(
    ("more", "answers"),
    [
        ({}, "blind"),
        ({"tools": [TOOL]}, "seeing"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "seeing"),
        ({"messages": [{"role": "user", "content": "word " * 30_000}]}, "blind"),
        ({"messages": [{"role": "user", "content": "word " * 30_000}], "tools": [TOOL]}, "blind"),
        ({"temperature": "hot", "tools": [TOOL]}, "blind"),
    ],
    ids=["plain", "tools", "image", "long", "nobody-can", "unreadable"],
)
async def test_who_lacks_what_a_request_needs_is_passed_over_if_another_can(
    more: dict[str, Any], answers: str
) -> None:
    async with playing(ANSWER) as blind, playing(ANSWER) as seeing:
        _, headers = await asked(two_members(blind.url, seeing.url), "m", **more)

    assert headers["x-gateway-deployment"] == answers
    assert headers["x-gateway-attempts"] == "1"


async def test_where_nobody_can_all_are_tried_in_their_order() -> None:
    more = {"messages": [{"role": "user", "content": "word " * 30_000}], "tools": [TOOL]}
    async with playing(BUSY) as blind, playing(ANSWER) as seeing:
        _, headers = await asked(two_members(blind.url, seeing.url), "m", **more)

    assert headers["x-gateway-deployment"] == "seeing"
    assert len(blind.heard) >= 1


async def test_a_conversation_stays_with_the_deployment_that_answered_it() -> None:
    async with playing(ANSWER) as first, playing(ANSWER) as second:
        members = tuple(
            DeploymentConfig(id=name, provider="openai-custom", base_url=f"{url}/v1", models=("m",))
            for name, url in (("one", first.url), ("two", second.url))
        )
        config = configured(PoolConfig(name="main", deployments=members))
        async with running(config) as url, aiohttp.ClientSession(url) as session:
            told = [await by_whom(session, "s1") for _ in range(3)]
            other = await by_whom(session, "s2")
            told += [await by_whom(session, "s1") for _ in range(3)]

    assert len(set(told)) == 1
    assert other not in told


async def by_whom(session: aiohttp.ClientSession, talk: str) -> str:
    """Which deployment answers a request of the session `talk`."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"x-claude-code-session-id": talk}
    async with session.post("/v1/chat/completions", json=body, headers=headers) as reply:
        return reply.headers["x-gateway-deployment"]


async def test_a_gateway_fetches_model_lists_beside_its_requests() -> None:
    listing = Play([b'{"data":[{"id":"fresh"}]}'], content_type="application/json")
    async with playing(listing, ANSWER) as upstream:
        config = one_pool(upstream.url, fetch_models=3600, models=("fresh*",))
        async with running(config) as url, aiohttp.ClientSession(url) as session:
            listed: list[str] = []
            for _ in range(200):
                async with session.get("/v1/models") as reply:
                    listed = [model["id"] for model in (await reply.json())["data"]]
                if listed == ["fresh"]:
                    break

    assert listed == ["fresh"]
    assert upstream.heard[0].path == "/v1/models"


async def test_a_changed_request_keeps_what_switches_its_own_protocols_fields_on() -> None:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    reply = {**message, "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}
    async with playing(Play([orjson.dumps(reply)], content_type="application/json")) as upstream:
        tuning = TuningConfig.model_validate({"system": {"before": "speak French"}})
        member = DeploymentConfig(id="key", provider="claude-custom", base_url=upstream.url, tuning=tuning)
        body = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"anthropic-beta": "context-management-1", "anthropic-version": "2026-10-21"}
        async with (
            running(configured(PoolConfig(name="main", deployments=(member,)))) as url,
            aiohttp.ClientSession(url) as session,
            session.post("/v1/messages", json={**body, "context_management": {}}, headers=headers),
        ):
            pass

    [heard] = upstream.heard
    assert heard.json["context_management"] == {}
    assert heard.headers["anthropic-beta"] == "context-management-1"
    assert heard.headers["anthropic-version"] == "2023-06-01"
    assert "speak French" in orjson.dumps(heard.json["system"]).decode()
