"""What is printed when the gateway is ready."""

import re
import shlex
from pathlib import Path

import pytest

from gateway.cli.address import address_of
from gateway.cli.kinds import kinds
from gateway.cli.welcome import welcome
from gateway.config.environment import from_environment
from gateway.providers import PROVIDERS

CLAUDE = "sk-ant-REDACTED"
OPENAI = "sk-proj-planted1a2b3c4d5e6f7a8b"
CLIENT = "planted-9f3c5b7a1e2d4c6b"


def shown(**env: str) -> str:
    return welcome(from_environment(env, kinds()), PROVIDERS)


def variables(text: str, last: str) -> dict[str, str]:
    """The assignments on the line that runs or ends with `last`."""
    line = next(line for line in text.splitlines() if re.search(rf"^  .*{last}", line))
    words = (word for word in shlex.split(line, comments=True) if "=" in word)
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def test_the_line_for_claude_code_names_models_that_are_served() -> None:
    said = variables(shown(ANTHROPIC_API_KEY=CLAUDE, OPENAI_API_KEY=OPENAI), "claude$")
    provider = PROVIDERS["claude-custom"]
    assert said == {
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:3000",
        "ANTHROPIC_AUTH_TOKEN": "any-word",
        "ANTHROPIC_MODEL": provider.default_model,
        "ANTHROPIC_SMALL_FAST_MODEL": provider.small_model,
    }


def test_the_line_for_the_openai_sdk_points_at_its_version_path() -> None:
    said = variables(shown(OPENAI_API_KEY=OPENAI, SERVER_PORT="8080"), "OPENAI_BASE_URL")
    assert said == {"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1", "OPENAI_API_KEY": "any-word"}


def test_no_key_is_printed_where_keys_are_needed() -> None:
    text = shown(API_KEY=CLIENT, ANTHROPIC_API_KEY=CLAUDE, OPENAI_API_KEY=OPENAI)
    assert "planted" not in text
    assert variables(text, "claude$")["ANTHROPIC_AUTH_TOKEN"] == "$API_KEY"
    assert "$API_KEY stands for a key of yours" in text


def test_the_table_has_a_line_for_every_deployment() -> None:
    text = shown(
        CLAUDE_API_KEY=f"{CLAUDE},{CLAUDE}2", OPENAI_BASE_URL="https://llm.example.com:8443/secret/v1"
    )
    cells = [re.split(r"\s{2,}", line) for line in text.splitlines() if re.search(r"custom-\d", line)]
    assert [row[:4] for row in cells] == [
        ["claude-custom", "claude-custom-1", "claude-custom", "api.anthropic.com"],
        ["claude-custom", "claude-custom-2", "claude-custom", "api.anthropic.com"],
        ["openai-custom", "openai-custom-1", "openai-custom", "llm.example.com:8443"],
    ]
    assert "claude-*" in cells[0][4]
    assert "secret" not in text


def test_the_table_has_the_names_that_people_gave(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools: {groq: [{uuid: g, name: Nights}, {uuid: h, enabled: false}]}\n")
    text = shown(PROVIDER_POOLS_FILE=str(file))
    assert re.search(r"^groq +g \(Nights\) +groq +api\.groq\.com", text, re.MULTILINE)
    assert re.search(r"^groq +h \(disabled\) +groq ", text, re.MULTILINE)


def test_a_server_of_ones_own_is_known_to_have_other_models() -> None:
    assert "put the names that 127.0.0.1:11434 serves" in shown(OPENAI_BASE_URL="http://127.0.0.1:11434/v1")
    assert "put the names" not in shown(OPENAI_API_KEY=OPENAI)


def test_the_demo_says_that_it_is_one() -> None:
    text = shown()
    assert "built-in demo model answers" in text
    assert "this process" in text
    assert variables(text, "claude$")["ANTHROPIC_MODEL"] == PROVIDERS["demo"].default_model


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - not bound
        ("::", "http://[::1]:80"),
        ("fd00::1", "http://[fd00::1]:80"),
        ("gateway.internal", "http://gateway.internal:80"),
    ],
)
def test_the_address_is_one_that_this_machine_can_reach(host: str, address: str) -> None:
    assert address_of(host, 80) == address


def test_the_line_for_ollamas_clients_points_below_its_mount() -> None:
    said = variables(shown(OPENAI_API_KEY=OPENAI), "OLLAMA_HOST")
    assert said == {"OLLAMA_HOST": "http://127.0.0.1:3000/ollama", "OLLAMA_API_KEY": "any-word"}


def test_the_line_for_geminis_clients_has_no_version_in_it() -> None:
    said = variables(shown(API_KEY=CLIENT, OPENAI_API_KEY=OPENAI), "GOOGLE_GEMINI_BASE_URL")
    assert said == {"GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:3000", "GEMINI_API_KEY": "$API_KEY"}
