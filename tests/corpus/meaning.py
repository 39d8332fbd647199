"""What a request body says, whichever of several spellings of one protocol it uses.

Two bodies mean the same if their `meaning` is equal. For both protocols: null is absence, `stream: false` is
the default (but for Ollama), a string is one block of text, blank text says nothing, and a call's id only
ties it to its result.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.protocols.gemini.parts import decode_response
from gateway.protocols.gemini.signatures import standard, unwrap
from gateway.protocols.gemini.spelling import listed, respelled
from gateway.protocols.json_schema import from_openapi

Body = dict[str, Any]


def meaning(protocol: str, body: Body) -> Body:
    """The one spelling of `body`."""
    said: Body = _plain(body)
    if not said.setdefault("stream", protocol == "ollama"):
        del said["stream"]
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


_MACHINE = {"num_ctx", "num_batch", "num_gpu", "num_thread", "use_mmap", "num_keep", "main_gpu"}


def _ollama(body: Body) -> Body:
    """A prompt is a conversation of one turn."""
    prompt, system = body.pop("prompt", None), body.pop("system", None)
    if prompt is not None:
        body["messages"] = [{"role": "user", "content": prompt, "images": body.pop("images", [])}]
        if system:
            body["messages"].insert(0, {"role": "system", "content": system})
    for name in ("raw", "template", "context", "suffix", "format", "tools", "images"):
        if not body.get(name, True):
            del body[name]
    body["options"] = {name: value for name, value in body.get("options", {}).items() if name not in _MACHINE}
    if not body["options"]:
        del body["options"]
    for tool in body.get("tools", []):
        tool.setdefault("type", "function")
    body["messages"] = [_ollama_message(message) for message in body["messages"]]
    return body


def _ollama_message(message: Body) -> Body:
    for call in message.get("tool_calls", []):
        call["function"].pop("index", None)
        call.pop("type", None)
        call.pop("id", None)
    for name in ("tool_call_id", "tool_name", "name"):
        # By which of them a result names its call is a matter of taste.
        message.pop(name, None)
    return {name: value for name, value in {"content": "", **message}.items() if value or name == "content"}


def _gemini(body: Body) -> Body:
    """Names in camelCase, lists where one thing alone may stand, schemas in one dialect, no defaults."""
    spelled: Any = respelled(body)
    body = spelled
    body.pop("model", None)
    turns: list[Body] = []
    for turn in (_gemini_content(content) for content in listed(body["contents"])):
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1]["parts"] += turn["parts"]
        else:
            turns.append(turn)
    body["contents"] = turns
    system = body.pop("systemInstruction", None)
    if system is not None and (said := _gemini_content(system)["parts"]):
        body["systemInstruction"] = said
    tools: list[Body] = listed(body.pop("tools", None))
    functions = [one for tool in tools for one in listed(tool.get("functionDeclarations"))]
    own = [{k: v} for tool in tools for k, v in tool.items() if k != "functionDeclarations"]
    if tools:
        body["tools"] = [[_gemini_function(one) for one in functions], own]
    config = _gemini_config(body.pop("generationConfig", {}))
    if config:
        body["generationConfig"] = config
    if not (functions and body.get("toolConfig", {}).get("functionCallingConfig")):
        body.get("toolConfig", {}).pop("functionCallingConfig", None)
    if not body.get("toolConfig", True):
        del body["toolConfig"]
    return body


def _gemini_config(config: Body) -> Body:
    if config.get("candidateCount") == 1:
        del config["candidateCount"]
    if "responseSchema" in config:
        config["responseJsonSchema"] = from_openapi(config.pop("responseSchema"))
    thinking = config.get("thinkingConfig", {})
    if "thinkingLevel" in thinking:
        thinking["thinkingLevel"] = thinking["thinkingLevel"].upper()
    if thinking:
        # Whether thoughts are shown is said by the gateway where the client did not.
        thinking.pop("includeThoughts", None)
    return config


def _gemini_function(function: Body) -> Body:
    schema = function.pop("parametersJsonSchema", None)
    if "parameters" in function:
        schema = from_openapi(function.pop("parameters"))
    if schema and schema.get("properties"):
        function["parameters"] = {name: value for name, value in schema.items() if name != "$schema"}
    return function


def _gemini_content(content: Body) -> Body:
    """A signature that stands on words may stand behind them; one that nobody issued is none."""
    parts: list[Body] = []
    for part in listed(content.get("parts")):
        word = part.pop("thoughtSignature", None)
        signature = {} if word is None or unwrap(word) is None else {"thoughtSignature": word}
        for name in ("functionCall", "functionResponse"):
            part.get(name, {}).pop("id", None)
        if "functionResponse" in part:
            said = part["functionResponse"]["response"]
            part["functionResponse"]["response"] = [repr(one) for one in decode_response(said)[0]]
        for one in (part, *part.get("functionResponse", {}).get("parts", [])):
            if "inlineData" in one:
                one["inlineData"]["data"] = standard(one["inlineData"]["data"])
        words = "text" in part and not part.get("thought")
        if words and signature and part["text"]:
            parts += [part, {"text": "", **signature}]
        elif signature or part != {"text": ""}:
            parts.append({**part, **signature})
    return {"role": content.get("role", "user"), "parts": parts}


_MEANINGS: Mapping[str, Callable[[Body], Body]] = {
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
    "openai_chat": _openai_chat,
}
