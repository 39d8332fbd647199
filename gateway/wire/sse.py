"""Server-sent events.

Liberal in what it reads (CR, LF or CRLF, comments, missing blanks, several data lines, a byte-order mark, a
last record without its blank line), strict in what it writes: `event:` where there is a name, one `data:`
line, one blank line. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from gateway.wire.frames import MAX_FRAME_BYTES, Frame, FrameDecoder, FrameTooLargeError

_BOM = b"\xef\xbb\xbf"


class SseDecoder:
    """Cuts one event stream. Records without data (comments, `retry:`) yield no frame."""

    __slots__ = ("_buffer", "_carriage", "_searched", "_started")

    def __init__(self) -> None:
        self._buffer = b""
        self._searched = 0
        self._started = False
        self._carriage = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take bytes as they come, cut anywhere; return the frames they complete."""
        buffer = self._buffer + chunk if self._buffer else chunk
        if not self._started:
            if len(buffer) < len(_BOM) and _BOM.startswith(buffer):
                self._buffer = buffer
                return []
            buffer = buffer.removeprefix(_BOM)
            self._started = True
        # Once a stream has shown a CR, line ends are not simply LF and the slow cut is used for good.
        if not self._carriage and b"\r" in buffer:
            self._carriage, self._searched = True, 0
        frames = self._cut_any(buffer) if self._carriage else self._cut_lf(buffer)
        if len(self._buffer) > MAX_FRAME_BYTES:
            raise FrameTooLargeError(f"a server-sent event is larger than {MAX_FRAME_BYTES} bytes")
        return frames

    def close(self) -> list[Frame]:
        """Return the last record if it only lacked its blank line."""
        rest, self._buffer, self._searched = self._buffer, b"", 0
        frame = _frame(rest) if rest else None
        return [frame] if frame is not None else []

    def _cut_lf(self, buffer: bytes) -> list[Frame]:
        frames: list[Frame] = []
        start = 0
        # What was searched before holds no empty line, but its last byte may be the first LF of one.
        end = buffer.find(b"\n\n", max(self._searched - 1, 0))
        while end >= 0:
            frame = _frame(buffer[start : end + 2])
            if frame is not None:
                frames.append(frame)
            start = end + 2
            end = buffer.find(b"\n\n", start)
        self._buffer = buffer[start:] if start else buffer
        self._searched = len(self._buffer)
        return frames

    def _cut_any(self, buffer: bytes) -> list[Frame]:
        """Cut at empty lines, whichever line ends they have.

        A CR at the very end waits for the next bytes: a LF there belongs to it.
        """
        frames: list[Frame] = []
        start, line = 0, self._searched
        while (after := _line_end(buffer, line)) is not None:
            if buffer[line : line + 1] in (b"\n", b"\r"):
                frame = _frame(buffer[start:after])
                if frame is not None:
                    frames.append(frame)
                start = after
            line = after
        self._buffer = buffer[start:]
        self._searched = line - start
        return frames


def _line_end(buffer: bytes, start: int) -> int | None:
    """The offset behind the line that begins at `start`, None while its end is not there for sure."""
    lf, cr = buffer.find(b"\n", start), buffer.find(b"\r", start)
    if cr < 0 or 0 <= lf < cr:
        return lf + 1 if lf >= 0 else None
    if cr + 1 == len(buffer):
        return None
    return cr + 2 if buffer[cr + 1 : cr + 2] == b"\n" else cr + 1


def _frame(record: bytes) -> Frame | None:
    """The frame of one record, None if it holds no data."""
    # The two forms that make up nearly all traffic: `data: {…}` and `event: x` followed by `data: {…}`.
    if (
        record.startswith(b"data: ")
        and record.count(b"\n") == 2
        and record.endswith(b"\n\n")
        and b"\r" not in record
    ):
        return Frame(record[6:-2], "", record, clean=True)
    data: list[bytes] = []
    event = b""
    clean = record.endswith(b"\n\n") and b"\r" not in record
    lines = record.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").split(b"\n")
    for line in lines:
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
    if not data:
        return None
    return Frame(b"\n".join(data), event.decode("utf-8", "replace"), record, clean)


class Sse:
    """The framing of OpenAI, Anthropic and Gemini (`alt=sse`)."""

    content_type = "text/event-stream"

    def decoder(self) -> FrameDecoder:
        """A decoder for one stream."""
        return SseDecoder()

    def encode(self, frame: Frame) -> bytes:
        """One record; data that holds line ends is sent as several `data:` lines."""
        data = frame.data
        if b"\n" in data or b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
        if frame.event:
            return b"event: %b\ndata: %b\n\n" % (frame.event.encode(), data)
        return b"data: %b\n\n" % data


SSE = Sse()
