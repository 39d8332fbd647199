"""What operators see and change below /api/, and who may."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import pytest
import structlog
from pydantic import SecretStr

from gateway.config.members import BalanceConfig, DeploymentConfig, LimitsConfig, PoolConfig, QuotaConfig
from gateway.config.schema import AdminConfig, AuthConfig, GatewayConfig, ServerConfig
from gateway.server.caller import is_local
from gateway.telemetry.redaction import Redactor
from tests.gateways import configured, openai, pool, running
from tests.raw import said_to
from tests.upstreams import FakeUpstream, Play, Silence, completion, playing

KEY, CLIENT, UPSTREAM = "admin-key-90cc17", "client-key-5b2f9c", "upstream-key-0a1b2c3d4e5f"
FINE = Play([completion("fine")], content_type="application/json")
FULL = Play([b'{"error":{"message":"full"}}'], 429, {"retry-after": "30"}, "application/json")
BODY = {"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}]}
ROUTES = [
    ("POST", "/api/explain"),
    ("GET", "/api/providers"),
    ("GET", "/api/system-info"),
    ("POST", "/api/providers/main-1/test"),
    ("POST", "/api/providers/main-1/reset"),
    ("POST", "/api/providers/main-1/enable"),
    ("POST", "/api/providers/main-1/disable"),
    ("POST", "/api/admin/reset-all"),
]


class Caller:
    """Calls one gateway."""

    def __init__(self, gateway: str, session: aiohttp.ClientSession) -> None:
        self.gateway, self.session = gateway, session

    async def __call__(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status and the parsed answer."""
        async with self.session.request(
            method, self.gateway + path, json=body, headers=headers or {}
        ) as reply:
            return reply.status, orjson.loads(await reply.read())

    async def provider(self, name: str) -> dict[str, Any]:
        """What is told of one."""
        _, told = await self("GET", "/api/providers")
        return next(dict(each) for each in told["providers"] if each["id"] == name)


def keyed(config: GatewayConfig, key: str | None = KEY) -> GatewayConfig:
    return config.model_copy(update={"admin": AdminConfig(key=None if key is None else SecretStr(key))})


@asynccontextmanager
async def calling(config: GatewayConfig) -> AsyncIterator[Caller]:
    async with running(config) as gateway, aiohttp.ClientSession() as session:
        yield Caller(gateway, session)


def main(*upstreams: FakeUpstream, **entry: object) -> GatewayConfig:
    """A gateway with one pool, an entry for every upstream."""
    members = tuple(
        DeploymentConfig.model_validate(
            {
                "id": f"main-{number}",
                "provider": "openai-custom",
                "base_url": f"{upstream.url}/v1",
                "api_key": UPSTREAM,
                "models": ("*",),
                **entry,
            }
        )
        for number, upstream in enumerate(upstreams, 1)
    )
    return configured(PoolConfig(name="main", deployments=members))


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_takes_the_admin_key_in_both_forms_and_nothing_else(method: str, path: str) -> None:
    async with playing(FINE) as upstream:
        config = main(upstream).model_copy(
            update={"auth": AuthConfig.model_validate({"api_keys": (CLIENT,)})}
        )
        async with calling(keyed(config)) as call:
            asked = {"path": "/v1/chat/completions", "body": BODY}
            for headers in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
                assert (await call(method, path, asked, headers))[0] == 200
            for headers in ({"authorization": f"Bearer {CLIENT}"}, {"x-api-key": "wrong"}, {}):
                status, told = await call(method, path, asked, headers)
                assert (status, told["error"]["message"][:29]) == (401, "invalid or missing admin key:")


async def test_who_guesses_the_admin_key_has_to_wait_and_who_has_it_does_not() -> None:
    async with playing(FINE) as upstream, calling(keyed(main(upstream))) as call:
        guesses = [await call("GET", "/api/providers", headers={"x-api-key": f"no-{n}"}) for n in range(11)]
        good, _ = await call("GET", "/api/providers", headers={"x-api-key": KEY})
    assert [status for status, _ in guesses] == [401] * 10 + [429]
    assert good == 200


