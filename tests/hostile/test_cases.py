"""Everything the hostile client knows, on one connection each: refused in the client's protocol, at once, in
our own words, and never by an error of ours.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from gateway.config.schema import GatewayConfig
from tests.gateways import running
from tests.hostile import bodies, lines
from tests.hostile.cases import TIMEOUT_S, Case, complaints, configuration, post, upstreams
from tests.hostile.dialects import DIALECTS, KEY
from tests.hostile.probe import probing
from tests.processes import serving
from tests.raw import RawReply, said_to

pytestmark = pytest.mark.slow

CASES = (
    *bodies.json_cases(),
    *bodies.shape_cases(),
    *bodies.size_cases(),
    *lines.url_cases(),
    *lines.framing_cases(),
    *lines.size_cases(),
    *lines.host_cases(),
    *lines.auth_cases(),
    *lines.injected_cases(),
)
GROUPS = Counter(case.group for case in CASES)
AT_ONCE, SLOW = 16, 200
MISTAKES = 9
"""Wrong keys that one address may show a gateway before it has to wait."""


def test_every_case_is_told_apart() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 120


@pytest.mark.parametrize("group", GROUPS)
async def test_no_case_of_the_group_is_answered_wrongly(group: str) -> None:
    cases = [case for case in CASES if case.group == group]
    wrong: dict[str, list[str]] = {}
    async with upstreams() as (openai, claude):
        config = GatewayConfig.model_validate(configuration(openai.url, claude.url, port=0))
        for first in range(0, len(cases), MISTAKES):
            async with running(config) as gateway:
                for case in cases[first : first + MISTAKES]:
                    found = list(complaints(case, await said_to(gateway, *case.pieces)))
                    if found:
                        wrong[case.name] = found
    assert wrong == {}


async def _slowly(gateway: str, number: int) -> None:
    """Send a body that never ends, again and again."""
    while True:
        _ = await said_to(gateway, post("/v1/messages", b"a" * 1000)[: number - 1000], patience_s=60)


async def test_all_cases_at_once_beside_200_slow_clients_leave_the_process_alive(tmp_path: Path) -> None:
    wrong: dict[str, list[str]] = {}
    turns = asyncio.Semaphore(AT_ONCE)

    async def tried(case: Case) -> None:
        async with turns:
            reply = await said_to(served.url, *case.pieces, patience_s=60)
        found = list(complaints(case, reply, guessed=True))
        if found:
            wrong[case.id] = found

    async with AsyncExitStack() as stack:
        openai, claude = await stack.enter_async_context(upstreams())
        config = configuration(openai.url, claude.url, body_timeout_s=8 * TIMEOUT_S)
        served = await stack.enter_async_context(serving(tmp_path, **config))
        async with probing(served) as latencies, asyncio.TaskGroup() as group:
            slow = [group.create_task(_slowly(served.url, number)) for number in range(SLOW)]
            # Those that cost most stand side by side: p99 would hang on that one moment.
            mixed = [case for first in range(AT_ONCE) for case in CASES[first::AT_ONCE]]
            await asyncio.gather(*map(tried, mixed))
            for client in slow:
                client.cancel()
        path, body = DIALECTS["anthropic"].said_to("gpt-test")
        last = await said_to(served.url, post(path, orjson.dumps(body)))
        output = served.output()

    assert wrong == {}
    assert last.status == 200
    assert latencies.p99 < 0.1
    assert "Traceback" not in output
    assert KEY not in output
    events = {orjson.loads(line)["event"] for line in output.splitlines() if line != "Gateway ready"}
    assert events == {"request"}


GOOD = (
    b"HTTP/1.1 400 Bad Request\r\nserver: gateway\r\ncontent-type: application/json\r\n\r\n"
    b'{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}'
)
ASKED = Case("json", "asked", (b"",), frozenset({400}), "openai_chat")


def _spoilt() -> Iterator[tuple[bytes, str]]:
    yield b"", "status 0"
    yield GOOD.replace(b"400", b"500", 1), "status 500"
    yield GOOD.replace(b"400", b"200", 1), "status 200"
    yield GOOD + GOOD, "2 replies"
    yield GOOD.replace(b"gateway", b"other"), "another server's name"
    yield GOOD.replace(b"application/json", b"text/html"), "not JSON by its header"
    yield GOOD[:-1], "an error that is not JSON"
    yield GOOD.replace(b'"error"', b'"fault"'), "an error that is none in openai_chat"
    yield GOOD.replace(b'"no"', b'"Traceback (most recent call last)"'), "leaks traceback"
    yield GOOD.replace(b'"no"', b'"marked-by-the-attacker"'), "leaks marked-by-the-attacker"


@pytest.mark.parametrize(("data", "complaint"), [*_spoilt()])
def test_a_wrong_answer_is_found(data: bytes, complaint: str) -> None:
    assert complaint in " ".join(complaints(ASKED, RawReply(data, closed=True)))


def test_a_right_answer_is_not_complained_of() -> None:
    assert list(complaints(ASKED, RawReply(GOOD, closed=True))) == []


@pytest.mark.parametrize("name", DIALECTS)
def test_no_protocol_takes_the_error_of_another_for_its_own(name: str) -> None:
    errors = {
        "anthropic": {"type": "error", "error": {"type": "x", "message": "x"}, "request_id": "x"},
        "openai_chat": {"error": {"message": "x", "type": "x", "param": None, "code": None}},
        "gemini": {"error": {"code": 400, "message": "x", "status": "x"}},
        "ollama": {"error": "x"},
    }
    assert [other for other, error in errors.items() if DIALECTS[name].errs(error, 400)] == [name]
