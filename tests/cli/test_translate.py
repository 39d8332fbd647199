"""`gateway translate`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway import cli
from gateway.canonical.content import Signature
from gateway.protocols import CODECS
from gateway.protocols.carry import wrap

QUESTION: dict[str, Any] = {
    "model": "m-1",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Why?"}],
    "seed": 7,
    "logit_bias": {"50256": -100},
}
LINES = (
    b'{"model":"up","created_at":"x","message":{"role":"assistant","content":"Because."},"done":false}\n'
    b'{"model":"up","created_at":"x","message":{"role":"assistant","content":""},"done":true,'
    b'"done_reason":"stop","prompt_eval_count":3,"eval_count":2}\n'
)


def translated(place: Path | str, *options: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(cli.app, ["translate", *options, str(place)], input=data)


def written(folder: Path, content: object) -> Path:
    file = folder / "body"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file


def test_a_request_is_shown_as_an_upstream_would_get_it(tmp_path: Path) -> None:
    result = translated(written(tmp_path, QUESTION), "--from", "openai_chat", "--to", "ollama")
    assert result.exit_code == 0
    sent = json.loads(result.stdout)
    assert sent["messages"] == QUESTION["messages"]
    assert (sent["options"]["num_predict"], sent["options"]["seed"], sent["stream"]) == (9, 7, False)


def test_what_gets_lost_or_changed_is_named_with_the_reason(tmp_path: Path) -> None:
    file = written(tmp_path, {**QUESTION, "response_format": {"type": "text"}, "not_known_yet": 1})
    result = translated(file, "--from", "openai_chat", "--to", "ollama")
    dropped, _, repaired = result.stderr.partition("repaired")
    assert "dropped (the upstream's protocol or model has no word for it):\n  logit_bias\n" in dropped
    assert "  not_known_yet\n" in dropped
    assert "  response_format left out" in repaired


def test_the_model_decides_what_it_can_take(tmp_path: Path) -> None:
    options = ("--from", "openai_chat", "--to", "anthropic", "--model", "claude-opus-5-5")
    result = translated(written(tmp_path, {**QUESTION, "temperature": 0.5}), *options)
    assert json.loads(result.stdout)["model"] == "claude-opus-5-5"
    assert "  temperature" in result.stderr


def test_the_same_protocol_passes_the_clients_own_bytes() -> None:
    body = b'{ "model" : "m-1", "n": 1.0, "messages": [] }'
    result = translated("-", "--from", "ollama", "--to", "ollama", "--model", "m-2", data=body)
    assert result.stdout == '{ "model" : "m-2", "n": 1.0, "messages": [] }\n'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "m-1", "messages": [{"role": "user", "images": [7]}]}, "messages[0].images[0]: expected"),
        ({"model": "m-1", "messages": [], "_debug_render_only": True}, "_debug_render_only: only an Ollama"),
        ([], "the request is not a JSON object"),
        (b"{", "the request is not JSON"),
    ],
)
def test_what_cannot_be_said_is_refused_with_code_1(tmp_path: Path, body: object, said: str) -> None:
    result = translated(written(tmp_path, body), "--from", "ollama", "--to", "anthropic")
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_a_prompt_alone_is_understood(tmp_path: Path) -> None:
    file = written(tmp_path, {"model": "m-1", "system": "Be brief.", "prompt": "Why?", "stream": False})
    result = translated(file, "--from", "ollama", "--to", "openai_chat")
    assert json.loads(result.stdout)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
    ]


def test_reasoning_that_was_kept_from_view_goes_back_in_words(tmp_path: Path) -> None:
    hidden = wrap(Signature("gemini", "c2ln", unsaid="Hm."), "anthropic")
    said = [{"type": "redacted_thinking", "data": hidden}, {"type": "text", "text": "So."}]
    turns = [*QUESTION["messages"], {"role": "assistant", "content": said}, *QUESTION["messages"]]
    file = written(tmp_path, {"model": "m-1", "max_tokens": 9, "messages": turns})
    result = translated(file, "--from", "anthropic", "--to", "ollama")
    assert json.loads(result.stdout)["messages"][1] == {
        "role": "assistant",
        "content": "So.",
        "thinking": "Hm.",
    }


def test_what_is_refused_loses_nothing(tmp_path: Path) -> None:
    marked = {"type": "text", "text": "Why?", "cache_control": {"type": "ephemeral"}}
    document = {"type": "document", "source": {"type": "url", "url": "https://files.test/a.pdf"}}
    turns = [{"role": "user", "content": [marked, document]}]
    file = written(tmp_path, {"model": "m-1", "max_tokens": 9, "messages": turns})
    result = translated(file, "--from", "anthropic", "--to", "ollama")
    assert result.exit_code == 1
    assert result.stderr.startswith("gateway: messages[0].content[1]: ")


def test_a_stream_is_shown_as_a_client_would_get_it(tmp_path: Path) -> None:
    result = translated(written(tmp_path, LINES), "--from", "openai_chat", "--to", "ollama", "--stream")
    assert result.exit_code == 0
    assert '"content":"Because."' in result.stdout
    assert result.stdout.endswith("data: [DONE]\n\n")


def test_a_stream_of_the_same_protocol_passes(tmp_path: Path) -> None:
    result = translated(written(tmp_path, LINES), "--from", "ollama", "--to", "ollama", "--stream")
    assert result.stdout.encode() == LINES


def test_a_stream_that_was_cut_ends_in_the_clients_own_error(tmp_path: Path) -> None:
    file = written(tmp_path, LINES.splitlines(keepends=True)[0])
    result = translated(file, "--from", "anthropic", "--to", "ollama", "--stream")
    assert result.exit_code == 1
    assert "event: error" in result.stdout
    assert "without a line that says it is done" in result.stderr


def test_a_stream_that_says_an_error_ends_there(tmp_path: Path) -> None:
    file = written(tmp_path, b'{"error":"no memory"}\n')
    result = translated(file, "--from", "ollama", "--to", "ollama", "--stream")
    assert (result.exit_code, result.stdout) == (1, '{"error":"no memory"}\n')


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "klingon", "--to", "ollama"), "--from: there is no protocol 'klingon'"),
        (("--from", "ollama", "--to", "klingon"), "--to: there is no protocol 'klingon'"),
        (("--from", "ollama", "--to", "ollama"), "No such file"),
    ],
)
def test_what_it_cannot_begin_with_is_refused_with_code_2(options: Sequence[str], said: str) -> None:
    result = translated("/nowhere/at/all", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert all(name in result.stderr for name in CODECS) or "--" not in said
