"""How a reply is carried: the less the two ends differ, the less is translated.

bytes    same codec and framing: complete records pass with their original bytes, mended only where a client
         would break
frames   same codec, another framing: payloads pass untouched and are framed anew
events   different codecs: records are decoded to events and encoded again

In all three the same decoder listens, so that usage, health and the truth of the ending are known alike. A
lane is fed what each read brought and gives back pieces; it does no I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.canonical.content import Text
from gateway.canonical.events import Close, Collector, Delta, End, Event, Open, Start, explode
from gateway.errors import BadUpstreamReply, GatewayError, UpstreamError
from gateway.protocols.codec import Asked, Codec, Losses, Sent
from gateway.relay.emptiness import unexplained
from gateway.relay.likeness import Form, Likeness, form_of
from gateway.relay.veil import veiled_events
from gateway.wire.fast_json import JsonError, repaired
from gateway.wire.frames import Frame, FrameTooLargeError

MAX_REPLY_BYTES = 32 * 1024 * 1024
"""The largest reply that is read as a whole."""


@dataclass(slots=True)
class Piece:
    """What one read led to: bytes for the client, whether they say content, and the error that ended the
    stream.
    """

    data: bytes = b""
    content: bool = False
    error: UpstreamError | None = None

    def taken(self) -> UpstreamError:
        """The error, to be raised: a piece that kept it would be held by the frames that the error holds."""
        error, self.error = self.error, None
        assert error is not None
        return error


@dataclass(slots=True, frozen=True)
class Ends:
    """The two ends of a reply's way, and what both must know."""

    upstream: Codec
    client: Codec
    sent: Sent
    asked: Asked
    losses: Losses


class Lane(Protocol):
    """One attempt's way from upstream bytes to client bytes.

    `collector` has heard all but words that passed unread (`likeness`). `finished` says whether nothing is
    missing but, perhaps, the sign that the reply is whole.
    """

    collector: Collector
    finished: bool

    @property
    def complete(self) -> bool:
        """Whether the reply is whole."""
        ...

    def feed(self, chunk: bytes) -> Piece:
        """Take what a read brought. After an error or the end, feed no more."""
        ...

    def close(self) -> Piece:
        """The upstream's bytes have ended."""
        ...

    def fail(self, error: GatewayError) -> bytes:
        """The bytes that tell the client that the stream broke."""
        ...


class _Listening:
    """What all lanes share: cutting frames, decoding them, turning surprises into an error of the
    upstream's.
    """

    def __init__(self, ends: Ends) -> None:
        self.collector = Collector()
        self._spoke = False
        self._frames = ends.upstream.framing.decoder()
        self._decoder = ends.upstream.stream_decoder(ends.sent)
        self._out = (ends.asked.framing or ends.client.framing).encoder()
        self._encoder = ends.client.stream_encoder(ends.asked, ends.losses)
        self._thoughts, self._family = ends.asked.thoughts, ends.client.name
        self.finished = False

    @property
    def complete(self) -> bool:
        """Whether the reply is whole."""
        return self.collector.complete

    def feed(self, chunk: bytes) -> Piece:
        """Take what a read brought."""
        piece = Piece()
        self._guarded(piece, lambda out: self._carry_all(self._frames.feed(chunk), piece, out))
        return piece

    def close(self) -> Piece:
        """The upstream's bytes have ended: what is still owed, or the error that the end came too soon."""
        piece = Piece()
        self._guarded(piece, lambda out: self._finish(piece, out))
        return piece

    def fail(self, error: GatewayError) -> bytes:
        """The bytes that tell the client that the stream broke; what ends a whole one is left out."""
        return b"".join(map(self._out.encode, self._encoder.fail(error)))

    def _guarded(self, piece: Piece, work: Callable[[list[bytes]], None]) -> None:
        """Do `work`; what came before an error still reaches the client."""
        out: list[bytes] = []
        try:
            work(out)
            if self.complete:
                out.append(self._out.close())
        except UpstreamError as error:
            piece.error = error
        except (FrameTooLargeError, JsonError) as error:
            piece.error = BadUpstreamReply(f"the upstream's stream cannot be read: {error}")
        piece.data = b"".join(out)
        self.finished = self._decoder.finished or self.complete

    def _carry_all(self, frames: list[Frame], piece: Piece, out: list[bytes]) -> None:
        at = 0
        while at < len(frames):
            passed = self._pass(frames, at, out)
            piece.content = piece.content or passed > 0
            if not passed:
                self._carry(frames[at], piece, out)
            at += passed or 1

    def _pass(self, frames: list[Frame], at: int, out: list[bytes]) -> int:
        """Pass those on from place `at` that need not be read; how many these are."""
        raise NotImplementedError

    def _carry(self, frame: Frame, piece: Piece, out: list[bytes]) -> None:
        raise NotImplementedError

    def _finish(self, piece: Piece, out: list[bytes]) -> None:
        raise NotImplementedError

    def _shown(self, events: list[Event]) -> list[Event]:
        """What the client is told of `events`."""
        return events if self._thoughts else veiled_events(events, self._family)

    def _hear(self, events: list[Event], piece: Piece) -> None:
        for event in events:
            self.collector.feed(event)
            piece.content = piece.content or self._is_content(event)
        self._spoke = self._spoke or piece.content

    def _is_content(self, event: Event) -> bool:
        """Whether `event` says something; an end does where something was said, or where it says why not."""
        match event:
            case Start() | Delta(kind="usage") | Delta(kind="text", value=""):
                return False
            case Open(part=Text(text="")) | Close(part=Text(text="")):
                return False
            case End(stops):
                return self._spoke or not unexplained(stops)
            case _:
                return True


