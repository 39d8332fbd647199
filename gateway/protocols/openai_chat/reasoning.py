"""Reasoning, both ways: how much of it a request asks for, and the words for it in messages.

The protocol itself has no word for reasoning in messages; this is what its vendors agreed on. The text stands
in `reasoning_content` or `reasoning`. What must come back unchanged stands in `reasoning_details`, a list of
entries of type `reasoning.text`, `reasoning.summary` and `reasoning.encrypted` that clients echo
(https://openrouter.ai/docs, November 2026). An entry's `signature` or `data` ends a piece of reasoning. A
vendor's own entry is kept, without its text, as the payload of a signature of this protocol; foreign
signatures travel in the same place, wrapped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from gateway.canonical.content import Signature, Thinking
from gateway.canonical.json import Extras, JsonObject, JsonValue
from gateway.canonical.request import Effort, Reasoning, Request
from gateway.protocols import carry
from gateway.protocols.fields import Fields
from gateway.protocols.openai_chat.media import NAME
from gateway.protocols.openai_chat.tools import Way
from gateway.wire.fast_json import JsonError, dumps, loads

_EFFORTS: tuple[Effort, ...] = get_args(Effort)
_BUDGETS: Mapping[Effort, int] = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
"""Up to how many tokens of thought each effort stands for; more is `xhigh`."""

_TEXTS = ("reasoning_content", "reasoning")
_KNOWN = frozenset({"type", "text", "summary", "signature", "data", "index"})
"""The fields of an entry of `reasoning_details`; its `index` is its place in the list."""


def decode_thinking(message: Fields) -> list[Thinking]:
    """The reasoning of an assistant's message in a request. The same text said in two fields counts once."""
    said = {name: message.any(name) for name in (*_TEXTS, "reasoning_details", "thinking_blocks")}
    parts = list(_grouped(entries_of(said["reasoning_details"], said["thinking_blocks"])))
    text = next(filter(None, (said_text(said[name]) for name in _TEXTS)), "")
    if text and not any(part.text for part in parts):
        first = parts[0] if parts else Thinking()
        parts = [replace(first, text=text, redacted=False), *parts[1:]]
    where = next((name for name, value in said.items() if value), "")
    for part in parts:
        part.origin = message.at("reasoning_details" if part.extras else where)
    return parts


