"""What a request body says, whichever of several spellings of one protocol it uses.

Two bodies mean the same if their `meaning` is equal. For both protocols: null is absence, `stream: false` is
the default, a string is one block of text, blank text says nothing, and a call's id only ties it to its
result.
"""

from collections.abc import Callable, Mapping
from typing import Any

Body = dict[str, Any]


def meaning(protocol: str, body: Body) -> Body:
    """The one spelling of `body`."""
    said: Body = _plain(body)
    if not said.get("stream"):
        said.pop("stream", None)
    said = _MEANINGS[protocol](said)
    return {key: _with_short_ids(value, {}) for key, value in said.items()}


def _plain(value: Any) -> Any:
    """A deep copy without nulls."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _with_short_ids(value: Any, names: dict[str, str]) -> Any:
    """Ids of calls by the order in which they first appear."""
    if isinstance(value, list):
        return [_with_short_ids(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: names.setdefault(item, str(len(names)))
        if key in {"tool_call_id", "tool_use_id"} or (key == "id" and _is_call(value))
        else _with_short_ids(item, names)
        for key, item in value.items()
    }


def _is_call(value: Body) -> bool:
    return "function" in value or "custom" in value or value.get("type") == "tool_use"


def _blocks(content: Any) -> list[Any]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    return [block for block in blocks if not (block.get("type") == "text" and not block["text"].strip())]


def _anthropic(body: Body) -> Body:
    for message in body.get("messages", []):
        message["content"] = [_anthropic_block(block) for block in _blocks(message["content"])]
    if "system" in body:
        body["system"] = _blocks(body["system"])
    if "output_format" in body:
        body.setdefault("output_config", {})["format"] = body.pop("output_format")
    for tool in body.get("tools", []):
        if tool.get("type") == "custom":
            del tool["type"]
    return body


def _anthropic_block(block: Body) -> Body:
    if block["type"] == "tool_result" and "content" in block:
        block["content"] = _blocks(block["content"])
    return block


def _openai_chat(body: Body) -> Body:
    _legacy_functions(body)
    _reasoning_wish(body)
    # The gateway asks for usage on its own behalf, and swallows it where the client did not.
    body.pop("stream_options", None)
    if "random_seed" in body:
        body["seed"] = body.pop("random_seed")
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    if not body.get("tools", True):
        del body["tools"]
    for tool in body.get("tools", []):
        tool.setdefault("type", "function")
    if isinstance(body.get("tool_choice"), dict):
        body["tool_choice"].setdefault("type", "function")
    body.get("response_format", {}).get("json_schema", {}).setdefault("name", "response")
    body["messages"] = [_chat_message(message) for message in body["messages"]]
    return body


def _legacy_functions(body: Body) -> None:
    if "functions" in body:
        body["tools"] = [{"type": "function", "function": function} for function in body.pop("functions")]
    if "function_call" in body:
        body["tool_choice"] = body.pop("function_call")


def _reasoning_wish(body: Body) -> None:
    """Vendors spell the wish to think in five ways; what is left of their objects beside it stays."""
    said = {"reasoning": body.get("reasoning_effort")}
    vendor = body.get("reasoning", {})
    said["reasoning"] = said["reasoning"] or vendor.pop("effort", None)
    vendor.pop("enabled", None)
    thinking = body.get("thinking", {})
    if thinking.pop("type", None) == "disabled" or body.pop("enable_thinking", None) is False:
        said["reasoning"] = "none"
    for name in ("reasoning_effort", "reasoning", "thinking"):
        if not body.get(name) or name == "reasoning_effort":
            body.pop(name, None)
    if said["reasoning"]:
        body["effort"] = said["reasoning"]


def _chat_message(message: Body) -> Body:
    message["content"] = _blocks(message.get("content", ""))
    thoughts = [block for block in message["content"] if block["type"] == "thinking"]
    message["content"] = [_chat_part(block) for block in message["content"] if block["type"] != "thinking"]
    spoken = [part["text"] for thought in thoughts for part in thought["thinking"]]
    spoken += [text for name in ("reasoning", "reasoning_content") if (text := message.pop(name, ""))]
    spoken += [
        text
        for detail in message.get("reasoning_details", [])
        if (text := detail.pop("text", detail.get("summary")))
    ]
    message["thought"] = spoken[:1]
    for detail in message.get("reasoning_details", []):
        # Only what is opaque must come back as it was.
        for name in ("format", "index"):
            detail.pop(name, None)
    if "cache_control" in message:
        message["content"][-1]["cache_control"] = message.pop("cache_control")
    for call in message.get("tool_calls", []):
        call.pop("index", None)
        call.setdefault("type", "function")
    return message


def _chat_part(part: Body) -> Body:
    if isinstance(part.get("image_url"), str):
        part["image_url"] = {"url": part["image_url"]}
    if part.pop("prompt_cache_breakpoint", None):
        part["cache_control"] = {"type": "ephemeral"}
    return part


_MEANINGS: Mapping[str, Callable[[Body], Body]] = {"anthropic": _anthropic, "openai_chat": _openai_chat}
