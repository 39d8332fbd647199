"""Many exchanges at once, each with pools of its own, and where they ended otherwise than they must."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.client import Client
from tests.chaos.clients import CLIENTS, SPOKEN, STREAMS_ONLY
from tests.chaos.endings import OWN_FAULT, UNDERSTUDY, Ending, Heard, Refused, Torn, Whole, fits
from tests.chaos.faults import rows
from tests.chaos.rows import PATIENT
from tests.chaos.upstream import Chaos
from tests.processes import Served, serving

UPSTREAM_KEY = "sk-chaos-upstream-4b7c1d"
SECRETS = (UPSTREAM_KEY, "sk-upst", "upstream-secret", "<html", "<!DOCTYPE", "example.invalid")
"""What no client may ever be told."""

AT_ONCE = 24

SPEAKS: Mapping[str, tuple[str, str]] = {
    "openai-custom": ("openai", "/v1"),
    "claude-custom": ("anthropic", ""),
    "gemini": ("gemini", ""),
    "ollama": ("ollama", ""),
}
"""The protocol that a provider speaks, and where below its base URL."""


@dataclass(frozen=True)
class Case:
    """One exchange: `number` names its pool, `understudied` says whether a healthy deployment stands by,
    `instead` what the catalogue wants where we do not.
    """

    number: int
    provider: str
    sdk: str
    fault: str
    stream: bool
    understudied: bool
    alone: Ending
    timeouts: Mapping[str, float]
    instead: Ending | None = None

    @property
    def ending(self) -> Ending:
        """How it must end."""
        return Whole(UNDERSTUDY, usage=(11, 7)) if self.falls_back else self.alone

    @property
    def falls_back(self) -> bool:
        """Whether the client must hear the understudy."""
        refused = isinstance(self.alone, Refused) and self.alone.kind not in OWN_FAULT
        return self.understudied and (refused or self.says_nothing)

    @property
    def says_nothing(self) -> bool:
        """Whether nothing is in it, for no reason: whoever has a better reply is asked for it."""
        alone = self.alone
        return isinstance(alone, Whole) and alone.text == "" and alone.stop == "stop" and not alone.calls

    @property
    def mark(self) -> str:
        """What is in the path of every request to the understudy."""
        return f"id=u{self.number}."

    @property
    def name(self) -> str:
        """For people."""
        ways = ("stream" if self.stream else "whole", "understudied" if self.understudied else "alone")
        return f"{self.fault} from {self.provider} to {self.sdk}, {', '.join(ways)}"

    def pool(self, far: Chaos) -> dict[str, Any]:
        """Its pool, as JSON has it."""
        urls = [far.with_fault(self.fault)]
        if self.understudied:
            urls.append(far.with_fault(f"ok~n=7~{self.mark}"))
        _, below = SPEAKS[self.provider]
        members = [
            {
                "id": f"d{self.number}-{place}",
                "provider": self.provider,
                "base_url": url + below,
                # What fails for one key may rest wherever that key is used.
                "api_key": f"{UPSTREAM_KEY}-{self.number}-{place}",
                "models": ["*"],
                "timeouts": dict(self.timeouts if place == 0 else PATIENT),
            }
            for place, url in enumerate(urls)
        ]
        return {"name": f"p{self.number}", "deployments": members}


def cases(provider: str, sdk: str) -> list[Case]:
    """Every fault at `provider`, to the client `sdk`, whole and streamed, alone and with an understudy."""
    facts = [
        (row, ending, stream, understudied)
        for row in rows(provider, SPOKEN[sdk])
        for stream, ending in enumerate((row.whole, row.stream))
        if ending is not None and (stream or sdk not in STREAMS_ONLY)
        for understudied in (False, True)
    ]
    return [
        Case(number, provider, sdk, row.fault, bool(stream), understudied, ending, row.timeouts, row.instead)
        for number, (row, ending, stream, understudied) in enumerate(facts)
    ]


async def deviations(folder: Path, far: Chaos, todo: Iterable[Case], **server: float) -> list[str]:
    """Where a gateway in front of `far` does otherwise than it must, one line for each."""
    todo = list(todo)
    pools = [case.pool(far) for case in todo]
    config = {"auth": {"open": True}, "server": server, "pools": pools, "default_pool": pools[0]["name"]}
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(serving(folder, **config))
        clients = {
            sdk: await stack.enter_async_context(CLIENTS[sdk](gateway.url))
            for sdk in {case.sdk for case in todo}
        }
        heard = await _all_heard(clients, todo)
        paths = await far.paths()
        found = [line for case, one in zip(todo, heard, strict=True) for line in _wrong(case, one, paths)]
        return [*found, *await _leaks(gateway, far)]


async def _all_heard(clients: Mapping[str, Client], todo: list[Case]) -> list[Heard]:
    door = asyncio.Semaphore(AT_ONCE)

    async def heard(case: Case) -> Heard:
        async with door:
            return await clients[case.sdk].hear(f"p{case.number}/chaos-1", stream=case.stream)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(heard(case)) for case in todo]
    return [task.result() for task in tasks]


def _wrong(case: Case, heard: Heard, paths: list[str]) -> Iterable[str]:
    spoken = SPOKEN[case.sdk]
    verbatim = SPEAKS[case.provider][0] == spoken
    called = any(case.mark in path for path in paths)
    # How much comes before a tear is the network's choice; what follows from it is not.
    torn = case.understudied and called and isinstance(case.alone, Torn)
    ending = Whole(UNDERSTUDY, usage=(11, 7)) if torn else case.ending
    if not fits(ending, heard, spoken, verbatim=verbatim):
        yield f"{case.name}: wants {_short(ending)}, heard {_short(heard)}"
    instead = _instead(case, verbatim=verbatim)
    if instead is not None and fits(instead, heard, spoken, verbatim=False):
        yield f"{case.name}: is no departure, for it ends as the catalogue wants"
    if called != (case.falls_back or torn):
        yield f"{case.name}: the understudy was {'' if called else 'not '}called"
    for secret in SECRETS:
        if secret in heard.told:
            yield f"{case.name}: the client is told {secret!r}"


def _instead(case: Case, *, verbatim: bool) -> Ending | None:
    """What the catalogue wants in place of what this client must hear."""
    passes = verbatim or getattr(case.alone, "own", None) is None
    return case.instead if passes and not case.falls_back else None


async def _leaks(gateway: Served, far: Chaos) -> list[str]:
    found = []
    if UPSTREAM_KEY in gateway.output():
        found.append("the upstream's key is in the log")
    if "Traceback" in gateway.output():
        found.append("the gateway wrote a traceback: " + gateway.output().partition("Traceback")[2][:2000])
    if hits := await far.canary_hits():
        found.append(f"a redirect was followed {hits} times")
    return found


def _short(ending: object) -> str:
    text = repr(ending)
    return text if len(text) < 400 else f"{text[:200]} … {text[-150:]}"
