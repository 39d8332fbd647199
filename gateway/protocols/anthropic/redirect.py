"""The lane that passes a client's own bytes on: a closed list of edits."""

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols import carry
from gateway.protocols.anthropic.media import FAMILY
from gateway.protocols.anthropic.request import loop_is_thought_through
from gateway.protocols.codec import Call, Losses
from gateway.protocols.target import Target

_THINKING = b'thinking"'
"""Stands in every conversation that holds reasoning."""


def redirect(call: Call, target: Target, losses: Losses) -> tuple[bytes, bool]:
    """The client's own body for another model: its name is replaced, and reasoning left out that Anthropic
    did not sign. Models that must have their reasoning back keep what nobody signed.

    Thinking with a budget goes too where calls in progress are left without it: the API would refuse them.
    Nothing is asked for on our own behalf: this protocol always says what a reply cost.
    """
    changes: JsonObject = {}
    # The bytes are searched first: most conversations hold no reasoning.
    if call.document.mentions("messages", _THINKING):
        unsigned = not target.capabilities.reasoning_replay
        messages = _without_foreign_thinking(call.said("messages"), losses, unsigned=unsigned)
        if messages is not None:
            changes["messages"] = messages
            thinking = call.said("thinking")
            enabled = isinstance(thinking, dict) and thinking.get("type") == "enabled"
            if enabled and not loop_is_thought_through(messages):
                losses.drop("thinking", "off: the calls in progress were made without it")
                changes["thinking"] = {"type": "disabled"}
    if call.said("model") != target.model:
        changes["model"] = target.model
    return call.document.edited(changes), False


def _without_foreign_thinking(
    messages: JsonValue, losses: Losses, *, unsigned: bool
) -> list[JsonValue] | None:
    """`messages` without the thinking of other providers, and (`unsigned`) that of nobody; None where there
    is none.
    """
    kept: list[JsonValue] = []
    found = False
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(content, list):
            kept.append(message)
            continue
        blocks = [block for block in content if not _is_foreign(block, unsigned=unsigned)]
        for place, block in enumerate(content):
            if _is_foreign(block, unsigned=unsigned):
                losses.drop(f"messages[{number}].content[{place}]", "reasoning of another provider")
        found = found or len(blocks) < len(content)
        if blocks or not content:
            kept.append({**message, "content": blocks})
    return kept if found else None


def _is_foreign(block: JsonValue, *, unsigned: bool) -> bool:
    if not isinstance(block, dict) or block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    word = block.get("signature") or block.get("data")
    return carry.is_foreign(word, FAMILY) if isinstance(word, str) and word else unsigned