def said_text(value: JsonValue) -> str:
    """The text of a reasoning field: a string, or a list of objects that hold some."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    texts = (item.get("text") if isinstance(item, dict) else item for item in value)
    return "".join(text for text in texts if isinstance(text, str))


def entry_text(entry: JsonObject) -> str:
    """The words of an entry of `reasoning_details`."""
    text = entry.get("text") or entry.get("summary")
    return text if isinstance(text, str) else ""


def entry_signature(entry: JsonObject) -> tuple[bool, Signature | None]:
    """Whether an entry ends a piece of reasoning, and the signature that it ends it with."""
    word = entry.get("signature") or entry.get("data")
    if not isinstance(word, str) or not word:
        return False, None
    if carry.is_foreign(word, NAME):
        return True, carry.unwrap(word, NAME)
    bare: JsonObject = {name: value for name, value in entry.items() if name not in {"text", "summary"}}
    return True, Signature(NAME, dumps(bare).decode())


def is_foreign(entry: JsonValue) -> bool:
    """Whether an entry carries the signature of another issuer, or of none."""
    if not isinstance(entry, dict):
        return False
    word = entry.get("signature") or entry.get("data")
    return isinstance(word, str) and carry.is_foreign(word, NAME)


def entries_of(details: JsonValue, blocks: JsonValue) -> list[JsonObject]:
    """The entries of `reasoning_details`, else those that `thinking_blocks` come to: Anthropic's own blocks,
    as some gateways hand them on.
    """
    entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
    if not entries and isinstance(blocks, list):
        entries = [_of_block(block) for block in blocks if isinstance(block, dict)]
    return entries


def _of_block(block: JsonObject) -> JsonObject:
    entry: JsonObject = {"text": block.get("thinking")}
    for name in ("signature", "data"):
        word = block.get(name)
        if isinstance(word, str) and word:
            entry[name] = (
                word if carry.is_foreign(word, NAME) else carry.wrap(Signature("anthropic", word), NAME)
            )
    return entry


def _grouped(entries: Sequence[JsonObject]) -> Iterator[Thinking]:
    """The pieces of reasoning that `entries` tell, each with what is unknown of its unsigned ones."""
    text = ""
    unknown: JsonObject = {}
    for entry in entries:
        text += entry_text(entry)
        ends, signature = entry_signature(entry)
        if ends:
            yield Thinking(
                text, signature=signature, redacted=not text and "data" in entry, extras=_own(unknown)
            )
            text, unknown = "", {}
        else:
            beside = ((name, value) for name, value in entry.items() if name not in _KNOWN)
            unknown |= {name: value for name, value in beside if value is not None}
    if text:
        yield Thinking(text, extras=_own(unknown))


def _own(unknown: JsonObject) -> Extras:
    return {NAME: unknown} if unknown else {}


def text_of(thinking: Thinking) -> str:
    """The words of `thinking`, or of its summary."""
    return thinking.text or "\n\n".join(thinking.summary)


def encode_details(thinking: Thinking) -> list[JsonObject]:
    """The entries that say `thinking` so that an echoing client brings all of it back."""
    text, signature = text_of(thinking), thinking.signature
    if signature is None and not text:
        return []
    own = thinking.extras.get(NAME, {})
    if signature is not None and signature.family == NAME:
        return _native(text, signature, own)
    if own:
        return [{"type": "reasoning.text", "text": text, **own}]
    word = carry.wrap(signature, NAME)
    if thinking.redacted:
        return [{"type": "reasoning.encrypted", "data": word}]
    return [{"type": "reasoning.text", "text": text, "signature": word}]


def _native(text: str, signature: Signature, own: JsonObject) -> list[JsonObject]:
    entry = _entry(signature.payload)
    if "data" not in entry:
        return [{**entry, "text": text}]
    if not text:
        return [entry]
    return [{"type": "reasoning.summary", "summary": text, **own}, entry]


def _entry(payload: str) -> JsonObject:
    try:
        entry: Any = loads(payload.encode())
    except JsonError:
        entry = None
    return entry if isinstance(entry, dict) else {"type": "reasoning.text", "signature": payload}


def decode_reasoning(body: Fields, origins: dict[str, str], left: JsonObject) -> Reasoning | None:
    """How much to think, in whichever words the client said it; `left` takes what has no common word."""
    said = {
        "reasoning_effort": _of_effort(body.text("reasoning_effort"), "reasoning_effort", left),
        "reasoning": _of_object(body.fields("reasoning"), left),
        "thinking": _of_thinking(body.fields("thinking"), left),
        "enable_thinking": _of_switch(body.boolean("enable_thinking")),
    }
    words = {name: reasoning for name, reasoning in said.items() if reasoning is not None}
    if not words:
        return None
    origins["reasoning"] = next(iter(words))
    origins["visibility"] = "reasoning.exclude"
    all_words = list(words.values())
    first = all_words[0]
    return Reasoning(
        next((word.mode for word in all_words if word.mode is not None), None),
        first.effort,
        first.budget,
        next((word.visibility for word in all_words if word.visibility is not None), None),
    )


def _of_effort(word: str | None, name: str, left: JsonObject) -> Reasoning | None:
    if word is None:
        return None
    if word == "none":
        return Reasoning("off")
    effort = next((effort for effort in _EFFORTS if effort == word), None)
    if effort is None:
        left[name] = word
        return None
    return Reasoning("effort", effort)


def _of_object(reasoning: Fields | None, left: JsonObject) -> Reasoning | None:
    """OpenRouter's `reasoning: {effort | max_tokens | enabled, exclude}`."""
    if reasoning is None:
        return None
    kept: JsonObject = {}
    said = _of_effort(reasoning.text("effort"), "effort", kept)
    budget, enabled = reasoning.integer("max_tokens"), reasoning.boolean("enabled")
    if said is None and budget is not None:
        said = Reasoning("budget", budget=budget)
    said = said or _of_switch(enabled) or Reasoning()
    if reasoning.boolean("exclude"):
        said.visibility = "omit"
    kept |= reasoning.rest(NAME).get(NAME, {})
    if kept:
        left["reasoning"] = kept
    return said if said != Reasoning() else None


