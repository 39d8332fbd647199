"""Time, as the SDKs see it: heartbeats that they survive, and timers that end what does not end by itself."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from tests.chaos.campaign import SPEAKS, Case, deviations
from tests.chaos.clients import CLIENTS
from tests.chaos.endings import Broken, Kind, Refused, Whole
from tests.chaos.rows import PATIENT
from tests.chaos.upstream import chaos
from tests.processes import serving

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    # How the google-genai SDK makes its connections, and what it leaves behind of a stream that broke.
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning"),
]

HASTE_S = 0.1
NOTHING = {**PATIENT, "first_content": 1}


async def test_every_sdk_survives_the_heartbeats_of_an_upstream_that_takes_its_time(tmp_path: Path) -> None:
    ends = (
        ("late-first-token~s=1", Whole(), PATIENT),
        ("latency~s=1", Whole(), PATIENT),
        # The status is out by then.
        ("stall-after-headers", Broken(Kind.TIMEOUT, ""), NOTHING),
        ("stall-before-headers", Broken(Kind.TIMEOUT, ""), NOTHING),
    )
    todo = [
        Case(0, provider, sdk, fault, stream=True, understudied=False, alone=ending, timeouts=timeouts)
        for provider in SPEAKS
        for sdk in CLIENTS
        for fault, ending, timeouts in ends
    ]
    numbered = [replace(case, number=number) for number, case in enumerate(todo)]
    async with chaos() as far:
        assert await deviations(tmp_path, far, numbered, heartbeat_s=HASTE_S) == []


TIMERS = {
    "connect": ("", False, Refused(Kind.TIMEOUT)),
    "non_stream": ("stall-before-headers", False, Refused(Kind.TIMEOUT)),
    "first_content": ("ping-only~ms=50", True, Refused(Kind.TIMEOUT)),
    "idle": ("stall-mid-stream", True, Broken(Kind.TIMEOUT)),
    "total": ("infinite", True, Broken(Kind.TIMEOUT)),
}
"""Of each timer the fault that only it ends, whether the reply is streamed, and how that ends."""

LIMIT_S = 1.0


@pytest.mark.parametrize("provider", SPEAKS)
async def test_every_timer_ends_what_it_is_there_for_within_a_second(tmp_path: Path, provider: str) -> None:
    async with AsyncExitStack() as stack:
        far = await stack.enter_async_context(chaos())
        _, below = SPEAKS[provider]
        pools = [
            {
                "name": f"p-{timer}",
                "deployments": [
                    {
                        "id": timer,
                        "provider": provider,
                        "base_url": (far.with_fault(fault) if fault else far.nowhere) + below,
                        "models": ["*"],
                        "timeouts": {**PATIENT, timer: LIMIT_S},
                    }
                ],
            }
            for timer, (fault, _, _) in TIMERS.items()
        ]
        config = {"auth": {"open": True}, "pools": pools, "default_pool": pools[0]["name"]}
        gateway = await stack.enter_async_context(serving(tmp_path, **config))
        client = await stack.enter_async_context(CLIENTS["openai"](gateway.url))

        async def ends_in_time(timer: str) -> None:
            _, stream, ending = TIMERS[timer]
            began = monotonic()
            heard = await client.hear(f"p-{timer}/m", stream=stream)
            assert LIMIT_S <= monotonic() - began <= LIMIT_S + 1, timer
            assert heard.status == (504 if isinstance(ending, Refused) else 200), timer
            assert heard.word == "timeout", timer

        async with asyncio.TaskGroup() as group:
            for timer in TIMERS:
                group.create_task(ends_in_time(timer))
