"""`gateway healthcheck`: what it asks, whom, and with which code it ends."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import cli
from tests.gateways import configured, free_port, pool, running
from tests.upstreams import Play, Reset, playing

CONFIG = "server: {{port: {port}}}\nauth: none\npools: {{demo: [{{uuid: d}}]}}\n"
READY = Play([b'{"status":"ok"}'], content_type="application/json")


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    exit_code: int
    stdout: str
    stderr: str


async def checked(*arguments: str) -> Ended:
    """Run the command beside whatever runs in this loop."""
    ended = await asyncio.to_thread(CliRunner().invoke, cli.app, ["healthcheck", *arguments])
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


async def test_a_gateway_that_is_ready_is_code_0(alone: pytest.MonkeyPatch) -> None:
    async with running(configured(pool("main", "openai-custom", "https://host.example/v1"))) as gateway:
        ended = await checked("--url", gateway)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "ready\n", "")


async def test_the_address_comes_from_the_variables_of_the_server(alone: pytest.MonkeyPatch) -> None:
    async with playing(READY) as gateway:
        alone.setenv("SERVER_HOST", "0.0.0.0")  # noqa: S104 - reached by 127.0.0.1
        alone.setenv("SERVER_PORT", gateway.url.rpartition(":")[2])
        alone.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
        ended = await checked()
    assert ended.exit_code == 0
    assert [(heard.method, heard.path) for heard in gateway.heard] == [("GET", "/readyz")]


async def test_the_address_comes_from_the_configuration_file_where_there_is_one(
    alone: pytest.MonkeyPatch,
) -> None:
    async with playing(READY) as gateway:
        port = gateway.url.rpartition(":")[2]
        await asyncio.to_thread(Path("config.yaml").write_text, CONFIG.format(port=port))
        by_option = await checked("--config", "config.yaml")
        alone.setenv("GATEWAY_CONFIG", "config.yaml")
        by_variable = await checked()
    assert (by_option.exit_code, by_option.stderr) == (0, "")
    assert (by_variable.exit_code, by_variable.stderr) == (0, "")


async def test_a_path_before_the_gateway_is_kept(alone: pytest.MonkeyPatch) -> None:
    async with playing(READY) as gateway:
        ended = await checked("--url", f"{gateway.url}/behind/")
    assert ended.exit_code == 0
    assert [heard.path for heard in gateway.heard] == ["/behind/readyz"]


@pytest.mark.parametrize(
    ("play", "why"),
    [
        (Play([b"{}"], 503), "not ready: /readyz answers with HTTP status 503\n"),
        (Play([Reset()]), "not ready: no answer: "),
    ],
)
async def test_any_other_answer_is_code_1(alone: pytest.MonkeyPatch, play: Play, why: str) -> None:
    async with playing(play) as gateway:
        ended = await checked("--url", gateway.url)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(why)
    assert ended.stderr.count("\n") == 1


async def test_an_answer_that_is_not_http_is_code_1(alone: pytest.MonkeyPatch) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        ended = await checked("--url", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert (ended.exit_code, ended.stderr) == (1, "not ready: the answer is not HTTP\n")


@pytest.mark.parametrize(
    ("arguments", "env", "why"),
    [
        (["--url", "127.0.0.1:3000"], {}, "--url takes the address of a gateway"),
        (["--url", "ftp://127.0.0.1"], {}, "--url takes the address of a gateway"),
        (["--url", "http://127.0.0.1:high"], {}, "Port could not be cast"),
        ([], {"SERVER_PORT": "high"}, "SERVER_HOST or SERVER_PORT is not what a server can listen on"),
        ([], {"SERVER_HOST": "http://x"}, "SERVER_HOST or SERVER_PORT is not what a server can listen on"),
        (["--config", "nowhere.yaml"], {}, "not ready: the configuration cannot be read"),
    ],
)
async def test_what_cannot_be_asked_is_code_1_and_never_the_reserved_2(
    alone: pytest.MonkeyPatch, arguments: list[str], env: dict[str, str], why: str
) -> None:
    for name, value in env.items():
        alone.setenv(name, value)
    ended = await checked(*arguments)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert why in ended.stderr


@pytest.mark.slow
def test_it_waits_for_nothing_that_only_the_server_needs(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from gateway.cli import app\n"
        f"assert CliRunner().invoke(app, ['healthcheck', '--url', '{url}']).exit_code == 1\n"
        "heavy = {'aiohttp', 'structlog', 'gateway.app', 'gateway.providers'} & sys.modules.keys()\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    ended = subprocess.run(  # noqa: S603 - the program under test
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(cli.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
