"""Claude Code on the demo model: what somebody sees who has no key yet."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.wire.fast_json import loads
from tests.gateways import process
from tests.shared import shared

pytestmark = [pytest.mark.shared, pytest.mark.slow]

LIMIT_S = 10.0
NOTE = "The note says n7f3."


@pytest.fixture(scope="module")
def claude_code() -> Path:
    """The program; the probe that also runs it installs it when it is not there yet."""
    if shutil.which("npm") is None:
        pytest.skip("SKIPPED LOUDLY: npm is not here, so Claude Code cannot be installed")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = Path(os.environ.get("PROBE_CACHE") or home / "gateway-probes")
    program = cache / "claude/node_modules/@anthropic-ai/claude-code-linux-x64/claude"
    if not program.exists():
        asyncio.run(_install())
    assert program.exists(), "Claude Code could not be installed"
    return program


async def _install() -> None:
    async with process(MODEL_PROVIDER="demo") as gateway:
        probe = shared("clients", "probes", "probe_claude_code.sh")
        child = await asyncio.create_subprocess_exec("bash", str(probe), gateway, "any", "demo", "text")
        await child.wait()


async def asked(program: Path, gateway: str, folder: Path, prompt: str) -> list[dict[str, Any]]:
    """The records Claude Code writes while it works on `prompt` in an environment of its own."""
    (folder / "demo.txt").write_text(NOTE)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "CI": "1",
        "IS_SANDBOX": "1",
        "ANTHROPIC_BASE_URL": gateway,
        "ANTHROPIC_AUTH_TOKEN": "any",
        "ANTHROPIC_MODEL": "demo",
        "ANTHROPIC_SMALL_FAST_MODEL": "demo",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
    }
    said = ("--output-format", "stream-json", "--verbose", "--permission-mode", "bypassPermissions")
    child = await asyncio.create_subprocess_exec(
        str(program),
        *("-p", prompt, *said),
        cwd=folder,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            out, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, out.decode("utf-8", "replace")
    return [loads(line) for line in out.splitlines() if line.startswith(b"{")]


def tools_called(records: list[dict[str, Any]]) -> list[str]:
    return [
        block["name"]
        for record in records
        if record["type"] == "assistant"
        for block in record["message"]["content"]
        if block["type"] == "tool_use"
    ]


async def test_the_demo_answers_claude_code(claude_code: Path, tmp_path: Path) -> None:
    async with process(MODEL_PROVIDER="demo") as gateway:
        records = await asked(claude_code, gateway, tmp_path, "Is anybody there?")

    assert tools_called(records) == []
    assert "demo model" in records[-1]["result"]


@pytest.mark.parametrize(("tool", "said"), [("Bash", "demo"), ("Read", NOTE)])
async def test_the_demo_works_a_tool_loop_of_claude_code(
    claude_code: Path, tmp_path: Path, tool: str, said: str
) -> None:
    async with process(MODEL_PROVIDER="demo") as gateway:
        records = await asked(claude_code, gateway, tmp_path, f"Please use the tool {tool} once.")

    assert tools_called(records) == [tool]
    assert records[-1]["result"].startswith(f"{tool} said: ")
    assert said in records[-1]["result"]
