"""Server-sent events.

Liberal in what it reads (CR, LF or CRLF, comments, missing blanks, several data lines, a byte-order mark, a
last record without its blank line), strict in what it writes: `event:` where there is a name, one `data:`
line, one blank line. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from gateway.wire.frames import MAX_FRAME_BYTES, Frame, FrameDecoder, FrameEncoder, FrameTooLargeError

_BOM = b"\xef\xbb\xbf"


class SseDecoder:
    """Cuts one event stream. Records without data (comments, `retry:`, an empty `data:`) yield no frame.

    CR and CRLF are read as LF, so `Frame.raw` has LF where the wire had them.
    """

    __slots__ = ("_buffer", "_carriage", "_searched", "_started")

    def __init__(self) -> None:
        # A bytearray, because a record that comes in many small chunks must not be copied with each of them.
        self._buffer = bytearray()
        self._searched = 0
        self._started = False
        self._carriage = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take bytes as they come, cut anywhere; return the frames they complete."""
        self._buffer += self._line_feeds(chunk) if self._carriage or b"\r" in chunk else chunk
        if not self._started:
            if len(self._buffer) < len(_BOM) and _BOM.startswith(self._buffer):
                return []
            if self._buffer.startswith(_BOM):
                del self._buffer[: len(_BOM)]
            self._started = True
        frames = self._cut()
        if len(self._buffer) > MAX_FRAME_BYTES:
            raise FrameTooLargeError(f"a server-sent event is larger than {MAX_FRAME_BYTES} bytes")
        return frames

    def close(self) -> list[Frame]:
        """Return the last record if it only lacked its blank line."""
        rest = bytes(self._buffer) + (b"\n" if self._carriage else b"")
        self._buffer.clear()
        self._searched, self._carriage = 0, False
        frame = _frame(rest)
        return [frame] if frame is not None else []

    def _line_feeds(self, chunk: bytes) -> bytes:
        """`chunk` with LF for CR and CRLF. A CR at its end waits for what follows: a LF belongs to it."""
        if self._carriage:
            chunk = b"\r" + chunk
        self._carriage = chunk.endswith(b"\r")
        if self._carriage:
            chunk = chunk[:-1]
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _cut(self) -> list[Frame]:
        buffer = self._buffer
        frames: list[Frame] = []
        start = 0
        # What was searched before holds no empty line, but its last byte may be the first LF of one.
        end = buffer.find(b"\n\n", max(self._searched - 1, 0))
        while end >= 0:
            frame = _frame(bytes(buffer[start : end + 2]))
            if frame is not None:
                frames.append(frame)
            start = end + 2
            end = buffer.find(b"\n\n", start)
        del buffer[:start]
        self._searched = len(buffer)
        return frames


def _frame(record: bytes) -> Frame | None:
    """The frame of one record, None if it holds no data."""
    # The form that makes up most traffic: `data: {…}` alone.
    if record.startswith(b"data: ") and record.count(b"\n") == 2 and record.endswith(b"\n\n"):
        return Frame(record[6:-2], "", record, clean=True) if len(record) > len(b"data: \n\n") else None
    record = record.lstrip(b"\n")
    data: list[bytes] = []
    event = b""
    clean = record.endswith(b"\n\n")
    for line in record.rstrip(b"\n").split(b"\n"):
        name, _, value = line.partition(b":")
        spaced = value.startswith(b" ")
        if spaced:
            value = value[1:]
        if name == b"data":
            clean = clean and spaced and not data
            data.append(value)
        elif name == b"event":
            clean = clean and spaced
            event = value
        else:
            clean = False
    payload = b"\n".join(data)
    return Frame(payload, event.decode("utf-8", "replace"), record, clean) if payload.strip() else None


class Sse:
    """The framing of OpenAI, Anthropic and Gemini (`alt=sse`)."""

    content_type = "text/event-stream"

    def decoder(self) -> FrameDecoder:
        """A decoder for one stream."""
        return SseDecoder()

    def encoder(self) -> FrameEncoder:
        """The framing itself: its records know nothing of each other."""
        return self

    def close(self) -> bytes:
        """Nothing: the last record is the end."""
        return b""

    def encode(self, frame: Frame) -> bytes:
        """One record; data that holds line ends is sent as several `data:` lines."""
        data = frame.data
        if b"\n" in data or b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
        if frame.event:
            return b"event: %b\ndata: %b\n\n" % (frame.event.encode(), data)
        return b"data: %b\n\n" % data


SSE = Sse()
