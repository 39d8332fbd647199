"""One JSON array that grows: how Gemini streams to those who do not ask for server-sent events.

    [{…}
    ,
    {…}
    ]

Behind an error the array stays open: nobody may take a reply that broke off for a whole one.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

import re

from gateway.wire.frames import MAX_FRAME_BYTES, Frame, FrameDecoder, FrameEncoder, FrameTooLargeError

_STRUCTURE = re.compile(rb'["\[\]{}]')
_IN_STRING = re.compile(rb'["\\]')


class JsonArrayDecoder:
    """Cuts one array into its objects; what stands between them is not looked at.

    An object that stands alone, as an error may, is a frame as well.
    """

    __slots__ = ("_buffer", "_depth", "_quoted", "_scanned", "_start")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._start = 0
        self._depth = 0
        self._quoted = False

    @property
    def idle(self) -> bool:
        """Whether it holds nothing: what comes next begins an object, or separates it from the last."""
        return not self._depth and not self._quoted

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take bytes as they come, cut anywhere; return the objects they complete."""
        self._buffer += chunk
        frames: list[Frame] = []
        while self._scan(frames):
            pass
        done = self._start if self._depth else self._scanned
        del self._buffer[:done]
        self._scanned -= done
        self._start = 0
        if len(self._buffer) > MAX_FRAME_BYTES:
            raise FrameTooLargeError(f"an object of a JSON array is larger than {MAX_FRAME_BYTES} bytes")
        return frames

    def close(self) -> list[Frame]:
        """Nothing: an object has its end in itself."""
        self._buffer.clear()
        self._scanned = self._start = self._depth = 0
        self._quoted = False
        return []

    def _scan(self, frames: list[Frame]) -> bool:
        """Look at the next sign that matters; False if it has not come yet."""
        found = (_IN_STRING if self._quoted else _STRUCTURE).search(self._buffer, self._scanned)
        if found is None:
            self._scanned = len(self._buffer)
            return False
        sign = found[0]
        if sign == b"\\":
            # With the sign it escapes, which may be a quotation mark.
            self._scanned = found.end() + 1
            if self._scanned > len(self._buffer):
                self._scanned = found.start()
                return False
            return True
        self._scanned = found.end()
        if sign == b'"':
            self._quoted = not self._quoted
        elif self._depth:
            self._nest(sign, frames)
        elif sign == b"{":
            self._start, self._depth = found.start(), 1
        return True

    def _nest(self, sign: bytes, frames: list[Frame]) -> None:
        self._depth += 1 if sign in b"{[" else -1
        if not self._depth:
            data = bytes(self._buffer[self._start : self._scanned])
            frames.append(Frame(data, raw=data))


class JsonArrayEncoder:
    """Writes one array, an object a frame."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = False

    def encode(self, frame: Frame) -> bytes:
        """The next element, with what separates it from the one before."""
        before = b"\n,\n" if self._begun else b"["
        self._begun = True
        return before + frame.data

    def close(self) -> bytes:
        """The end of the array, by which Google's own readers tell a whole reply from one that broke off."""
        return b"]" if self._begun else b"[]"


class JsonArray:
    """The framing of Gemini without `alt=sse`."""

    content_type = "application/json"

    def decoder(self) -> FrameDecoder:
        """A decoder for one stream."""
        return JsonArrayDecoder()

    def encoder(self) -> FrameEncoder:
        """An encoder for one stream."""
        return JsonArrayEncoder()


JSON_ARRAY = JsonArray()
