"""Real clients through the real process to the strict upstreams: they finish their task, and nobody
frowns.
"""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.gateways import process
from tests.probes.strict import strict
from tests.shared import shared

pytestmark = [pytest.mark.shared, pytest.mark.slow]

KEY = "probe-client-key-7d1f"
UPSTREAM_KEY = "probe-upstream-key-93ac"
UPSTREAMS = {
    "openai-chat": ("gpt-probe-1", "OPENAI_BASE_URL", "OPENAI_API_KEY", "/v1"),
    "anthropic": ("claude-probe-1", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", ""),
}
CLAUDE_CODE_MODES = ("seq", "shell", "parallel", "text")
SDK_MODES = ("seq", "parallel", "text")


async def run(*command: str | Path) -> str:
    """What the probe printed; the test fails with it if it did not pass."""
    child = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await child.communicate()
    text = out.decode("utf-8", "replace")
    assert child.returncode == 0, text
    return text


async def probe(upstream: str, script: str, *more: str, interpreter: str) -> str:
    """Run `script` against a gateway in front of the strict `upstream`."""
    model, base_url, key, suffix = UPSTREAMS[upstream]
    path = shared("clients", "probes", script)
    async with strict(upstream) as far:
        settings = {"API_KEY": KEY, base_url: far.url + suffix, key: UPSTREAM_KEY}
        async with process(**settings) as gateway:
            out = await run(interpreter, path, gateway, KEY, model, *more)
        assert await far.complaints() == []
    return out


@pytest.mark.parametrize("mode", CLAUDE_CODE_MODES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_claude_code_works_its_task(upstream: str, mode: str) -> None:
    if shutil.which("npm") is None:
        pytest.skip("SKIPPED LOUDLY: npm is not here, so Claude Code cannot be installed")

    assert "PASS" in await probe(upstream, "probe_claude_code.sh", mode, interpreter="bash")


@pytest.mark.parametrize("mode", SDK_MODES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_the_anthropic_sdk_works_its_task(upstream: str, mode: str) -> None:
    out = await probe(upstream, "probe_sdk_anthropic.py", mode, interpreter=sys.executable)

    assert out.count("PASS") == 5


@pytest.mark.parametrize("mode", SDK_MODES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_the_openai_sdk_works_its_task(upstream: str, mode: str) -> None:
    out = await probe(upstream, "probe_sdk_openai.py", mode, "--only", "chat", interpreter=sys.executable)

    assert out.count("PASS") == 2
