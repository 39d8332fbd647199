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

    @property
    def idle(self) -> bool:
        """Whether it holds nothing: what comes next begins a record."""
        return not self._buffer and not self._carriage

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take bytes as they come, cut anywhere; return the frames they complete."""
        if self._started and self.idle and _are_plain(chunk):
            return _plain_frames(chunk)
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
        # What was searched before holds no empty line, but its last byte may be the first LF of one.
        end = buffer.find(b"\n\n", max(self._searched - 1, 0))
        # Cut from bytes, each record is copied once.
        whole = bytes(buffer[: buffer.rfind(b"\n\n") + 2]) if end >= 0 else b""
        frames: list[Frame] = []
        start = 0
        if _are_plain(whole):
            frames, start, end = _plain_frames(whole), len(whole), -1
        while end >= 0:
            frame = _frame(whole[start : end + 2])
            if frame is not None:
                frames.append(frame)
            start = end + 2
            end = whole.find(b"\n\n", start)
        del buffer[:start]
        self._searched = len(buffer)
        return frames


def _are_plain(records: bytes) -> bool:
    """Whether `records` are whole and each of them nothing but `data: {…}`, or the word that ends a stream:
    the form that makes up most traffic.
    """
    count = 1 + records.count(b"\n\ndata: {") + records.endswith(b"\n\ndata: [DONE]\n\n")
    return (
        records.startswith(b"data: {")
        and records.endswith(b"\n\n")
        and records.count(b"\n") == 2 * count
        and b"\r" not in records
    )


def _plain_frames(records: bytes) -> list[Frame]:
    return [Frame(record[6:], "", record + b"\n\n", clean=True) for record in records[:-2].split(b"\n\n")]


def _frame(record: bytes) -> Frame | None:
    """The frame of one record, None if it holds no data."""
    # The forms that make up most traffic: `data: {…}` alone, or behind `event: …`.
    name, start = b"", 0
    if record.startswith(b"event: "):
        start = record.find(b"\n") + 1
        name = record[7 : start - 1]
    plain = record.startswith(b"data: {", start) and record.endswith(b"\n\n")
    if plain and record.find(b"\n", start) == len(record) - 2:
        return Frame(record[start + 6 : -2], name.decode("utf-8", "replace"), record, clean=True)
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
