"""What can go wrong before HTTP begins, and what must not happen behind a broken exchange."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.clients import CLIENTS, Client
from tests.chaos.endings import FULL, SAID_AS, UNDERSTUDY, Heard, Kind
from tests.chaos.upstream import Chaos, chaos
from tests.gateways import free_port
from tests.processes import serving

pytestmark = [pytest.mark.shared, pytest.mark.slow]

IMPATIENT = {"connect": 1, "first_content": 1, "idle": 1, "progress": 1, "non_stream": 1}


def pool(name: str, *urls: str, **more: Any) -> dict[str, Any]:
    members = [
        {
            "id": f"{name}-{place}",
            "provider": "openai-custom",
            "base_url": f"{url}/v1",
            "models": ["*"],
            **(more if place == 0 else {}),
        }
        for place, url in enumerate(urls)
    ]
    return {"name": name, "deployments": members}


@asynccontextmanager
async def asking(folder: Path, *pools: dict[str, Any]) -> AsyncIterator[dict[str, Client]]:
    """The SDKs as clients of a gateway with `pools`."""
    async with AsyncExitStack() as stack:
        config = {"auth": {"open": True}, "pools": pools, "default_pool": pools[0]["name"]}
        gateway = await stack.enter_async_context(serving(folder, **config))
        yield {sdk: await stack.enter_async_context(speak(gateway.url)) for sdk, speak in CLIENTS.items()}


def unreachable(far: Chaos, way: str) -> str:
    return {
        "refused": f"http://127.0.0.1:{free_port()}",
        "no such host": "http://no-such-host.invalid",
        "reset": f"http://127.0.0.1:{far.rst_port}",
        "silent": f"http://127.0.0.1:{far.silent_port}",
        "self-signed": f"https://127.0.0.1:{far.tls_port}",
        "TLS to a plain port": f"https://127.0.0.1:{far.port}",
        "plain to a TLS port": f"http://127.0.0.1:{far.tls_port}",
    }[way]


WAYS = (
    "refused",
    "no such host",
    "reset",
    "silent",
    "self-signed",
    "TLS to a plain port",
    "plain to a TLS port",
)

SILENT = ("silent", "TLS to a plain port")
"""There somebody waits for us to say something that makes sense."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_no_connection_is_an_error_of_the_upstream_and_no_reason_not_to_ask_the_next(
    tmp_path: Path, stream: bool
) -> None:
    async with chaos() as far:
        alone = [pool(f"alone-{n}", unreachable(far, way), timeouts=IMPATIENT) for n, way in enumerate(WAYS)]
        # One pool for each client: the second one would not meet what rests by then.
        ready = far.with_fault("ok~n=7")
        helped = [
            pool(f"{sdk}-{n}", unreachable(far, way), ready, timeouts=IMPATIENT)
            for n, way in enumerate(WAYS)
            for sdk in CLIENTS
        ]
        async with asking(tmp_path, *alone, *helped) as clients:
            for n, way in enumerate(WAYS):
                kind = Kind.TIMEOUT if way in SILENT else Kind.UPSTREAM
                for sdk, client in clients.items():
                    heard = await client.hear(f"alone-{n}/m", stream=stream)
                    assert (heard.status, heard.word) == SAID_AS[sdk][kind], way
                    heard = await client.hear(f"{sdk}-{n}/m", stream=stream)
                    assert (heard.status, heard.text) == (200, UNDERSTUDY), way


@pytest.mark.parametrize("fault", ["extra-bytes", "cl-too-short", "idle-rst"])
async def test_what_a_connection_still_held_is_never_heard_by_the_next(tmp_path: Path, fault: str) -> None:
    async with (
        chaos() as far,
        asking(tmp_path, pool("bad", far.with_fault(fault)), pool("good", far.url)) as clients,
    ):
        for _ in range(10):
            for client in clients.values():
                await client.hear("bad/m", stream=False)
                heard = await client.hear("good/m", stream=False)
                assert heard == Heard(200, text=FULL, stop="stop", usage=(11, 5))


@pytest.mark.parametrize("fault", ["infinite", "stall-mid-stream", "error-then-hang", "done-no-close"])
async def test_nothing_goes_on_upstream_when_it_is_over_for_the_client(tmp_path: Path, fault: str) -> None:
    limits = {"total": 2, "idle": 1}
    async with (
        chaos() as far,
        asking(
            tmp_path, pool("bad", far.with_fault(fault), timeouts=limits), pool("good", far.url)
        ) as clients,
    ):
        for client in clients.values():
            await client.hear("bad/m", stream=True)
        # The connection closes when the exchange is over, at the latest a second after the last word.
        for _ in range(200):
            if not await far.active():
                break
            await clients["openai"].hear("good/m", stream=False)
        assert await far.active() == 0
