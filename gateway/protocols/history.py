"""Tool calls and their results, paired as every upstream wants them.

Clients interrupt parallel calls, compact their histories and answer out of order; upstreams refuse a call
without its result and a result without its call. After `paired` each assistant message with calls is directly
followed by one user message that begins with exactly one result for each call, in the order of the calls.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from gateway.canonical.content import Message, Part, Text, ToolCall, ToolResult
from gateway.protocols.codec import Losses

NO_RESULT = "[no result: interrupted]"
"""What stands for the result of a call that the client never answered."""


def calls_of(message: Message) -> list[ToolCall]:
    """The calls that `message` asks its client to run."""
    return [part for part in message.parts if isinstance(part, ToolCall)]


def paired(messages: Sequence[Message], losses: Losses) -> list[Message]:
    """`messages` with every call answered once, directly behind it; what had to change is in `losses`.

    Results without a call and all but the last non-empty of several results for one call are dropped, missing
    results are put in as errors. Equal to `messages` where there is nothing to do.
    """
    history: list[Message] = []
    at = 0
    while at < len(messages):
        message = messages[at]
        if message.role == "assistant" and (calls := calls_of(message)):
            if _is_settled(calls, messages[at + 1 : at + 3]):
                history += messages[at : at + 2]
                at += 2
                continue
            turn = _turn(messages, at)
            history += _settled(turn, losses)
            at = turn.end
        else:
            history += _without_results(message, losses) if _has_results(message) else [message]
            at += 1
    return history


def _is_settled(calls: Sequence[ToolCall], behind: Sequence[Message]) -> bool:
    """Whether `calls` are answered as they should be, which is what most histories hold."""
    if not behind or behind[0].role != "user" or (len(behind) > 1 and behind[1].role != "assistant"):
        return False
    parts, wanted = behind[0].parts, [call.id for call in calls]
    if [part.call_id for part in parts if isinstance(part, ToolResult)] != wanted:
        return False
    if len(parts) > len(wanted) and not all(isinstance(part, ToolResult) for part in parts[: len(wanted)]):
        return False
    return len(set(wanted)) == len(wanted)


@dataclass(slots=True)
class _Turn:
    """The messages from a call up to its results; `aside` are instructions that stood between."""

    assistants: list[Message] = field(default_factory=list)
    users: list[Message] = field(default_factory=list)
    aside: list[Message] = field(default_factory=list)
    end: int = 0


def _turn(messages: Sequence[Message], start: int) -> _Turn:
    turn = _Turn()
    answers = next((i for i in range(start, len(messages)) if messages[i].role == "user"), len(messages))
    until = next((i for i in range(answers, len(messages)) if messages[i].role == "assistant"), len(messages))
    last = max((i for i in range(answers, until) if _has_results(messages[i])), default=answers - 1)
    behind = sum(1 for _ in takewhile(lambda message: message.role == "user", messages[last + 1 : until]))
    turn.end = last + 1 + behind
    for message in messages[start : turn.end]:
        if message.role == "assistant":
            turn.assistants.append(message)
        elif message.role == "user":
            turn.users.append(message)
        else:
            turn.aside.append(message)
    return turn


def _has_results(message: Message) -> bool:
    return message.role == "user" and any(isinstance(part, ToolResult) for part in message.parts)


def _settled(turn: _Turn, losses: Losses) -> Iterator[Message]:
    for message in turn.assistants[1:]:
        losses.repair(message.origin, "joined to the tool calls before it")
    for message in turn.users[1:]:
        losses.repair(message.origin, "joined to the tool results before it")
    for message in turn.aside:
        losses.repair(message.origin, "moved behind the tool results")
    asked = _joined(turn.assistants)
    said = _joined(turn.users) if turn.users else Message("user", [], origin=asked.origin)
    yield asked
    yield _answered(calls_of(asked), said, losses)
    yield from turn.aside


def _joined(messages: Sequence[Message]) -> Message:
    if len(messages) == 1:
        return messages[0]
    return replace(
        messages[0],
        parts=[part for message in messages for part in message.parts],
        name=next((message.name for message in messages if message.name), None),
        phase=next((message.phase for message in messages if message.phase), None),
        extras={name: said for message in reversed(messages) for name, said in message.extras.items()},
    )


def _answered(calls: Sequence[ToolCall], said: Message, losses: Losses) -> Message:
    """`said` with exactly one result for each of `calls` in front."""
    waiting: dict[str, list[ToolResult]] = {}
    for part in said.parts:
        if isinstance(part, ToolResult):
            waiting.setdefault(part.call_id, []).append(part)
    asked = Counter(call.id for call in calls)
    results = [_result_of(call, asked[call.id], waiting, losses) for call in calls]
    for orphans in waiting.values():
        for orphan in orphans:
            losses.drop(orphan.origin or said.origin)
    others = [part for part in said.parts if not isinstance(part, ToolResult)]
    parts: list[Part] = [*results, *others]
    before, now = [id(part) for part in said.parts], [id(part) for part in parts]
    if _among(before, now) != _among(now, before):
        losses.repair(said.origin, "tool results put first, in the order of the calls")
    return said if parts == said.parts else replace(said, parts=parts)


def _among(some: Iterable[int], others: Iterable[int]) -> list[int]:
    known = frozenset(others)
    return [one for one in some if one in known]


def _result_of(
    call: ToolCall, namesakes: int, waiting: dict[str, list[ToolResult]], losses: Losses
) -> ToolResult:
    """Take the result for `call` out of `waiting`, or make one that says there is none; `namesakes` calls
    have its id.
    """
    results = waiting.get(call.id, [])
    if not results:
        losses.repair(call.origin, "answered: its result was missing")
        text: list[Part] = [Text(NO_RESULT)]
        return ToolResult(call.id, text, is_error=True, name=call.name, kind=call.kind, origin=call.origin)
    # One id for several calls of a turn, by a client that counts badly: the results come in their order.
    if namesakes > 1:
        return results.pop(0)
    del waiting[call.id]
    kept = next((result for result in reversed(results) if result.content), results[-1])
    for result in results:
        if result is not kept:
            losses.drop(result.origin)
    return kept


def _without_results(message: Message, losses: Losses) -> Iterator[Message]:
    """`message` without results that no call waits for; nothing if it held nothing else."""
    kept: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            losses.drop(part.origin or message.origin)
        else:
            kept.append(part)
    if kept:
        yield replace(message, parts=kept)
