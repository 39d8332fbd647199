"""The lane that passes a client's own bytes on: a closed list of edits."""

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.codec import Call, Losses
from gateway.protocols.gemini.request import COUNTED
from gateway.protocols.gemini.signatures import SENTINEL, WRAPPED, is_foreign
from gateway.protocols.gemini.spelling import camel, listed
from gateway.protocols.target import Target

_CALLS = frozenset({"functionCall", "function_call"})
_RESULTS = frozenset({"functionResponse", "function_response"})
_SIGNATURES = frozenset({"thoughtSignature", "thought_signature"})
_CALLED = tuple(f'"{name}"'.encode() for name in _CALLS)
_MARK = b'"' + WRAPPED
"""How what is wrapped begins in JSON."""


def redirect(call: Call, target: Target, losses: Losses) -> tuple[bytes, bool]:
    """The client's own body for another model, without what another provider signed.

    Its thoughts go with their signatures; a call keeps its place, with the vendor's stand-in where the model
    wants a signature. Nothing is asked for on our own behalf: this protocol always says what a reply cost.
    """
    document = call.document
    changes: JsonObject = {}
    if "model" in document.names:
        changes["model"] = f"models/{target.model}"
    for name in document.names:
        if camel(name) == COUNTED and isinstance(value := call.said(name), dict):
            counted: JsonObject = {**value, "model": f"models/{target.model}"}
            changes[name] = _cleaned(counted, target, losses, f"{name}.")
    words = (_MARK, *_CALLED) if target.capabilities.signatures else (_MARK,)
    # The bytes are searched first: most conversations hold none of it.
    if any(document.mentions("contents", word) for word in words):
        said = call.said("contents")
        cleaned = _cleaned({"contents": said}, target, losses, "")["contents"]
        # Written anew only where something changed: an equal value may be spelled differently.
        if cleaned != listed(said):
            changes["contents"] = cleaned
    return document.edited(changes), False


def _cleaned(request: JsonObject, target: Target, losses: Losses, path: str) -> JsonObject:
    contents: list[JsonValue] = []
    said = listed(request.get("contents"))
    since = _turn(said) if target.capabilities.signatures else len(said)
    for number, content in enumerate(said):
        if not isinstance(content, dict) or "parts" not in content:
            contents.append(content)
            continue
        place = f"{path}contents[{number}].parts"
        parts = _parts(listed(content["parts"]), target, losses, place)
        if number > since:
            parts = _signed(parts, losses, place)
        if parts:
            contents.append({**content, "parts": parts})
    return {**request, "contents": contents}


def _turn(contents: list[JsonValue]) -> int:
    """Where the turn at hand began: the user's last word that is no result."""
    return max((number for number, content in enumerate(contents) if _asks(content)), default=-1)


def _asks(content: JsonValue) -> bool:
    if not isinstance(content, dict) or content.get("role") == "model":
        return False
    return not all(isinstance(part, dict) and _RESULTS & part.keys() for part in listed(content.get("parts")))


def _signed(parts: list[JsonValue], losses: Losses, path: str) -> list[JsonValue]:
    """`parts` of the turn at hand, whose first call bears a signature: without one the model refuses it. Who
    made it on behalf of another model has none.
    """
    for number, part in enumerate(parts):
        if isinstance(part, dict) and _CALLS & part.keys():
            if _SIGNATURES & part.keys():
                return parts
            losses.repair(f"{path}[{number}]", "without a signature: the vendor's stand-in")
            signed: JsonObject = {**part, "thoughtSignature": SENTINEL}
            return [*parts[:number], signed, *parts[number + 1 :]]
    return parts


def _parts(parts: list[JsonValue], target: Target, losses: Losses, path: str) -> list[JsonValue]:
    kept: list[JsonValue] = []
    called = False
    for number, part in enumerate(parts):
        if not isinstance(part, dict):
            kept.append(part)
            continue
        calls = bool(_CALLS & part.keys())
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
