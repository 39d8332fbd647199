"""The lane that passes a client's own bytes on: a closed list of edits."""

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.codec import Call, Losses
from gateway.protocols.gemini.request import COUNTED
from gateway.protocols.gemini.signatures import SENTINEL, WRAPPED, is_foreign
from gateway.protocols.gemini.spelling import camel, listed
from gateway.protocols.target import Target
from gateway.wire.fast_json import splice


def redirect(call: Call, target: Target, losses: Losses) -> tuple[bytes, bool]:
    """The client's own body for another model, without what another provider signed.

    Its thoughts go with their signatures; a call keeps its place, with the vendor's stand-in where the model
    wants a signature. Nothing is asked for on our own behalf: this protocol always says what a reply cost.
    """
    payload, body = call.payload, call.body
    if "model" in payload:
        body = splice(body, "model", f"models/{target.model}")
    for name, value in payload.items():
        if camel(name) == COUNTED and isinstance(value, dict):
            counted: JsonObject = {**value, "model": f"models/{target.model}"}
            body = splice(body, name, _cleaned(counted, target, losses, f"{name}."))
    if WRAPPED in body and "contents" in payload:
        cleaned = _cleaned({"contents": payload["contents"]}, target, losses, "")
        body = splice(body, "contents", cleaned["contents"])
    return body, False


def _cleaned(request: JsonObject, target: Target, losses: Losses, path: str) -> JsonObject:
    contents: list[JsonValue] = []
    for number, content in enumerate(listed(request.get("contents"))):
        if not isinstance(content, dict) or "parts" not in content:
            contents.append(content)
            continue
        place = f"{path}contents[{number}].parts"
        parts = _parts(listed(content["parts"]), target, losses, place)
        if parts:
            contents.append({**content, "parts": parts})
    return {**request, "contents": contents}


def _parts(parts: list[JsonValue], target: Target, losses: Losses, path: str) -> list[JsonValue]:
    kept: list[JsonValue] = []
    called = False
    for number, part in enumerate(parts):
        if not isinstance(part, dict):
            kept.append(part)
            continue
        calls = "functionCall" in part or "function_call" in part
        first, called = calls and not called, called or calls
        name = "thoughtSignature" if "thoughtSignature" in part else "thought_signature"
        word = part.get(name)
        if not isinstance(word, str) or not is_foreign(word):
            kept.append(part)
            continue
        losses.drop(f"{path}[{number}].{name}")
        rest: JsonObject = {known: value for known, value in part.items() if known != name}
        if first and target.capabilities.signatures:
            rest[name] = SENTINEL
        if calls or not (part.get("thought") or part.get("text") == ""):
            kept.append(rest)
    return kept
