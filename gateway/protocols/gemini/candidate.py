"""Replies on their way in: every record of a stream, and a whole reply as the only one, become events."""

from typing import Any

from gateway.canonical.content import Signature, Thinking, ToolCall
from gateway.canonical.events import Delta, End, Event, Start
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply
from gateway.protocols.blocks import Blocks
from gateway.protocols.call_ids import reply_id
from gateway.protocols.codec import Sent
from gateway.protocols.gemini.media import decode_media
from gateway.protocols.gemini.partial import Arguments
from gateway.protocols.gemini.parts import decode_args, kind_of, provider_part
from gateway.protocols.gemini.reply import (
    decode_grounding,
    decode_logprobs,
    decode_stop,
    decode_usage,
    finish_of,
)
from gateway.protocols.gemini.signatures import FAMILY, unwrap
from gateway.protocols.gemini.spelling import listed
from gateway.wire.fast_json import JsonError, loads

_MOST_CANDIDATES = 64
_HEAD = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_CANDIDATE = frozenset({"content", "finishReason", "index", "logprobsResult"})


class ReplyDecoder:
    """One reply, record by record."""

    __slots__ = ("_blocked", "_candidates", "_left", "_seed", "_sent", "_started", "_usage")

    def __init__(self, sent: Sent) -> None:
        self._sent = sent
        self._seed = ""
        self._started = False
        self._blocked = ""
        self._candidates: dict[int, _Candidate] = {}
        self._left: JsonObject = {}
        self._usage: Usage | None = None

    def take(self, payload: dict[str, Any]) -> list[Event]:
        """The events that one record says."""
        events: list[Event] = [] if self._started else [self._start(payload)]
        self._left |= {
            name: value for name, value in payload.items() if name not in _HEAD and value is not None
        }
        feedback = payload.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self._blocked = str(feedback["blockReason"])
        for candidate in listed(payload.get("candidates")):
            if isinstance(candidate, dict):
                events += self._candidate(candidate)
        usage = decode_usage(payload.get("usageMetadata"))
        if usage is not None:
            self._usage = self._usage or Usage()
            self._usage.update(usage)
            events.append(Delta(0, "usage", usage))
        return events

    def _start(self, payload: JsonObject) -> Start:
        self._started = True
        id_, model = payload.get("responseId"), payload.get("modelVersion")
        start = Start(id_ if isinstance(id_, str) else "", model if isinstance(model, str) else "")
        contents = self._sent.body.get("contents")
        self._seed = f"{start.id}|{len(contents) if isinstance(contents, list) else 0}"
        return start

    def _candidate(self, candidate: dict[str, Any]) -> list[Event]:
        number = candidate.get("index")
        if not isinstance(number, int) or not 0 <= number < _MOST_CANDIDATES:
            number = 0
        decoder = self._candidates.get(number)
        if decoder is None:
            decoder = self._candidates[number] = _Candidate(number, self._sent, self._seed)
        return decoder.take(candidate)

    @property
    def finished(self) -> bool:
        """Whether every candidate that began has a finish reason, or the prompt was refused."""
        candidates = self._candidates.values()
        return all(one.finish for one in candidates) if candidates else bool(self._blocked)

    def close(self, *, whole: bool = False) -> list[Event]:
        """The reply has ended: the events still owed, `End` last.

        What came as one document is `whole`: nothing can be missing behind it.

        Raises:
            BadUpstreamReply: a candidate was not finished, or there is none.
        """
        candidates = self._candidates.values()
        if self._blocked and not candidates:
            return [End([Stop(StopReason.CONTENT_FILTER, self._blocked)], self._usage, self._extras())]
        if not candidates or not (whole or self.finished):
            raise BadUpstreamReply("the upstream's reply ended without a finish reason")
        events = [event for candidate in candidates for event in candidate.close()]
        silent = Stop(StopReason.END)
        stops = [
            self._candidates[number].stop() if number in self._candidates else silent
            for number in range(max(self._candidates) + 1)
        ]
        return [*events, End(stops, self._usage, self._extras())]

    def _extras(self) -> dict[str, JsonObject]:
        """What only this protocol knows, of the reply and of each candidate."""
        left = dict(self._left)
        if any(candidate.left for candidate in self._candidates.values()):
            left["candidates"] = [
                self._candidates[number].left if number in self._candidates else {}
                for number in range(max(self._candidates) + 1)
            ]
        return {FAMILY: left} if left else {}


