"""What a round trip over a wire may lose: one table, a row a codec, and nothing else.

Beside the rows, every wire loses the upstream's own words for why it stopped, and `None` counts as 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.canonical.content import (
    Opaque,
    Part,
    Refusal,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
)
from gateway.canonical.events import Choice, Response, complete_stop
from gateway.canonical.request import Request
from gateway.canonical.usage import StopReason, Usage


@dataclass(frozen=True)
class Wire:
    """What one wire can say of a reply.

    `stops` are the reasons that come back as they were, `folded` those that share another's word; any other
    comes back as an ordinary end. `order` is how the wire arranges the parts of an answer, where it keeps no
    order of its own.
    """

    stops: frozenset[StopReason]
    folded: Mapping[StopReason, StopReason]
    usage: tuple[str, ...]
    sequence: bool = False
    logprobs: bool = False
    order: Callable[[Sequence[Part]], list[Part]] = list


def flattened(parts: Sequence[Part]) -> list[Part]:
    """One reasoning text, one text, one refusal and the calls, each of them a field of a single message."""
    flat: list[Part] = [part for part in parts if isinstance(part, Thinking)]
    text = "".join(part.text for part in parts if isinstance(part, Text))
    flat += [Text(text)] if text else []
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    flat += [Refusal(refusal)] if refusal else []
    return flat + [part for part in parts if isinstance(part, ToolCall)]


def joined(parts: Sequence[Part]) -> list[Part]:
    """One reasoning text, one text and the calls, each of them a field of a single message."""
    thought = "".join(part.text for part in parts if isinstance(part, Thinking))
    text = "".join(part.text for part in parts if isinstance(part, Text))
    flat: list[Part] = [Thinking(thought)] if thought else []
    flat += [Text(text)] if text else []
    return flat + [replace(part, signature=None) for part in parts if isinstance(part, ToolCall)]


def told_in_order(parts: Sequence[Part]) -> list[Part]:
    """Neighbours of one kind are one part: text goes on, and reasoning does until a signature ends it."""
    told: list[Part] = []
    for part in (Text(part.text) if isinstance(part, Refusal) else part for part in parts):
        last = told[-1] if told else None
        if isinstance(part, Text) and isinstance(last, Text):
            told[-1] = Text(last.text + part.text)
        elif (
            isinstance(part, Thinking)
            and isinstance(last, Thinking)
            and last.signature is None
            and not part.redacted
        ):
            told[-1] = replace(part, text=last.text + part.text)
        else:
            told.append(part)
    return told


WIRES: Mapping[str, Wire] = {
    "anthropic": Wire(
        stops=frozenset(
            {
                StopReason.END,
                StopReason.TOOL_CALL,
                StopReason.LENGTH,
                StopReason.CONTEXT_WINDOW,
                StopReason.STOP_SEQUENCE,
                StopReason.REFUSAL,
                StopReason.PAUSE,
                StopReason.COMPACTION,
            }
        ),
        folded={StopReason.CONTENT_FILTER: StopReason.REFUSAL, StopReason.RECITATION: StopReason.REFUSAL},
        usage=("input_tokens", "cache_read", "cache_write", "output_tokens", "reasoning"),
        sequence=True,
    ),
    "gemini": Wire(
        stops=frozenset(
            {
                StopReason.END,
                StopReason.TOOL_CALL,
                StopReason.LENGTH,
                StopReason.CONTENT_FILTER,
                StopReason.RECITATION,
                StopReason.ERROR,
            }
        ),
        folded={
            StopReason.CONTEXT_WINDOW: StopReason.LENGTH,
            StopReason.REFUSAL: StopReason.CONTENT_FILTER,
        },
        usage=("input_tokens", "cache_read", "output_tokens", "reasoning"),
        logprobs=True,
        order=told_in_order,
    ),
    "ollama": Wire(
        stops=frozenset(
            {StopReason.END, StopReason.TOOL_CALL, StopReason.LENGTH, StopReason.LOAD, StopReason.UNLOAD}
        ),
        folded={StopReason.CONTEXT_WINDOW: StopReason.LENGTH},
        usage=("input_tokens", "output_tokens"),
        logprobs=True,
        order=joined,
    ),
    "openai_chat": Wire(
        stops=frozenset({StopReason.END, StopReason.TOOL_CALL, StopReason.LENGTH, StopReason.CONTENT_FILTER}),
        folded={
            StopReason.CONTEXT_WINDOW: StopReason.LENGTH,
            StopReason.REFUSAL: StopReason.CONTENT_FILTER,
            StopReason.RECITATION: StopReason.CONTENT_FILTER,
        },
        usage=("input_tokens", "cache_read", "cache_write", "output_tokens", "reasoning"),
        logprobs=True,
        order=flattened,
    ),
}


def forget(response: Response, codec: str) -> Response:
    """`response` without what the wire of `codec` cannot carry, and without the ids the gateway makes
    itself.
    """
    wire = WIRES[codec]
    return Response(
        [_choice(choice, wire) for choice in response.choices],
        model=response.model,
        usage=_counts(response.usage or Usage(), wire),
        extras={owner: fields for owner, fields in response.extras.items() if owner == codec},
    )


def _counts(usage: Usage, wire: Wire) -> Usage:
    kept = Usage()
    for name in wire.usage:
        setattr(kept, name, getattr(usage, name) or 0)
    return kept


def _choice(choice: Choice, wire: Wire) -> Choice:
    said = choice.stop.reason
    reason = said if said in wire.stops else wire.folded.get(said, StopReason.END)
    kept = complete_stop(reason, "", called=any(isinstance(part, ToolCall) for part in choice.parts))
    kept.sequence = choice.stop.sequence if wire.sequence else None
    return Choice(wire.order(choice.parts), kept, choice.logprobs if wire.logprobs else None)


def forget_rendering(request: Request) -> Request:
    """`request` without what encoders and decoders add of themselves.

    That is: the readable `text` of parts that also have their raw form, and `include_usage`, which the
    gateway asks for on its own behalf and which some wires always grant.
    """
    messages = [
        replace(message, parts=[_unrendered(part) for part in message.parts]) for message in request.messages
    ]
    return replace(request, messages=messages, include_usage=None)


def _unrendered(part: Part) -> Part:
    return replace(part, text="") if isinstance(part, (Opaque, ServerToolResult)) else part
