"""Complaints of clients: whose count, how often, and what follows."""

from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from gateway.config.failure_policy import FailurePolicyConfig
from gateway.config.schema import AdminConfig, AuthConfig, GatewayConfig
from tests.server.test_admin import BODY, FINE, Caller, calling, main
from tests.upstreams import Play, playing

ALICE, BOB, ADMIN = "client-key-5b2f9c", "client-key-77aa01", "admin-key-90cc17"
FULL = Play([b'{"error":{"message":"full"}}'], 429, {"retry-after": "30"}, "application/json")


def for_two(config: GatewayConfig) -> GatewayConfig:
    return config.model_copy(
        update={
            "auth": AuthConfig.model_validate({"api_keys": (ALICE, BOB)}),
            "admin": AdminConfig(key=SecretStr(ADMIN)),
        }
    )


async def ask(call: Caller, count: int, key: str = ALICE) -> None:
    for number in range(count):
        headers = {"x-api-key": key, "x-request-id": f"req-{number}"}
        assert (await call("POST", "/v1/chat/completions", BODY, headers))[0] == 200


async def complain(call: Caller, request_id: str, key: str = ALICE) -> tuple[int, Any]:
    said = {"request_id": request_id, "reason": "nonsense"}
    return await call("POST", "/api/feedback", said, {"x-api-key": key})


async def test_a_complaint_counts_as_one_failure_of_the_deployment_that_answered() -> None:
    async with playing(FINE) as upstream, calling(for_two(main(upstream))) as call:
        await ask(call, 30)
        with structlog.testing.capture_logs() as logs:
            outcomes = [await complain(call, f"req-{number}") for number in range(3)]
        _, told = await call("GET", "/api/providers", headers={"x-api-key": ADMIN})
    assert outcomes == [(200, {"counts": True, "why": "it counts"})] * 3
    (provider,) = told["providers"]
    (rest,) = provider["rests"]
    assert (rest["model"], rest["why"]) == ("gpt-test", "BadUpstreamReply")
    lines = [line for line in logs if line["event"] == "complaint"]
    assert [line["deployment"] for line in lines] == ["main-1"] * 3
    assert {(line["reason"], line["counts"]) for line in lines} == {("nonsense", True)}


async def test_only_the_key_that_asked_may_complain_once_and_of_a_tenth() -> None:
    async with playing(FINE) as upstream, calling(for_two(main(upstream))) as call:
        await ask(call, 10)
        stranger = await complain(call, "req-1", BOB)
        first, second = await complain(call, "req-1"), await complain(call, "req-1")
        more = await complain(call, "req-2")
        nobody, operator = await complain(call, "req-3", "wrong"), await complain(call, "req-3", ADMIN)
        unknown = await complain(call, "req-99")
    assert (stranger[0], unknown[0], nobody[0], operator[0]) == (404, 404, 401, 401)
    assert first == (200, {"counts": True, "why": "it counts"})
    assert second == (200, {"counts": False, "why": "it was made before"})
    assert (more[0], more[1]["counts"]) == (200, False)


async def test_a_deployment_that_rests_already_is_left_alone() -> None:
    async with playing(*[FINE] * 10, FULL) as upstream, calling(for_two(main(upstream))) as call:
        await ask(call, 10)
        await call("POST", "/v1/chat/completions", BODY, {"x-api-key": BOB})
        outcome = await complain(call, "req-1")
    assert outcome == (200, {"counts": False, "why": "the deployment is left alone already"})


async def test_one_who_is_impatient_lets_it_rest_after_the_first() -> None:
    policy = FailurePolicyConfig(preset="reference")
    async with playing(FINE) as upstream:
        config = for_two(main(upstream, failure_policy=policy))
        async with calling(config) as call:
            await ask(call, 10)
            await complain(call, "req-0")
            _, told = await call("GET", "/api/providers", headers={"x-api-key": ADMIN})
    assert told["providers"][0]["rests"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "request_id: "),
        ({"request_id": 7}, "request_id: "),
        ({"request_id": "r", "reasons": "x"}, "reasons: "),
        ([], "must be a JSON object"),
    ],
)
async def test_what_is_no_complaint_is_told_by_its_field(said: object, words: str) -> None:
    async with playing(FINE) as upstream, calling(main(upstream)) as call:
        status, told = await call("POST", "/api/feedback", said)
        assert (status, words in told["error"]["message"]) == (400, True), told
        assert (await call("GET", "/api/feedback"))[0] == 405
        long = {"request_id": "r", "reason": "x" * 20_000}
        assert (await call("POST", "/api/feedback", long))[0] == 413
