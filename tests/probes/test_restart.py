"""Claude Code thinks and works on when the gateway dies between two turns."""

import asyncio
import shutil
from typing import Any

import pytest

from tests.gateways import free_port, process
from tests.probes.strict import Strict, strict
from tests.probes.test_probes import KEY, UPSTREAM_KEY, run
from tests.shared import shared

pytestmark = [pytest.mark.shared, pytest.mark.slow]

LIMIT_S = 60.0
STAND_IN = "skip_thought_signature_validator"


async def turns_of(far: Strict) -> list[dict[str, Any]]:
    """The requests for a turn of the conversation: those with tools, answered to their ends."""
    return [
        request["body"]
        for request in await far.requests()
        if request["body"].get("tools") and (request["response"] or {}).get("ended") == "complete"
    ]


def signatures(body: dict[str, Any]) -> list[str | None]:
    """Those of all calls that a request holds."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part.get("thoughtSignature") for part in parts if "functionCall" in part]


async def test_claude_code_keeps_what_gemini_signed_when_the_gateway_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("SKIPPED LOUDLY: npm is not here, so Claude Code cannot be installed")
    monkeypatch.setenv("PROBE_ENV", "MAX_THINKING_TOKENS=4000")
    script = shared("clients", "probes", "probe_claude_code.sh")
    port = free_port()
    async with strict("gemini") as far, asyncio.timeout(LIMIT_S):
        env = {
            "API_KEY": KEY,
            "SERVER_PORT": str(port),
            "GEMINI_BASE_URL": far.url,
            "GEMINI_API_KEY": UPSTREAM_KEY,
        }
        async with asyncio.TaskGroup() as group:
            async with process(**env):
                url = f"http://127.0.0.1:{port}"
                work = group.create_task(run("bash", script, url, KEY, "gemini-3-probe", "seq"))
                while not await turns_of(far):
                    await asyncio.sleep(0.02)
            # Now it is dead, and another takes its place.
            async with process(**env):
                out = await work

        assert "PASS" in out
        assert await far.complaints() == []
        turns = await turns_of(far)

    assert [len(signatures(body)) for body in turns] == [0, 1, 2]
    assert all(word and word != STAND_IN for body in turns for word in signatures(body))
    assert all(body["generationConfig"]["thinkingConfig"]["includeThoughts"] for body in turns)
