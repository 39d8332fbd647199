"""Mixed traffic: four protocols on either side, deployments that fail, clients that leave."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

FAULTY, LEAVING = 0.3, 0.1
"""Shares of the requests: those to a failing deployment, and those whose client does not stay."""

REST_S = 35
"""A failed deployment is not asked for half a minute: who goes there again sooner meets no fault."""

PATIENCE_S = 30.0

AT_ONCE = 60
"""Where the machine is too slow for the rate, it is the rate that suffers: else nobody would be in time."""

PROVIDERS: Mapping[str, str] = {"openai-custom": "/v1", "claude-custom": "", "gemini": "", "ollama": ""}
"""Where below its base URL the upstream speaks a provider's protocol."""

# Not among them: what rests a deployment until the gateway is started again.
FAULTS = (
    *("http-500", "http-503", "529", "503-retry-after", "429-retry-after", "500-html", "500-empty"),
    *("http-408", "http-504", "502-html", "200-error-json", "html-200", "empty-200", "truncated-json"),
    *("http-400", "400-context-length", "404-model", "500-error-stall", "500-huge~mb=2", "redirect-302"),
    *("cl-too-long", "bad-chunk-size", "garbage-response", "fin-before-response", "rst-before-response"),
    *("rst-mid-headers", "rst-after-headers", "stall-before-headers", "stall-after-headers", "huge-header"),
    *("many-headers", "stall-mid-stream", "ping-only", "cut-clean", "cut-mid-event", "rst-mid-stream"),
    *("bad-chunk-mid-stream", "error-mid-stream", "error-first-event", "error-then-hang", "empty-stream"),
    *("no-finish", "enc-gzip-corrupt", "enc-gzip-truncated", "enc-gzip-bomb~mb=8", "flood~mb=2"),
    *("huge-body~mb=2", "giant-event", "giant-line~mb=2", "tool-cut", "bad-json-event", "idle-rst"),
)
WELL = ("ok~n=7", "ok~n=20~ms=20", "tool-split-args", "enc-gzip-flush", "split-utf8")
IMPATIENT = {"first_content": 1.5, "idle": 1, "progress": 1.5, "non_stream": 1.5, "total": 4}

SAID = [{"role": "user", "content": "Hello?"}]


@dataclass(frozen=True)
class Tongue:
    """How clients of a protocol ask, streaming or not, and by what (but for spaces) a stream shows
    that it is whole."""

    path: Callable[[str, bool], str]
    body: Callable[[str, bool], dict[str, Any]]
    end: bytes


TONGUES = (
    Tongue(
        lambda _model, _stream: "/v1/chat/completions",
        lambda model, stream: {"model": model, "stream": stream, "messages": SAID},
        b"data:[DONE]\n\n",
    ),
    Tongue(
        lambda _model, _stream: "/v1/messages",
        lambda model, stream: {"model": model, "stream": stream, "max_tokens": 99, "messages": SAID},
        b"event:message_stop",
    ),
    Tongue(
        lambda model, stream: (
            f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
        ),
        lambda _model, _stream: {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}]},
        b'"finishReason"',
    ),
    Tongue(
        lambda _model, _stream: "/ollama/api/chat",
        lambda model, stream: {"model": model, "stream": stream, "messages": SAID},
        b'"done":true',
    ),
)


def pools(upstream: str, rate: float) -> list[dict[str, Any]]:
    """Pools in front of `upstream`, as JSON has them: as many that fail, half of them with an understudy, as
    are wanted until the first has had its rest; and some that do not.
    """
    wanted = max(len(FAULTS) * 4, round(rate * FAULTY * REST_S))
    made = []
    for number in range(wanted):
        provider = list(PROVIDERS)[number % 4]
        members = [_member(f"faulty-{number}", provider, upstream, FAULTS[number // 4 % len(FAULTS)])]
        members[0]["timeouts"] = IMPATIENT
        if number // 4 % 2:
            members.append(_member(f"understudy-{number}", provider, upstream, WELL[0]))
        made.append({"name": f"faulty-{number}", "deployments": members})
    for number, (provider, well) in enumerate((one, other) for one in PROVIDERS for other in WELL):
        members = [_member(f"well-{number}", provider, upstream, well)]
        made.append({"name": f"well-{number}", "deployments": members})
    return made


def _member(name: str, provider: str, upstream: str, fault: str) -> dict[str, Any]:
    url = f"{upstream}/f/{fault}{PROVIDERS[provider]}"
    # Keys of their own: what one of them does with an account is nothing to the others.
    return {"id": name, "provider": provider, "base_url": url, "api_key": f"soak-{name}", "models": ["*"]}


@dataclass
class Traffic:
    """Sends requests to the gateway at `url`, at most `rate` a second; knows how they ended, and which ended
    as none may.
    """

    url: str
    pools: list[str]
    rate: float
    chance: random.Random
    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def flow(self, seconds: float) -> None:
        """Send for so long, then wait for the last ones."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        faulty, well = (self._names(kind) for kind in ("faulty", "well"))
        connector, open_ones = aiohttp.TCPConnector(limit=0), asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for number in count():
                due = begun + number / self.rate
                if max(due, loop.time()) > begun + seconds:
                    return
                await asyncio.sleep(max(0.0, due - loop.time()))
                await open_ones.acquire()
                pool = next(faulty if self.chance.random() < FAULTY else well)
                group.create_task(self._ask(session, pool)).add_done_callback(lambda _: open_ones.release())

    def _names(self, kind: str) -> Iterator[str]:
        names = [name for name in self.pools if name.startswith(kind)]
        # Side by side stand the pools of one fault, and large replies are held at once as seldom as in life.
        self.chance.shuffle(names)
        while True:
            yield from names

    async def _ask(self, session: aiohttp.ClientSession, pool: str) -> None:
        tongue, stream = self.chance.choice(TONGUES), self.chance.random() < 0.7
        leaves = self.chance.random() < LEAVING
        model = f"{pool}/chaos-1"
        try:
            async with (
                asyncio.timeout(self.chance.random() if leaves else PATIENCE_S),
                session.post(self.url + tongue.path(model, stream), json=tongue.body(model, stream)) as reply,
            ):
                said = await reply.read()
        except TimeoutError:
            self._end("left" if leaves else "hung", pool)
        except aiohttp.ClientError as error:
            self._end("torn", f"{pool} {error!r}")
        else:
            whole = reply.status == 200 and (not stream or tongue.end in said.replace(b" ", b""))
            self._end("whole" if whole else f"told {reply.status}", f"{pool} {said[-300:]!r}")

    def _end(self, how: str, what: str) -> None:
        self.ended[how] += 1
        # To fail is the failing one's right, but not to leave the client waiting, nor to be a bug of ours.
        allowed = ("whole", "left") if what.startswith("well") else ("whole", "left", "torn", "told")
        if not how.startswith(allowed) or how == "told 500":
            self.wrong.append(f"{how}: {what}")