def _of_thinking(thinking: Fields | None, left: JsonObject) -> Reasoning | None:
    """`thinking: {type, budget_tokens}` as DeepSeek, Zhipu and Moonshot borrowed it."""
    if thinking is None:
        return None
    budget, kind = thinking.integer("budget_tokens"), thinking.text("type")
    beside = thinking.rest(NAME).get(NAME)
    if beside is not None:
        # A vendor's own field means something only beside the type it came with.
        left["thinking"] = {**beside} if kind is None else {"type": kind, **beside}
    if kind == "disabled":
        return Reasoning("off")
    return Reasoning("budget", budget=budget) if budget is not None else Reasoning("auto")


def _of_switch(enabled: bool | None) -> Reasoning | None:  # noqa: FBT001 - a field of the wire
    if enabled is None:
        return None
    return Reasoning("auto" if enabled else "off")


def encode_reasoning(request: Request, way: Way) -> str | None:
    """The `reasoning_effort` to send, None to leave it to the model."""
    reasoning, capabilities = request.reasoning, way.capabilities
    if reasoning is None:
        return None
    path = request.origin_of("reasoning")
    if reasoning.visibility == "omit":
        way.losses.repair(request.origin_of("visibility"), "left out of the reply")
    elif reasoning.visibility is not None:
        way.losses.drop(request.origin_of("visibility"))
    effort_path = path if reasoning.effort is None else request.origins.get("effort", path)
    effort = _effort(reasoning, effort_path, way)
    if effort not in {None, "none"} and request.tools and not capabilities.tools_with_effort:
        way.losses.drop(path)
        return None
    return effort


def _effort(reasoning: Reasoning, path: str, way: Way) -> str | None:
    capabilities, losses = way.capabilities, way.losses
    takes = capabilities.thinking != "none" and bool(capabilities.efforts)
    if reasoning.mode == "off":
        return _no_effort(path, way, takes=takes)
    wanted = reasoning.effort or _effort_of(reasoning.budget)
    if wanted is None:
        if reasoning.mode == "between_tools":
            losses.drop(path)
        elif reasoning.mode is not None:
            losses.repair(path, "left to the model")
        return None
    if not takes:
        losses.drop(path)
        return None
    sent = _nearest(wanted, capabilities.efforts)
    if reasoning.effort is None:
        losses.drop(path, f"{reasoning.budget}->{sent}")
    elif sent != wanted:
        losses.drop(path, f"{wanted}->{sent}")
    elif reasoning.mode != "effort" or reasoning.budget is not None:
        losses.repair(path, f"said as effort {sent}")
    return sent


def _no_effort(path: str, way: Way, *, takes: bool) -> str | None:
    if takes and way.capabilities.can_disable:
        return "none"
    if not takes:
        # A model that takes no effort and one that does not think look alike from here.
        way.losses.repair(path, "left out: the model takes no effort")
        return None
    weakest = way.capabilities.efforts[0]
    way.losses.drop(path, f"none->{weakest}")
    return weakest


def _effort_of(budget: int | None) -> Effort | None:
    if budget is None:
        return None
    return next((effort for effort, most in _BUDGETS.items() if budget <= most), "xhigh")


def _nearest(wanted: Effort, efforts: tuple[str, ...]) -> str:
    """The weakest of `efforts` that is at least `wanted`, else the strongest."""
    enough = _EFFORTS[_EFFORTS.index(wanted) :]
    return next((effort for effort in efforts if effort in enough), efforts[-1])
