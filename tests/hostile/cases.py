"""One thing that a hostile client does on one connection, and the judge of what comes back."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from tests.hostile.dialects import DIALECTS, KEY, LEAKS
from tests.processes import pool
from tests.raw import RawReply
from tests.upstreams import FakeUpstream, Play, completion, playing

BODY_LIMIT = 200_000
TIMEOUT_S = 0.5
PROBES = ("/livez", "/readyz", "/health", "/")

_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "content": [{"type": "text", "text": "fine"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 2},
}


@dataclass(frozen=True)
class Case:
    """`pieces` are sent one after the other; the first reply must have one of `statuses`, and be an error in
    `dialect` ("" where any will do, as before it is known who speaks). `replies` is how many there may be.
    """

    group: str
    name: str
    pieces: tuple[bytes, ...]
    statuses: frozenset[int]
    dialect: str = ""
    replies: int = 1

    @property
    def id(self) -> str:
        """For people."""
        return f"{self.group}: {self.name}"


def complaints(case: Case, reply: RawReply, *, guessed: bool = False) -> Iterator[str]:
    """What is wrong with `reply`; `guessed`: others have shown wrong keys from the same address."""
    allowed = case.statuses | ({429} if guessed and 401 in case.statuses else set())
    if reply.status not in allowed:
        yield f"status {reply.status}, not one of {sorted(allowed)}"
    if reply.count > case.replies:
        yield f"{reply.count} replies"
    text = reply.data.decode("latin-1").lower()
    yield from (f"leaks {sign}" for sign in LEAKS if sign in text)
    if not reply.status:
        return
    if "\nserver: gateway\r\n" not in f"{reply.head}\r\n":
        yield "another server's name"
    if reply.status >= 400:
        yield from _complaints_about_error(case, reply)


def _complaints_about_error(case: Case, reply: RawReply) -> Iterator[str]:
    if "\ncontent-type: application/json" not in reply.head:
        yield "an error that is not JSON by its header"
    try:
        body = reply.json
    except orjson.JSONDecodeError:
        yield "an error that is not JSON"
        return
    dialects = [DIALECTS[case.dialect]] if case.dialect else DIALECTS.values()
    if not any(dialect.errs(body, reply.status) for dialect in dialects):
        yield f"an error that is none in {case.dialect or 'any protocol'}: {body}"


def request(line: str, *lines: str, body: bytes = b"", key: str = KEY, host: str = "localhost") -> bytes:
    """A request with a key; `lines` are further headers."""
    said = [f"{line} HTTP/1.1", f"Host: {host}", *([f"x-goog-api-key: {key}"] if key else []), *lines, "", ""]
    return "\r\n".join(said).encode("latin-1") + body


def post(path: str, body: bytes, *lines: str, key: str = KEY) -> bytes:
    """A POST with its length."""
    return request(f"POST {path}", f"Content-Length: {len(body)}", *lines, body=body, key=key)


def configuration(openai: str, claude: str, **server: Any) -> dict[str, Any]:
    """A gateway in front of two upstreams, as JSON has it, with limits that are soon reached."""
    limits = {"body_limit_bytes": BODY_LIMIT, "header_timeout_s": TIMEOUT_S, "body_timeout_s": TIMEOUT_S}
    return {
        "auth": {"api_keys": [KEY]},
        "server": {**limits, **server},
        "pools": [
            pool("openai", "openai-custom", f"{openai}/v1", models=["gpt-*"]),
            pool("claude", "claude-custom", claude, models=["claude-*"]),
        ],
        "default_pool": "openai",
    }


@asynccontextmanager
async def upstreams() -> AsyncIterator[tuple[FakeUpstream, FakeUpstream]]:
    """An upstream that speaks like OpenAI and one that speaks like Anthropic, both always well."""
    async with AsyncExitStack() as stack:
        said = (completion("fine"), orjson.dumps(_MESSAGE))
        plays = [Play([words], content_type="application/json") for words in said]
        openai, claude = [await stack.enter_async_context(playing(play)) for play in plays]
        yield openai, claude
