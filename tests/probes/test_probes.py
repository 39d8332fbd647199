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
    "gemini": ("gemini-3-probe", "GEMINI_BASE_URL", "GEMINI_API_KEY", ""),
    "ollama": ("probe-1", "OLLAMA_HOST", "OLLAMA_API_KEY", ""),
}
CODING_MODES = ("seq", "shell", "parallel", "text")
"""`patch` is Codex's own."""
SDK_MODES = ("seq", "parallel", "text")
"""The SDK probes offer no shell."""


async def run(*command: str | Path) -> str:
    """What the probe printed; the test fails with it if it did not pass."""
    child = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await child.communicate()
    text = out.decode("utf-8", "replace")
    assert child.returncode == 0, text
    return text


async def probe(upstream: str, script: str, *more: str, interpreter: str, mount: str = "") -> str:
    """Run `script` against a gateway in front of the strict `upstream`."""
    model, base_url, key, suffix = UPSTREAMS[upstream]
    path = shared("clients", "probes", script)
    async with strict(upstream) as far:
        settings = {"API_KEY": KEY, base_url: far.url + suffix, key: UPSTREAM_KEY}
        try:
            async with process(**settings) as gateway:
                return await run(interpreter, path, gateway + mount, KEY, model, *more)
        finally:
            assert await far.complaints() == []


@pytest.mark.parametrize("mode", CODING_MODES)
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
    out = await probe(
        upstream, "probe_sdk_openai.py", mode, "--only", "chat,models", interpreter=sys.executable
    )

    assert out.count("PASS") == 3


@pytest.mark.parametrize("mode", SDK_MODES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_the_ollama_sdk_works_its_task(upstream: str, mode: str) -> None:
    # The probe cannot leave out `meta`, which wants embeddings too: it alone fails, and for no other reason.
    with pytest.raises(AssertionError) as failed:
        await probe(upstream, "probe_sdk_ollama.py", mode, interpreter=sys.executable, mount="/ollama")

    lines = [line.strip() for line in str(failed.value).splitlines()]
    verdicts = [line for line in lines if line.startswith(("PASS", "FAIL"))]
    assert [line.partition(" mode=")[0] for line in verdicts] == [
        "PASS ollama-py",
        "PASS ollama-py stream",
        "PASS ollama-py think stream",
        "FAIL ollama-py meta",
    ]
    assert "/api/embed" in verdicts[-1]


@pytest.mark.parametrize("mode", SDK_MODES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_the_gemini_sdk_works_its_task(upstream: str, mode: str) -> None:
    out = await probe(upstream, "probe_sdk_genai.py", mode, interpreter=sys.executable)

    assert out.count("PASS") == 5


@pytest.mark.parametrize("mode", CODING_MODES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_gemini_cli_works_its_task(upstream: str, mode: str) -> None:
    if shutil.which("npm") is None:
        pytest.skip("SKIPPED LOUDLY: npm is not here, so gemini-cli cannot be installed")

    assert "PASS" in await probe(upstream, "probe_gemini_cli.sh", mode, interpreter="bash")
