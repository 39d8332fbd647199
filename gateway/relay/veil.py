"""Reasoning that its client does not want to read.

Its words are kept from view: they travel in its signature and go back to their issuer with it.
"""

from collections.abc import Iterable
from dataclasses import replace

from gateway.canonical.content import Message, Part, Thinking
from gateway.canonical.events import Close, Delta, Event, Response


def veiled_events(events: Iterable[Event], family: str) -> list[Event]:
    """`events` for a client of protocol `family`, without the words of reasoning."""
    seen: list[Event] = []
    for event in events:
        match event:
            case Delta(kind="thinking" | "summary"):
                pass
            case Close():
                seen.append(replace(event, part=_veiled(event.part, family)))
            case _:
                seen.append(event)
    return seen


def veiled(response: Response, family: str) -> Response:
    """`response` for a client of protocol `family`, without the words of reasoning."""
    choices = [
        replace(choice, parts=[_veiled(part, family) for part in choice.parts]) for choice in response.choices
    ]
    return replace(response, choices=choices)


def _veiled(part: Part, family: str) -> Part:
    if not isinstance(part, Thinking) or part.redacted:
        return part
    if part.signature is None or part.signature.family == family:
        return replace(part, text="", summary=[])
    return Thinking(signature=replace(part.signature, unsaid=part.text), redacted=True)


def unveiled(messages: list[Message]) -> list[Message]:
    """`messages` that a client sent, with the words that it carried unread; itself where there are none."""
    if not any(isinstance(part, Thinking) and _hides(part) for each in messages for part in each.parts):
        return messages
    return [replace(each, parts=[_unveiled(part) for part in each.parts]) for each in messages]


def _hides(part: Thinking) -> bool:
    return part.signature is not None and part.signature.unsaid is not None


def _unveiled(part: Part) -> Part:
    if not isinstance(part, Thinking) or part.signature is None or part.signature.unsaid is None:
        return part
    signature = replace(part.signature, unsaid=None)
    return Thinking(part.signature.unsaid, signature=signature, origin=part.origin)