class PassingLane(_Listening):
    """Passes records as they came, or framed anew where the client wants another framing."""

    def __init__(self, ends: Ends, *, usage_is_ours: bool) -> None:
        super().__init__(ends)
        self._mender = ends.upstream.mender(ends.asked, usage_is_ours)
        self._as_they_came = ends.asked.framing is None
        self._likeness = Likeness()

    def feed(self, chunk: bytes) -> Piece:
        """Take what a read brought: most often one more record like the last."""
        if self._frames.idle and self._likeness.words(chunk):
            return Piece(chunk, content=True)
        return super().feed(chunk)

    def _pass(self, frames: list[Frame], at: int, out: list[bytes]) -> int:
        passed = len(self._likeness.run(frames, at))
        out.extend([frame.raw for frame in frames[at : at + passed]])
        return passed

    def _carry(self, frame: Frame, piece: Piece, out: list[bytes]) -> None:
        events = self._decoder.decode(frame)
        mended = self._mender.mend(frame, self._decoder.payload)
        self._hear(events, piece)
        if mended is not None:
            mended = _readable(mended)
        untouched = self._as_they_came and mended is frame and frame.clean
        if untouched:
            out.append(frame.raw)
        elif mended is not None:
            out.append(self._out.encode(mended))
        self._likeness.learn(frame, events if untouched and not self._decoder.finished else ())

    def _finish(self, piece: Piece, out: list[bytes]) -> None:
        self._carry_all(self._frames.close(), piece, out)
        self._hear(self._decoder.close(), piece)
        out.extend(self._out.encode(frame) for frame in self._mender.finish())


def _readable(frame: Frame) -> Frame:
    """`frame`, or the same with U+FFFD for bytes that are no UTF-8 and for lone surrogates: SDKs die of
    them.
    """
    if frame.data.isascii() and b"\\u" not in frame.data:
        return frame
    data = repaired(frame.data)
    return frame if data is frame.data else Frame(data, frame.event)


class EventsLane(_Listening):
    """Translates record by record.

    Of records that are alike but for their words two are translated with care. If these came out alike too,
    the others pass from the one form to the other unread; what they said is `_owed` to those who listen, and
    paid as one record before they hear anything else.
    """

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self._likeness = Likeness()
        self._made: Form | None = None
        self._certain = False
        self._owed = bytearray()

    def feed(self, chunk: bytes) -> Piece:
        """Take what a read brought: most often one more record like the last."""
        words = self._likeness.words(chunk) if self._certain and self._frames.idle else []
        return Piece(self._retold(words), content=True) if words else super().feed(chunk)

    def fail(self, error: GatewayError) -> bytes:
        """The bytes that tell the client that the stream broke."""
        self._settle()
        return super().fail(error)

    def _retold(self, words: list[bytes]) -> bytes:
        """What the client is told where records like the last said `words`."""
        assert self._made is not None, "that is certain"
        self._owed += b"".join(words)
        return b"".join(map(self._made.saying, words))

    def _pass(self, frames: list[Frame], at: int, out: list[bytes]) -> int:
        words = self._likeness.run(frames, at) if self._certain else []
        if words:
            out.append(self._retold(words))
        return len(words)

    def _carry(self, frame: Frame, piece: Piece, out: list[bytes]) -> None:
        self._settle()
        events, begun = self._decoder.decode(frame), len(out)
        self._say(events, piece, out)
        alike, former = bool(self._likeness.words(frame.raw)), self._made
        if not alike:
            self._likeness.learn(frame, events)
        words = self._likeness.words(frame.raw)
        self._made = form_of(out[begun], words[0]) if words and len(out) == begun + 1 else None
        self._certain = alike and self._made is not None and self._made == former

    def _settle(self) -> None:
        """Have what passed unread heard."""
        if self._owed:
            said = self._likeness.saying(bytes(self._owed))
            self._owed.clear()
            self._say(self._decoder.decode(said), Piece(), [])

    def _finish(self, piece: Piece, out: list[bytes]) -> None:
        self._carry_all(self._frames.close(), piece, out)
        self._settle()
        self._say(self._decoder.close(), piece, out)

    def _say(self, events: list[Event], piece: Piece, out: list[bytes]) -> None:
        self._hear(events, piece)
        for event in self._shown(events):
            for frame in self._encoder.encode(event):
                out.append(self._out.encode(frame))  # noqa: PERF401 - a generator for one frame costs more


class WholeReplyLane(_Listening):
    """An upstream that answers a request for a stream with one whole reply: the reply is told as a stream."""

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self._ends = ends
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Piece:
        """Keep the bytes until all have come."""
        self._body += chunk
        if len(self._body) > MAX_REPLY_BYTES:
            return Piece(
                error=BadUpstreamReply(f"the upstream's reply is larger than {MAX_REPLY_BYTES} bytes")
            )
        return Piece()

    def _finish(self, piece: Piece, out: list[bytes]) -> None:
        events = list(explode(self._ends.upstream.decode_response(bytes(self._body), self._ends.sent)))
        self._hear(events, piece)
        for event in self._shown(events):
            out.extend(self._out.encode(frame) for frame in self._encoder.encode(event))
