"""Real clients through a gateway that the two configuration files describe, with keys in each form."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.gateways import free_port, process
from tests.probes.strict import Strict, strict
from tests.probes.test_probes import run
from tests.shared import shared

pytestmark = [pytest.mark.shared, pytest.mark.slow]

KEY = "probe-client-key-of-the-files-51"

CONFIG = """
server:
  host: 127.0.0.1
  port: {port}
auth:
  api_key: ["another-key-of-clients-77", "${{API_KEY}}"]
log: {{level: info, format: json}}
default_provider: claude-custom
provider_pools_file: {folder}/provider-pools.yaml
health_check: {{enabled: true, interval: 10m, max_error_count: 3}}
models:
  my-model: [claude-custom/claude-probe-1, openai-custom/gpt-probe-1]
"""

POOLS = """
fallback_chains:
  claude-custom: [openai-custom]
pools:
  claude-custom:
    - uuid: claude-1
      name: Primary
      enabled: true
      check_health: true
      check_model: claude-haiku-5-5
      api_key: ${{UPSTREAM_KEY}}
      base_url: {claude}
      models: ["claude-*"]
      timeout: 60s
  openai-custom:
    - uuid: openai-1
      api_key: ${{UPSTREAM_KEY:-none}}
      base_url: {chat}/v1
      models: ["gpt-*"]
"""


@asynccontextmanager
async def configured(folder: Path) -> AsyncIterator[tuple[str, Strict, Strict]]:
    """A gateway as files describe it, in front of both strict upstreams."""
    port = free_port()
    async with strict("anthropic") as claude, strict("openai-chat") as chat:
        (folder / "config.yaml").write_text(CONFIG.format(port=port, folder=folder))
        (folder / "provider-pools.yaml").write_text(POOLS.format(claude=claude.url, chat=chat.url))
        env = {"API_KEY": KEY, "UPSTREAM_KEY": "an-upstream-key-9d31", "SERVER_PORT": str(port)}
        async with process("-config", str(folder / "config.yaml"), **env) as gateway:
            yield gateway, claude, chat


@pytest.mark.parametrize("model", ["my-model", "gpt-probe-1"])
@pytest.mark.parametrize("auth", ["bearer", "apikey"])
async def test_claude_code_works_with_its_key_in_each_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, auth: str
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("SKIPPED LOUDLY: npm is not here, so Claude Code cannot be installed")
    monkeypatch.setenv("PROBE_AUTH", auth)
    async with configured(tmp_path) as (gateway, claude, chat):
        out = await run(
            "bash", shared("clients", "probes", "probe_claude_code.sh"), gateway, KEY, model, "seq"
        )
        assert await (claude if model == "my-model" else chat).complaints() == []
    assert "PASS" in out


@pytest.mark.parametrize("model", ["my-model", "gpt-probe-1", "claude-probe-1"])
@pytest.mark.parametrize("script", ["probe_sdk_anthropic.py", "probe_sdk_openai.py"])
async def test_both_sdks_work(tmp_path: Path, script: str, model: str) -> None:
    only = ["--only", "chat"] if "openai" in script else []
    async with configured(tmp_path) as (gateway, claude, chat):
        await run(sys.executable, shared("clients", "probes", script), gateway, KEY, model, "seq", *only)
        assert await (chat if model == "gpt-probe-1" else claude).complaints() == []


@pytest.mark.parametrize("script", ["probe_sdk_anthropic.py", "probe_sdk_openai.py"])
async def test_a_wrong_key_gets_nowhere(tmp_path: Path, script: str) -> None:
    async with configured(tmp_path) as (gateway, claude, chat):
        with pytest.raises(AssertionError, match=r"401|Authentication"):
            await run(
                sys.executable,
                shared("clients", "probes", script),
                gateway,
                "not-the-key",
                "my-model",
                "text",
            )
        assert await claude.requests() == []
        assert await chat.requests() == []
