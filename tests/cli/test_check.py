"""`gateway check`: what it says of live and of dead deployments, and with which code it ends."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from gateway import cli, errors
from gateway.cli.check import Result, failure, report, results_of
from gateway.config.members import DeploymentConfig, PoolConfig
from gateway.config.schema import GatewayConfig
from gateway.providers.transport import AiohttpTransport, Connector
from gateway.wire.http import HttpReply, HttpRequest
from tests.gateways import configured, free_port, pool
from tests.upstreams import Play, playing

PLANTED = "a-key-in-no-known-form-81c7"
LIST = Play([b'{"object":"list","data":[]}'], content_type="application/json")


def keyed(base_url: str, **more: object) -> GatewayConfig:
    """A gateway with one deployment that has a key."""
    fields = {"id": "main-1", "provider": "openai-custom", "api_key": SecretStr(PLANTED), **more}
    member = DeploymentConfig.model_validate({**fields, "base_url": base_url})
    return configured(PoolConfig(name="main", deployments=(member,)))


async def result(config: GatewayConfig) -> Result:
    """What is found of the only deployment."""
    async with Connector(1) as connector:
        (found,) = (await results_of(config, AiohttpTransport(connector))).values()
    return found


async def test_a_deployment_that_answers_is_live_and_asked_with_its_key() -> None:
    async with playing(LIST) as upstream:
        found = await result(keyed(f"{upstream.url}/v1"))
    assert found.live
    assert re.fullmatch(r"ok \d+ ms", found.words)
    assert [heard.headers["authorization"] for heard in upstream.heard] == [f"Bearer {PLANTED}"]


def refused(status: int, message: str = "") -> Play:
    """An error in the upstream's protocol."""
    body = b'{"error":{"message":"%b"}}' % message.encode() if message else b""
    return Play([body] if body else [], status, content_type="application/json")


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (refused(401, f"who is {PLANTED}?"), "key rejected (401)"),
        (refused(403, f"{PLANTED} may not"), "key rejected (403): [redacted] may not"),
        (refused(404, "no such path"), "not found (404): no such path"),
        (refused(429, "slow down"), "rate limited (429)"),
        (refused(402, "buy more"), "no quota left (402): buy more"),
        (refused(503), "overloaded (503)"),
        (refused(500, "oh no"), "failed (500): oh no"),
        (refused(302), "failed (302): the upstream answered with HTTP status 302"),
        (refused(400, "two\\nlines \\u001b[31m"), "request refused (400): two lines  [31m"),
        (
            Play([b"<html>hello</html>"], content_type="text/html"),
            "not the expected API: the answer is not JSON",
        ),
    ],
)
async def test_why_a_deployment_is_not_live_is_said_in_plain_words(play: Play, words: str) -> None:
    async with playing(play) as upstream:
        found = await result(keyed(f"{upstream.url}/v1"))
    assert found == Result(live=False, words=words)


async def test_a_server_that_is_not_there_is_no_connection() -> None:
    found = await result(keyed(f"http://127.0.0.1:{free_port()}/v1"))
    assert found == Result(live=False, words="no connection: 127.0.0.1 refuses connections")


async def test_where_no_key_was_sent_none_was_rejected() -> None:
    async with playing(refused(401)) as upstream:
        found = await result(configured(pool("main", "openai-custom", f"{upstream.url}/v1")))
    assert found.words == "key required (401)"


async def test_long_words_of_an_upstream_are_cut() -> None:
    async with playing(refused(400, "long " * 200)) as upstream:
        found = await result(keyed(f"{upstream.url}/v1"))
    assert found.words.endswith("…")
    assert len(found.words) < 170