class _Candidate:
    """One of the answers."""

    __slots__ = (
        *("_begun", "_blocks", "_calls", "_number", "_seed", "_sent", "_signature", "_text"),
        *("finish", "left"),
    )

    def __init__(self, number: int, sent: Sent, seed: str) -> None:
        self.finish = ""
        self.left: JsonObject = {}
        self._number = number
        self._sent = sent
        self._seed = seed
        self._blocks = Blocks(number)
        self._calls = 0
        self._text = ""
        self._signature: Signature | None = None
        self._begun: tuple[ToolCall, Arguments] | None = None

    def take(self, candidate: dict[str, Any]) -> list[Event]:
        """What one record says of the answer."""
        self.finish = finish_of(candidate) or self.finish
        self.left |= {
            name: value for name, value in candidate.items() if name not in _CANDIDATE and value is not None
        }
        content = candidate.get("content")
        parts = listed(content.get("parts")) if isinstance(content, dict) else []
        events = [event for part in parts if isinstance(part, dict) for event in self._part(part)]
        logprobs = decode_logprobs(candidate.get("logprobsResult"))
        if logprobs is not None:
            events.append(Delta(0, "logprobs", logprobs, self._number))
        return events

    def _part(self, part: JsonObject) -> list[Event]:
        word = part.get("thoughtSignature")
        signature = unwrap(word) if isinstance(word, str) else None
        text = part.get("text")
        if isinstance(text, str) and part.get("thought") is True:
            return self._thought(text, signature)
        if isinstance(text, str):
            events = self._words(text)
        elif part.get("functionCall") is not None:
            return self._flush() + self._called(part, signature)
        elif (media := decode_media(part)) is not None:
            events = self._flush() + self._blocks.whole(media)
        elif kind_of(part) is not None:
            return self._flush() + self._blocks.whole(provider_part(part))
        else:
            events = []
        if signature is not None:
            events += self._flush(keep_text=True)
            self._signature = signature
        return events

    def _thought(self, text: str, signature: Signature | None) -> list[Event]:
        events = self._flush()
        events += self._blocks.thinking(text) if text else []
        return events if signature is None else events + self._blocks.sign(signature, redacted=False)

    def _words(self, text: str) -> list[Event]:
        if not text:
            return []
        events = self._flush(keep_text=self._signature is None)
        self._text += text
        return events + self._blocks.text(text)

    def _flush(self, *, keep_text: bool = False) -> list[Event]:
        """The signature of the words said last, held back because citations still may belong to them."""
        signature, self._signature = self._signature, None
        if not keep_text:
            self._text = ""
        if signature is None:
            return []
        # The thinking that a signature without words stands for, whoever issued it.
        return self._blocks.whole(Thinking(signature=signature, redacted=signature.family != FAMILY))

    def _called(self, part: JsonObject, signature: Signature | None) -> list[Event]:
        """A call that is whole, or the beginning, a piece or the end of one."""
        value = part["functionCall"]
        fields = value if isinstance(value, dict) else {}
        name = fields.get("name")
        events: list[Event] = []
        if isinstance(name, str) and name:
            events = self._settle()
            self._begun = self._call(name, fields.get("id"), signature), Arguments(fields.get("args"))
        if self._begun is not None:
            self._begun[1].take(fields.get("partialArgs"))
        return events if fields.get("willContinue") is True else events + self._settle()

    def _call(self, name: str, call_id: JsonValue, signature: Signature | None) -> ToolCall:
        place = self._calls
        self._calls += 1
        if not isinstance(call_id, str) or not call_id:
            call_id = reply_id(self._seed, self._number, place)
        call = ToolCall(call_id, self._sent.tool_names.get(name, name), signature=signature)
        if name in self._sent.custom_tools:
            call.kind = "custom"
        return call

    def _settle(self) -> list[Event]:
        """The call that was begun, with all its arguments."""
        if self._begun is None:
            return []
        (call, arguments), self._begun = self._begun, None
        call.arguments = decode_args(arguments.whole)
        if call.kind == "custom":
            call.arguments = _free_text(call.arguments)
        return self._blocks.whole(call)

    def close(self) -> list[Event]:
        """The answer has ended."""
        metadata = self.left.get("groundingMetadata")
        cited = list(decode_grounding(metadata, self._text)) if self._text else []
        events = [event for citation in cited for event in self._blocks.cite(citation)]
        return events + self._flush() + self._settle() + self._blocks.close()

    def stop(self) -> Stop:
        """Why it ended."""
        return decode_stop(self.finish, called=self._blocks.called)


def _free_text(arguments: str) -> str:
    """The one argument of a function that stands for a free-text tool."""
    try:
        value: JsonValue = loads(arguments.encode("utf-8", "replace"))
    except JsonError:
        return arguments
    said = value.get("input") if isinstance(value, dict) else None
    return said if isinstance(said, str) else arguments
