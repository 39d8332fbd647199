"""The lane that passes a client's own bytes on: a closed list of edits."""

from gateway.canonical.json import JsonValue
from gateway.protocols import carry
from gateway.protocols.anthropic.media import FAMILY
from gateway.protocols.codec import Call, Losses
from gateway.protocols.target import Target
from gateway.wire import fast_json

_WRAPPED = b"gw1."
"""How state that `carry` wrapped begins."""


def redirect(call: Call, target: Target, losses: Losses) -> tuple[bytes, bool]:
    """The client's own body for another model: its name is replaced, and reasoning left out that Anthropic
    did not sign.

    Nothing is asked for on our own behalf: this protocol always says what a reply cost.
    """
    body = call.body
    # The mark of wrapped state is searched for in the bytes first: almost no body has it.
    if _WRAPPED in body:
        messages = _without_foreign_thinking(call.payload.get("messages"), losses)
        if messages is not None:
            body = fast_json.splice(body, "messages", messages)
    if call.payload.get("model") != target.model:
        body = fast_json.splice(body, "model", target.model)
    return body, False


def _without_foreign_thinking(messages: JsonValue, losses: Losses) -> list[JsonValue] | None:
    """`messages` without the thinking of other providers, None where there is none."""
    kept: list[JsonValue] = []
    found = False
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(content, list):
            kept.append(message)
            continue
        blocks = [block for block in content if not _is_foreign_thinking(block)]
        for place, block in enumerate(content):
            if _is_foreign_thinking(block):
                losses.drop(f"messages[{number}].content[{place}]", "reasoning of another provider")
        found = found or len(blocks) < len(content)
        if blocks or not content:
            kept.append({**message, "content": blocks})
    return kept if found else None


def _is_foreign_thinking(block: JsonValue) -> bool:
    if not isinstance(block, dict) or block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    words = (block.get("signature"), block.get("data"))
    return any(isinstance(word, str) and carry.is_foreign(word, FAMILY) for word in words)
