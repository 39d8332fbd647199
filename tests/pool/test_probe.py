"""One question to a real upstream on the loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway import errors
from gateway.auth.api_key import ApiKey
from gateway.pool.deployment import Deployment
from gateway.pool.probe import asked_model, probe
from gateway.providers import PROVIDERS
from gateway.providers.transport import AiohttpTransport, Connector
from tests.upstreams import FakeUpstream, Play, completion, playing

LIST = Play([b'{"object":"list","data":[]}'], content_type="application/json")
ANSWER = Play([completion("All is Well.")], content_type="application/json")


@asynccontextmanager
async def member(upstream: FakeUpstream, **more: object) -> AsyncIterator[Deployment]:
    async with Connector(1) as connector:
        yield Deployment(
            id="a",
            pool="main",
            provider=PROVIDERS["openai-custom"],
            credential=ApiKey("authorization", "the-key", "Bearer "),
            transport=AiohttpTransport(connector),
            base_url=f"{upstream.url}/v1",
            **more,  # type: ignore[arg-type]  # fields of Deployment
        )


async def test_the_cheapest_probe_is_the_model_list() -> None:
    async with playing(LIST) as upstream, member(upstream) as deployment:
        await probe(deployment)
    assert [(heard.method, heard.path) for heard in upstream.heard] == [("GET", "/v1/models")]
    assert upstream.heard[0].headers["authorization"] == "Bearer the-key"


async def test_a_check_model_is_asked_for_one_token() -> None:
    async with playing(ANSWER) as upstream, member(upstream, check_model="gpt-4.1-nano") as deployment:
        await probe(deployment)
    (heard,) = upstream.heard
    assert (heard.method, heard.path) == ("POST", "/v1/chat/completions")
    assert (heard.json["model"], heard.json["max_tokens"]) == ("gpt-4.1-nano", 1)
    assert heard.json["messages"][0]["content"] == "hi"


async def test_an_expected_answer_is_asked_for_and_looked_for_in_any_case() -> None:
    async with playing(ANSWER) as upstream, member(upstream, check_expect="all is well") as deployment:
        await probe(deployment)
        assert asked_model(deployment) == PROVIDERS["openai-custom"].small_model
    assert "all is well" in upstream.heard[0].json["messages"][0]["content"]


async def test_a_question_of_the_operators_own_is_asked_as_it_is() -> None:
    async with (
        playing(ANSWER) as upstream,
        member(upstream, check_prompt="How are things?", check_expect="well") as deployment,
    ):
        await probe(deployment)
    assert upstream.heard[0].json["messages"][0]["content"] == "How are things?"


async def test_another_answer_than_the_expected_one_is_no_sign_of_life() -> None:
    async with playing(ANSWER) as upstream, member(upstream, check_expect="bananas") as deployment:
        with pytest.raises(errors.BadUpstreamReply, match="check_expect"):
            await probe(deployment)


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (Play([b"{}"], 500, content_type="application/json"), errors.UpstreamFailed),
        (Play([b"{}"], 401, content_type="application/json"), errors.CredentialRejected),
        (Play([b"<html>hello</html>"], content_type="text/html"), errors.BadUpstreamReply),
        (Play([b" " * (1024 * 1024 + 1)], content_type="application/json"), errors.BadUpstreamReply),
    ],
)
async def test_a_probe_says_why_there_is_no_life(play: Play, kind: type[errors.UpstreamError]) -> None:
    async with playing(play) as upstream, member(upstream) as deployment:
        with pytest.raises(kind):
            await probe(deployment)


async def test_a_page_is_no_sign_of_life_whatever_it_says() -> None:
    page = Play([b"<html>all is well</html>"], content_type="text/html")
    async with playing(page) as upstream, member(upstream, check_expect="all is well") as deployment:
        with pytest.raises(errors.BadUpstreamReply):
            await probe(deployment)