@pytest.mark.parametrize(
    ("remote", "headers", "local"),
    [
        ("127.0.0.1", {}, True),
        ("127.8.0.1", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("10.0.0.7", {}, False),
        ("fe80::1%eth0", {}, False),
        ("::ffff:10.0.0.7", {}, False),
        (None, {}, False),
        ("10.0.0.7", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", {"x-forwarded-for": "10.0.0.7"}, False),
        ("127.0.0.1", {"forwarded": "for=10.0.0.7"}, False),
    ],
)
def test_a_program_of_this_machine_is_known_by_its_connection(
    remote: str | None, headers: dict[str, str], local: bool
) -> None:
    assert is_local(remote, headers) is local


async def test_without_an_admin_key_programs_of_this_machine_get_in_and_nobody_behind_a_proxy() -> None:
    async with playing(FINE) as upstream, calling(main(upstream)) as call:
        assert (await call("GET", "/api/providers"))[0] == 200
        status, told = await call("GET", "/api/providers", headers={"x-forwarded-for": "10.0.0.7"})
        assert (status, "ADMIN_KEY" in told["error"]["message"]) == (403, True)


async def test_pages_get_in_neither_by_another_origin_nor_by_a_name_of_their_own() -> None:
    server = ServerConfig(port=0, host="0.0.0.0")  # noqa: S104 - where every name is ours, but for operators
    async with playing(FINE) as upstream:
        config = main(upstream).model_copy(update={"server": server})
        async with running(config) as gateway:
            page = b"Host: 127.0.0.1\r\nOrigin: http://evil.test\r\n\r\n"
            assert (await said_to(gateway, b"POST /api/admin/reset-all HTTP/1.1\r\n" + page)).status == 403
            renamed = b"Host: evil.test\r\nOrigin: http://evil.test\r\n\r\n"
            assert (await said_to(gateway, b"POST /api/admin/reset-all HTTP/1.1\r\n" + renamed)).status == 403
            ours = b"Host: 127.0.0.1\r\n\r\n"
            assert (await said_to(gateway, b"POST /api/admin/reset-all HTTP/1.1\r\n" + ours)).status == 200


@pytest.mark.parametrize(
    ("route", "body", "status", "said"),
    [
        ("GET /api/explain", None, 405, "takes POST"),
        ("POST /api/providers", {}, 405, "takes GET"),
        ("GET /api/nothing", None, 404, "nothing at GET /api/nothing"),
        ("POST /api/providers/nobody/reset", {}, 404, "no deployment of this id"),
        ("GET /api/providers?pool=nowhere", None, 404, "no pool of this name"),
        ("POST /api/explain", ["no"], 400, "must be a JSON object"),
        ("POST /api/explain", {"path": "/v1/messages"}, 400, "body: "),
        ("POST /api/explain", {"path": "/v1/models", "body": {}}, 400, "path: nobody asks"),
        ("POST /api/explain", {"path": "/v1/messages", "body": {}, "bdoy": {}}, 400, "bdoy: "),
        ("POST /api/explain", {"path": "/v1/messages", "body": {}}, 400, "model: "),
        ("POST /api/explain", {"path": "/x/v1/messages", "body": BODY}, 404, "no pool 'x'"),
    ],
)
async def test_what_is_wrong_is_told_as_json(route: str, body: object, status: int, said: str) -> None:
    async with playing(FINE) as upstream, calling(openai(upstream.url)) as call:
        method, path = route.split(" ")
        found, told = await call(method, path, body)
    assert (found, said in told["error"]["message"]) == (status, True), told


async def test_a_deployment_is_told_with_all_that_decides_and_its_key_only_by_its_end() -> None:
    limits = LimitsConfig(max_concurrency=4, quotas=(QuotaConfig(requests=495, period=86_400),))
    async with playing(FINE) as upstream:
        config = main(upstream, limits=limits, price=20, weight=3, balance=BalanceConfig(reader="deepseek"))
        async with calling(config) as call:
            before = await call.provider("main-1")
            await call("POST", "/v1/chat/completions", BODY)
            told = await call.provider("main-1")
    assert (before["state"], before["score"], before["heard"]) == ("UNKNOWN", 100, None)
    assert (
        told.items()
        >= {
            "pool": "main",
            "provider": "openai-custom",
            "key": "…4e5f",
            "models": ["*"],
            "enabled": True,
            "state": "AVAILABLE",
            "rests": [],
            "in_flight": 0,
            "most_in_flight": 4,
            "price": 20,
            "weight": 3,
        }.items()
    )
    assert {"limit": "requests at once", "used": 0, "most": 4} in told["limits"]
    assert {"limit": "requests 86400 s", "used": 1, "most": 495} in told["limits"]
    assert told["balance"]["left"] is None
    heard = datetime.fromisoformat(told["heard"])
    assert abs(datetime.now(UTC) - heard) < timedelta(seconds=60)


async def test_who_rests_is_told_with_its_reason_and_its_end_until_it_is_reset() -> None:
    async with playing(FULL) as upstream, calling(main(upstream)) as call:
        await call("POST", "/v1/chat/completions", BODY)
        (rest,) = (await call.provider("main-1"))["rests"]
        status, told = await call("POST", "/api/providers/main-1/reset")
        after = await call.provider("main-1")
    assert (rest["model"], rest["why"]) == ("gpt-test", "RateLimited")
    assert 25 < rest["seconds"] <= 30
    until = datetime.fromisoformat(rest["until"])
    assert timedelta(seconds=20) < until - datetime.now(UTC) < timedelta(seconds=40)
    assert (status, told["providers"][0]["rests"]) == (200, [])
    assert (after["state"], after["rests"], after["last_error"]) == ("UNKNOWN", [], None)


async def test_a_reset_of_all_ends_every_rest() -> None:
    async with playing(FULL) as one, playing(FULL) as two, calling(main(one, two)) as call:
        await call("POST", "/v1/chat/completions", BODY)
        assert all([(await call.provider(name))["rests"] for name in ("main-1", "main-2")])
        assert await call("POST", "/api/admin/reset-all") == (200, {"reset": 2})
        assert not any([(await call.provider(name))["rests"] for name in ("main-1", "main-2")])


async def test_who_is_switched_off_gets_no_requests_until_it_is_switched_on() -> None:
    async with playing(FINE) as one, playing(FINE) as two, calling(main(one, two)) as call:
        status, told = await call("POST", "/api/providers/main-1/disable")
        assert (status, told["providers"][0]["enabled"]) == (200, False)
        for _ in range(3):
            assert (await call("POST", "/v1/chat/completions", BODY))[0] == 200
        assert (len(one.heard), len(two.heard)) == (0, 3)
        await call("POST", "/api/providers/main-1/enable")
        for _ in range(4):
            await call("POST", "/v1/chat/completions", BODY)
        assert (len(one.heard), len(two.heard)) == (2, 5)


async def test_the_fallback_stands_in_for_a_pool_that_is_switched_off() -> None:
    async with playing(FINE) as one, playing(FINE) as two:
        config = configured(
            pool("main", "openai-custom", f"{one.url}/v1"), pool("spare", "openai-custom", f"{two.url}/v1")
        ).model_copy(update={"fallback_chains": {"main": ("spare",)}})
        async with calling(config) as call:
            await call("POST", "/api/providers/main-1/disable")
            assert (await call("POST", "/v1/chat/completions", BODY))[0] == 200
            await call("POST", "/api/providers/spare-1/disable")
            assert (await call("POST", "/v1/chat/completions", BODY))[0] == 502
    assert (len(one.heard), len(two.heard)) == (0, 1)


async def test_an_entry_that_has_become_several_is_switched_as_one() -> None:
    named = ({"name": "gpt-test", "upstream": "gpt-a"}, {"name": "gpt-test", "upstream": "gpt-b"})
    async with playing(FINE) as upstream, calling(main(upstream, models=(), named=named)) as call:
        _, told = await call("POST", "/api/providers/main-1/disable")
        assert [each["id"] for each in told["providers"]] == ["main-1:gpt-a", "main-1:gpt-b"]
        _, told = await call("POST", "/api/providers/main-1:gpt-b/enable")
        assert [each["id"] for each in told["providers"]] == ["main-1:gpt-b"]


async def test_who_is_switched_off_by_the_configuration_is_told_and_stays_so() -> None:
    async with playing(FINE) as upstream:
        config = main(upstream, upstream)
        members = config.pools[0].deployments
        off = config.pools[0].model_copy(
            update={"deployments": (members[0], members[1].model_copy(update={"enabled": False}))}
        )
        async with calling(config.model_copy(update={"pools": (off,)})) as call:
            told = await call.provider("main-2")
            status, refused = await call("POST", "/api/providers/main-2/enable")
    assert told == {"id": "main-2", "pool": "main", "provider": "openai-custom", "enabled": False}
    assert (status, "enabled: false" in refused["error"]["message"]) == (400, True)


async def test_a_test_asks_at_once_and_tells_the_pool_what_came_of_it() -> None:
    refused = Play([b'{"error":{"message":"no %b"}}' % UPSTREAM.encode()], 401, {}, "application/json")
    async with playing(refused, FINE) as upstream, calling(main(upstream)) as call:
        _, told = await call("POST", "/api/providers/main-1/test")
        (rejected,) = told["providers"]
        _, told = await call("POST", "/api/providers/main-1/test")
        (taken,) = told["providers"]
    assert (
        rejected["test"].items()
        >= {"live": False, "error": "CredentialRejected", "upstream_status": 401}.items()
    )
    assert (rejected["state"], rejected["rests"][0]["until"]) == ("UNAVAILABLE", None)
    assert (taken["test"]["live"], taken["state"], taken["rests"]) == (True, "AVAILABLE", [])
    assert UPSTREAM not in str(rejected)


async def test_the_system_is_told_in_figures() -> None:
    async with playing(Play([Silence()])) as upstream, calling(main(upstream)) as call:
        waiting = asyncio.ensure_future(call("POST", "/v1/chat/completions", BODY))
        async with asyncio.timeout(5):
            while not upstream.heard:
                await asyncio.sleep(0.01)
        _, told = await call("GET", "/api/system-info")
        waiting.cancel()
    assert told["requests_in_flight"] == 1
    assert told["pools"] == [{"name": "main", "deployments": 1, "enabled": 1, "resting": 0, "in_flight": 1}]
    assert told["uptime_s"] >= 0
    assert told["memory_bytes"] is None or told["memory_bytes"] > 10**7
    assert {"version", "python", "pid", "started"} <= told.keys()


async def test_nothing_below_api_shows_a_secret_or_logs_one() -> None:
    secrets = (KEY, CLIENT, UPSTREAM)
    refused = Play([b'{"error":{"message":"bad %b"}}' % UPSTREAM.encode()], 401, {}, "application/json")
    async with playing(refused) as upstream:
        config = main(upstream).model_copy(
            update={"auth": AuthConfig.model_validate({"api_keys": (CLIENT,)})}
        )
        with structlog.testing.capture_logs() as logs:
            async with calling(keyed(config)) as call:
                answers = [await call("POST", "/v1/chat/completions", BODY, {"x-api-key": CLIENT})]
                question = {
                    "path": "/v1/messages",
                    "body": {**BODY, "max_tokens": 9},
                    "headers": {"x-api-key": CLIENT},
                }
                for method, path in ROUTES:
                    answers.append(await call(method, path, question, {"x-api-key": KEY}))
    assert all(secret not in str(answers) for secret in secrets)
    assert {"reset", "all_reset", "enabled", "disabled"} <= {line["event"] for line in logs}
    written = [Redactor(keyed(config).secrets).fields({**line}) for line in logs]
    assert all(secret not in str(written) for secret in secrets)
