"""What every refusal of an upstream leads to: who rests, from which failure on and for how long, and who
answers instead, under both failure policies that come with the gateway.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import Any

import aiohttp
import pytest

from gateway.config.failure_policy import FailurePolicyConfig
from gateway.config.members import DeploymentConfig, PoolConfig, StrategyConfig
from tests.chaos.campaign import SPEAKS
from tests.chaos.upstream import Chaos, chaos
from tests.gateways import configured, running

pytestmark = [pytest.mark.shared, pytest.mark.slow]

MODEL = "m"
SAID = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
JITTER = 0.1
_GONE_BY_S = 3


@dataclass(frozen=True)
class Rest:
    """Who rests (`whole`: the key with all of its models) after so many failures in a row, and for how long,
    in seconds.
    """

    seconds: float
    after: int = 1
    whole: bool = False
    jitter: float = 0.0

    def fits(self, told: list[Any]) -> bool:
        """Whether that is what the gateway tells of a deployment."""
        if len(told) != 1 or told[0]["model"] != (None if self.whole else MODEL):
            return False
        if self.seconds == inf:
            return told[0]["seconds"] is None
        left, spread = told[0]["seconds"], self.seconds * self.jitter
        # Some of it has gone by.
        return left is not None and self.seconds - spread - _GONE_BY_S < left <= self.seconds + spread


OWN = ("http-400", "http-422", "http-413", "400-context-length", "400-content-policy")
"""The request's own faults: nobody is punished, and nobody else is asked."""

QUOTA = ("400-billing", "402-billing", "http-402", "429-spend-limit")
KEY = ("401-invalid-key", "403-permission", "http-401", "http-403")
MODELS = ("404-model", "http-404")
BUSY = ("http-429", "429-retry-after-garbage", "429-retry-after-negative")
BROKEN = ("403-html-waf", "500-empty", "500-html", "502-html", "http-500", "http-501", "http-502")
FULL = ("503-no-retry", "529", "http-503")

ADAPTIVE: Mapping[str, Rest | None] = {
    **dict.fromkeys(OWN),
    **dict.fromkeys(QUOTA, Rest(600, whole=True)),
    **dict.fromkeys(KEY, Rest(inf, whole=True)),
    **dict.fromkeys(MODELS, Rest(3600)),
    **dict.fromkeys(BUSY, Rest(5, jitter=JITTER)),
    **dict.fromkeys((*BROKEN, *FULL), Rest(30, after=3, jitter=JITTER)),
    "429-retry-after": Rest(2),
    "429-retry-after-date": Rest(3),
    "429-retry-after-huge": Rest(3600),
    "503-retry-after": Rest(2),
}
REFERENCE: Mapping[str, Rest | None] = {
    **dict.fromkeys(OWN),
    **dict.fromkeys((*QUOTA, *KEY), Rest(inf, whole=True)),
    **dict.fromkeys(MODELS, Rest(inf)),
    **dict.fromkeys((*BUSY, "429-retry-after", "429-retry-after-date", "429-retry-after-huge"), Rest(60)),
    **dict.fromkeys((*BROKEN, *FULL, "503-retry-after"), Rest(300)),
}


def pool(far: Chaos, provider: str, fault: str) -> PoolConfig:
    """A deployment that meets `fault`, and one that stands by."""
    below = SPEAKS[provider][1]
    urls = (far.with_fault(fault), far.with_fault("ok"))
    return PoolConfig(
        name=fault,
        strategy=StrategyConfig(name="sequential"),
        deployments=tuple(
            DeploymentConfig.model_validate(
                {
                    "id": f"{fault}-{place}",
                    "provider": provider,
                    "base_url": url + below,
                    "api_key": f"sk-chaos-rests-{fault}-{place}",
                    "models": ["*"],
                    "priority": place,
                }
            )
            for place, url in enumerate(urls)
        ),
    )


@asynccontextmanager
async def between(preset: str, provider: str) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """A gateway under the failure policy `preset` in front of every refusal of `provider`."""
    async with chaos() as far, aiohttp.ClientSession() as session:
        config = configured(*(pool(far, provider, fault) for fault in ADAPTIVE)).model_copy(
            update={"failure_policy": FailurePolicyConfig.model_validate({"preset": preset})}
        )
        async with running(config) as gateway:
            yield gateway, session


@pytest.mark.parametrize("provider", SPEAKS)
@pytest.mark.parametrize(("preset", "expected"), [("adaptive", ADAPTIVE), ("reference", REFERENCE)])
async def test_every_refusal_has_its_rest_and_its_verdict(
    preset: str, expected: Mapping[str, Rest | None], provider: str
) -> None:
    async with between(preset, provider) as (gateway, session):

        async def ask(fault: str) -> int:
            async with session.post(f"{gateway}/{fault}/v1/chat/completions", json=SAID) as reply:
                await reply.read()
                return reply.status

        async def rests(fault: str) -> Any:
            async with session.get(f"{gateway}/api/providers?pool={fault}") as reply:
                return (await reply.json())["providers"][0]["rests"]

        async def complaint(fault: str, rest: Rest | None) -> str | None:
            for _ in range(rest.after - 1 if rest is not None else 3):
                status = await ask(fault)
                if (status == 200) is (rest is None) or await rests(fault):
                    return f"{fault}: {status}, and too soon {await rests(fault)}"
            if rest is None:
                return None
            status, told = await ask(fault), await rests(fault)
            return None if status == 200 and rest.fits(told) else f"{fault}: {status} and {told}"

        found = await asyncio.gather(*(complaint(fault, rest) for fault, rest in expected.items()))
    assert [each for each in found if each is not None] == []
