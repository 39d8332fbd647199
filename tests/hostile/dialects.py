"""The four protocols as a hostile client sees them: where to send what, and what an error must look like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway import __version__

KEY = "client-key-5b2f9c"


@dataclass(frozen=True)
class Dialect:
    """`path` is the route for replies, `foreign` the model behind an upstream of another protocol (bodies are
    understood), `own` the one behind the same (bodies are passed on; empty: there is none). `errs` says
    whether a parsed body is an error with that status.
    """

    name: str
    path: str
    foreign: str
    body: Mapping[str, Any]
    errs: Callable[[Any, int], bool]
    own: str = ""

    def said_to(self, model: str, **changes: Any) -> tuple[str, dict[str, Any]]:
        """Path and body of a request for `model`."""
        named = {} if self.name == "gemini" else {"model": model}
        return self.path.replace("MODEL", model), {**self.body, **named, **changes}


def _is_anthropic(body: Any, status: int) -> bool:
    match body:
        case {"type": "error", "error": {"type": str(), "message": str()}, "request_id": str()}:
            return True
        case _:
            return False


def _is_openai(body: Any, status: int) -> bool:
    match body:
        case {"error": {"message": str(), "type": str(), "param": _, "code": _}}:
            return True
        case _:
            return False


def _is_gemini(body: Any, status: int) -> bool:
    match body:
        case {"error": {"code": int(code), "message": str(), "status": str()}}:
            # Headers that are too large, and only they, have a status that Google's list lacks.
            return status in {code, 431}
        case _:
            return False


def _is_ollama(body: Any, status: int) -> bool:
    return isinstance(body, dict) and list(body) == ["error"] and isinstance(body["error"], str)


_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": ["Rome", "Oslo"]},
        "days": {"type": ["integer", "null"]},
    },
    "required": ["city"],
}

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "openai_chat",
            "/v1/chat/completions",
            "claude-test",
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {
                        "role": "user",
                        "name": "ann",
                        "content": [
                            {"type": "text", "text": "What is this?"},
                            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}"}},
                        ],
                    },
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "call_1",
                                "type": "function",
                                "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
                            }
                        ],
                    },
                    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
                ],
                "tools": [{"type": "function", "function": {"name": "weather", "parameters": _SCHEMA}}],
                "tool_choice": "auto",
                "max_tokens": 9,
                "temperature": 0.5,
                "stop": ["END"],
                "stream": False,
                "stream_options": None,
                "response_format": {"type": "text"},
                "reasoning_effort": "low",
                "user": "u",
                "metadata": {"run": "1"},
                "n": 1,
            },
            _is_openai,
            "gpt-test",
        ),
        Dialect(
            "anthropic",
            "/v1/messages",
            "gpt-test",
            {
                "max_tokens": 9,
                "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What is this?"},
                            {
                                "type": "image",
                                "source": {"type": "base64", "media_type": "image/png", "data": _PNG},
                            },
                        ],
                    },
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                            {
                                "type": "tool_use",
                                "id": "toolu_1",
                                "name": "weather",
                                "input": {"city": "Rome"},
                            },
                        ],
                    },
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                            {"type": "text", "text": "and?"},
                        ],
                    },
                ],
                "tools": [{"name": "weather", "description": "knows", "input_schema": _SCHEMA}],
                "tool_choice": {"type": "auto"},
                "thinking": {"type": "disabled"},
                "temperature": 0.5,
                "top_k": 3,
                "stop_sequences": ["END"],
                "stream": False,
                "metadata": {"user_id": "u"},
            },
            _is_anthropic,
            "claude-test",
        ),
        Dialect(
            "gemini",
            "/v1beta/models/MODEL:generateContent",
            "gpt-test",
            {
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "contents": [
                    {
                        "role": "user",
                        "parts": [
                            {"text": "What is this?"},
                            {"inlineData": {"mimeType": "image/png", "data": _PNG}},
                        ],
                    },
                    {
                        "role": "model",
                        "parts": [{"functionCall": {"name": "weather", "args": {"city": "Rome"}}}],
                    },
                    {
                        "role": "user",
                        "parts": [{"functionResponse": {"name": "weather", "response": {"output": "sunny"}}}],
                    },
                ],
                "tools": [{"functionDeclarations": [{"name": "weather", "parameters": _SCHEMA}]}],
                "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
                "safetySettings": [],
                "generationConfig": {
                    "maxOutputTokens": 9,
                    "temperature": 0.5,
                    "stopSequences": ["END"],
                    "thinkingConfig": {"thinkingBudget": 0},
                    "responseMimeType": "text/plain",
                },
            },
            _is_gemini,
        ),
        Dialect(
            "ollama",
            "/ollama/api/chat",
            "gpt-test",
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "What is this?", "images": [_PNG]},
                    {
                        "role": "assistant",
                        "content": "",
                        "thinking": "hm",
                        "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Rome"}}}],
                    },
                    {"role": "tool", "tool_name": "weather", "content": "sunny"},
                ],
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "weather", "description": "knows", "parameters": _SCHEMA},
                    }
                ],
                "options": {"temperature": 0.5, "num_predict": 9, "stop": ["END"], "num_ctx": 4096},
                "format": "",
                "think": False,
                "keep_alive": "5m",
                "stream": False,
            },
            _is_ollama,
        ),
    )
}

LEAKS = (
    "aiohttp",
    "python",
    "llhttp",
    "traceback",
    "site-packages",
    'file "',
    ".py",
    "/usr/",
    "/home/",
    "/root/",
    "/tmp/",
    "0x7f",
    f"gateway/{__version__}",
    "marked-by-the-attacker",
)
"""What no answer may hold, in lower case."""