def all_upstream_errors(kind: type[errors.UpstreamError]) -> Iterator[type[errors.UpstreamError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from all_upstream_errors(child)


@pytest.mark.parametrize("kind", list(all_upstream_errors(errors.UpstreamError)))
def test_every_failure_of_an_upstream_has_words(kind: type[errors.UpstreamError]) -> None:
    assert re.fullmatch(r"[a-zA-Z ]+: why", failure(kind("why"), keyed=True))


class Counting:
    """An upstream that answers when everybody has had a turn, and counts who is there."""

    def __init__(self) -> None:
        self.there, self.most, self.asked = 0, 0, 0

    @asynccontextmanager
    async def send(self, request: HttpRequest) -> AsyncIterator[HttpReply]:
        self.asked += 1
        self.there += 1
        self.most = max(self.most, self.there)
        for _ in range(40):
            await asyncio.sleep(0)
        yield HttpReply(200, {}, self._chunks(request))
        self.there -= 1

    async def _chunks(self, request: HttpRequest) -> AsyncIterator[bytes]:
        assert request.method == "GET"
        yield b"{}"


async def test_no_more_than_eight_are_called_at_once() -> None:
    transport = Counting()
    config = configured(pool("main", "openai-custom", *("https://host.example/v1" for _ in range(20))))

    results = await results_of(config, transport)

    assert (transport.most, transport.asked, len(results)) == (8, 20, 20)
    assert all(found.live for found in results.values())


async def test_the_table_tells_where_everything_is_and_what_is_switched_off() -> None:
    async with playing(LIST) as upstream:
        on = DeploymentConfig(id="on", provider="openai-custom", base_url=f"{upstream.url}/secret-path")
        off = on.model_copy(update={"id": "off", "enabled": False})
        config = configured(PoolConfig(name="main", deployments=(on, off)))
        async with Connector(1) as connector:
            results = await results_of(config, AiohttpTransport(connector))

    assert list(results) == ["on"]
    host = upstream.url.removeprefix("http://")
    lines = [line.split() for line in report(config, results).splitlines()]
    assert lines[0] == ["pool", "deployment", "provider", "host", "result"]
    assert lines[1][:5] == ["main", "on", "openai-custom", host, "ok"]
    assert lines[2] == ["main", "off", "openai-custom", host, "disabled"]
    assert lines[-1] == ["1", "of", "1", "live"]


def test_without_a_key_the_demo_is_live(alone: pytest.MonkeyPatch) -> None:
    ended = CliRunner().invoke(cli.app, ["check"])
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert re.search(r"^demo +demo +demo +this process +ok \d+ ms$", ended.stdout, re.MULTILINE)


def test_one_that_is_not_live_makes_the_code_1_and_no_key_is_printed(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("OPENAI_API_KEY", PLANTED)
    alone.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    ended = CliRunner().invoke(cli.app, ["check"])
    assert ended.exit_code == 1
    assert "no connection" in ended.stdout
    assert "0 of 1 live" in ended.stdout
    assert PLANTED not in ended.output


def test_offline_nobody_is_called(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("OPENAI_API_KEY", f"{PLANTED},{PLANTED}-2")
    alone.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    ended = CliRunner().invoke(cli.app, ["check", "--offline"])
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == "The configuration is sound: 1 pool, 2 enabled deployments.\n"


DISABLED = """\
auth: none
pools:
  openai-custom:
    - {uuid: a, enabled: false}
"""


def test_where_nothing_is_enabled_nothing_is_live(alone: pytest.MonkeyPatch) -> None:
    Path("config.yaml").write_text(DISABLED)
    ended = CliRunner().invoke(cli.app, ["check", "-config", "config.yaml"])
    assert ended.exit_code == 1
    assert "0 of 0 live" in ended.stdout
    offline = CliRunner().invoke(cli.app, ["check", "--config", "config.yaml", "--offline"])
    assert "1 pool, 1 disabled one" in offline.stdout


@pytest.mark.parametrize("arguments", [["check"], ["check", "--offline"], ["models"]])
def test_a_broken_configuration_is_told_as_the_server_tells_it(
    alone: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    Path("config.yaml").write_text("servre: {}\n")
    told = CliRunner().invoke(cli.app, [*arguments, "--config", "config.yaml"])
    served = CliRunner().invoke(cli.app, ["serve", "--config", "config.yaml"])
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr == served.stderr
    assert "config.yaml:1:1" in told.stderr
