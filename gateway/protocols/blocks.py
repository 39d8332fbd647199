"""Gives block structure to protocols that stream without it.

Such a wire says text, reasoning and fragments of several calls in any order. Here they become blocks that
never overlap: text and reasoning end when something else begins, a call stays open until the reply ends
(fragments of it may still come), and what is said behind it is held back until then.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from gateway.canonical.content import Citation, Part, Refusal, Signature, Text, Thinking, ToolCall
from gateway.canonical.events import Close, Delta, DeltaKind, Event, Open, hollow, pieces


@dataclass(slots=True)
class Block:
    """One block on its way. `part` is its empty form, `pieces` what was said of it.

    A call whose name is not known yet has an empty one; it is not announced before the name comes. `held` are
    the deltas that wait for the block to open, `whole` a part that came in one piece.
    """

    part: Part
    held: list[tuple[DeltaKind, str | Citation | Signature]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    signature: Signature | None = None
    opened: bool = False
    done: bool = False
    whole: Part | None = None

    @property
    def text(self) -> str:
        """All of its text so far."""
        return "".join(self.pieces)

    def finished(self) -> Part:
        """The whole part."""
        match self.part:
            case Text() if self.whole is None:
                return replace(self.part, text=self.text, citations=self.citations)
            case Refusal() if self.whole is None:
                return replace(self.part, text=self.text)
            case Thinking() if self.whole is None:
                return replace(self.part, text=self.text, signature=self.signature)
            case ToolCall() if self.whole is None:
                return replace(self.part, arguments=self.text, signature=self.signature)
            case _:
                return self.whole or self.part


class Blocks:
    """The blocks of one choice. Every method returns the events that its words lead to."""

    __slots__ = ("_choice", "_index", "_queue", "called")

    def __init__(self, choice: int = 0) -> None:
        self.called = False
        self._choice = choice
        self._index = 0
        self._queue: deque[Block] = deque()

    def text(self, piece: str) -> list[Event]:
        """The model said more text."""
        return self._continue(Text, "text", piece)

    def refusal(self, piece: str) -> list[Event]:
        """The model said more of why it will not answer."""
        return self._continue(Refusal, "text", piece)

    def thinking(self, piece: str) -> list[Event]:
        """The model thought more."""
        return self._continue(Thinking, "thinking", piece)

    def cite(self, citation: Citation) -> list[Event]:
        """A citation for the text said last."""
        events = self._reach(Text)
        tail = self._queue[-1]
        tail.citations.append(citation)
        return events + self._say(tail, "citation", citation)

    def sign(self, signature: Signature | None, *, redacted: bool) -> list[Event]:
        """The reasoning said last ends, with its signature if it has one.

        Where none was said, the signature is a block of its own, which may be a redacted one.
        """
        tail = self._queue[-1] if self._queue else None
        if tail is None or not isinstance(tail.part, Thinking) or tail.done:
            return [] if signature is None else self.whole(Thinking(signature=signature, redacted=redacted))
        tail.signature = signature
        tail.done = True
        events = [] if signature is None else self._say(tail, "signature", signature)
        return events + self._advance()

    def call(self, call: ToolCall) -> tuple[Block, list[Event]]:
        """A call begins; its name may be empty for now."""
        block = Block(replace(call, arguments=""))
        return block, self._put(block)

    def name(self, block: Block, call_id: str, name: str) -> list[Event]:
        """The id and name of a call that began without a name."""
        if isinstance(block.part, ToolCall) and not block.opened:
            block.part = replace(block.part, id=call_id, name=name)
        return self._advance()

    def arguments(self, block: Block, piece: str) -> list[Event]:
        """More of the arguments of a call."""
        block.pieces.append(piece)
        return self._say(block, "arguments", piece)

    def sign_call(self, block: Block, signature: Signature) -> list[Event]:
        """The signature of a call."""
        block.signature = signature
        return self._say(block, "signature", signature)

    def whole(self, part: Part) -> list[Event]:
        """A part that came in one piece."""
        return self._put(Block(hollow(part), held=list(pieces(part)), done=True, whole=part))

    def close(self) -> list[Event]:
        """The reply has ended: everything held back, and every block closed.

        A call that never said its name cannot be made by anybody and is left out.
        """
        return self._advance(final=True)

    def _continue(
        self, kind: type[Text] | type[Refusal] | type[Thinking], delta: DeltaKind, piece: str
    ) -> list[Event]:
        events = self._reach(kind)
        tail = self._queue[-1]
        tail.pieces.append(piece)
        events += self._say(tail, delta, piece)
        return events

    def _reach(self, kind: type[Text] | type[Refusal] | type[Thinking]) -> list[Event]:
        """Make the last block one of `kind` that still takes words."""
        tail = self._queue[-1] if self._queue else None
        if tail is not None and type(tail.part) is kind and not tail.done:
            return []
        return self._put(Block(kind("")))

    def _say(self, block: Block, kind: DeltaKind, value: str | Citation | Signature) -> list[Event]:
        if block.opened:
            return [Delta(self._index, kind, value, self._choice)]
        block.held.append((kind, value))
        return []

    def _put(self, block: Block) -> list[Event]:
        self._queue.append(block)
        return self._advance()

    def _advance(self, *, final: bool = False) -> list[Event]:
        """Open and close what may be, in order."""
        events: list[Event] = []
        while self._queue:
            head = self._queue[0]
            if isinstance(head.part, ToolCall) and not head.part.name:
                if not final:
                    break
                self._queue.popleft()
                continue
            if not head.opened:
                events += self._open(head)
            resumable = isinstance(head.part, ToolCall)
            if not (final or head.done or (len(self._queue) > 1 and not resumable)):
                break
            events += self._close(head)
            self._queue.popleft()
            self._index += 1
        return events

    def _close(self, block: Block) -> list[Event]:
        events: list[Event] = []
        if isinstance(block.part, ToolCall) and block.part.kind == "function" and not block.text:
            events += self.arguments(block, "{}") if block.whole is None else []
        return [*events, Close(self._index, block.finished(), self._choice)]

    def _open(self, block: Block) -> list[Event]:
        block.opened = True
        self.called = self.called or isinstance(block.part, ToolCall)
        events: list[Event] = [Open(self._index, block.part, self._choice)]
        events += (Delta(self._index, kind, value, self._choice) for kind, value in block.held)
        block.held.clear()
        return events
