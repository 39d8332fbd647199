"""What can go wrong before HTTP begins, and what must not happen behind a broken exchange."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.campaign import SPEAKS
from tests.chaos.client import Client
from tests.chaos.clients import CLIENTS, SPOKEN, STREAMS_ONLY
from tests.chaos.endings import FULL, SAID_AS, UNDERSTUDY, Heard, Kind
from tests.chaos.rows import PATIENT
from tests.chaos.upstream import Chaos, chaos
from tests.gateways import free_port
from tests.processes import serving

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    # How the google-genai SDK makes its connections, and what it leaves behind of a stream that broke.
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning"),
]

IMPATIENT = {"connect": 1, "first_content": 1, "idle": 1, "progress": 1, "non_stream": 1}


def pool(name: str, *urls: str, provider: str = "openai-custom", **more: Any) -> dict[str, Any]:
    _, below = SPEAKS[provider]
    members = [
        {
            "id": f"{name}-{place}",
            "provider": provider,
            "base_url": url + below,
            "models": ["*"],
            "timeouts": PATIENT,
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


def unreachable(far: Chaos) -> dict[str, str]:
    return {
        "refused": f"http://127.0.0.1:{free_port()}",
        "no such host": "http://no-such-host.invalid",
        "reset": f"http://127.0.0.1:{far.rst_port}",
        "self-signed": f"https://127.0.0.1:{far.tls_port}",
        "plain to a TLS port": f"http://127.0.0.1:{far.tls_port}",
        "TLS to a plain port": f"https://127.0.0.1:{far.port}",
        "silent": f"http://127.0.0.1:{far.silent_port}",
        "no accept": far.nowhere,
    }


SILENT = ("TLS to a plain port", "silent", "no accept")
"""There only time tells. Everything else is known without it, however long a busy machine takes for it: of
handshakes, dozens at once.
"""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", SPEAKS)
async def test_no_connection_is_an_error_of_the_upstream_and_no_reason_not_to_ask_the_next(
    tmp_path: Path, provider: str, stream: bool
) -> None:
    async with chaos() as far:
        asked = [
            (f"{n}-{sdk.replace(' ', '-')}", sdk, way, url, {"timeouts": IMPATIENT} if way in SILENT else {})
            for n, (way, url) in enumerate(unreachable(far).items())
            for sdk in CLIENTS
            if stream or sdk not in STREAMS_ONLY
        ]
        # Each client has pools of its own: it would not meet what rests since another met it.
        well = far.with_fault("ok~n=7")
        alone = [pool(f"alone-{name}", url, provider=provider, **more) for name, _, _, url, more in asked]
        helped = [
            pool(f"helped-{name}", url, well, provider=provider, **more) for name, _, _, url, more in asked
        ]

        async def ends(clients: dict[str, Client], name: str, sdk: str, way: str) -> None:
            kind = Kind.TIMEOUT if way in SILENT else Kind.UPSTREAM
            heard = await clients[sdk].hear(f"alone-{name}/m", stream=stream)
            assert (heard.status, heard.word) == SAID_AS[SPOKEN[sdk]][kind], (way, sdk, heard)
            heard = await clients[sdk].hear(f"helped-{name}/m", stream=stream)
            assert (heard.status, heard.text) == (200, UNDERSTUDY), (way, sdk, heard)

        async with asking(tmp_path, *alone, *helped) as clients, asyncio.TaskGroup() as group:
            for name, sdk, way, _, _ in asked:
                group.create_task(ends(clients, name, sdk, way))


@pytest.mark.parametrize("fault", ["extra-bytes", "cl-too-short", "idle-rst"])
async def test_what_a_connection_still_held_is_never_heard_by_the_next(tmp_path: Path, fault: str) -> None:
    async with (
        chaos() as far,
        asking(tmp_path, pool("bad", far.with_fault(fault)), pool("good", far.url)) as clients,
    ):
        for _ in range(10):
            for sdk, client in clients.items():
                stream = sdk in STREAMS_ONLY
                await client.hear("bad/m", stream=stream)
                heard = await client.hear("good/m", stream=stream)
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
