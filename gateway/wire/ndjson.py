"""Newline-delimited JSON: one document a line.

https://github.com/ndjson/ndjson-spec. Liberal in what it reads (LF or CRLF, blank lines, a byte-order mark, a
last line without its end), strict in what it writes: never a blank line, which clients take for a broken
document, and never a character at which some of them split lines although JSON allows it in a string.
"""

import re

from gateway.wire.frames import MAX_FRAME_BYTES, Frame, FrameDecoder, FrameEncoder, FrameTooLargeError

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"[\r\n]+")
_SPLITTER = re.compile(rb"\xc2\x85|\xe2\x80[\xa8\xa9]")
"""U+0085, U+2028 and U+2029 in UTF-8; in JSON they can only stand in a string."""


class NdjsonDecoder:
    """Cuts one stream into lines. `Frame.raw` ends in LF, whatever the line ended in."""

    __slots__ = ("_buffer", "_searched", "_started")

    def __init__(self) -> None:
        # A bytearray, because a line that comes in many small chunks must not be copied with each of them.
        self._buffer = bytearray()
        self._searched = 0
        self._started = False

    @property
    def idle(self) -> bool:
        """Whether it holds nothing: what comes next begins a line."""
        return not self._buffer

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take bytes as they come, cut anywhere; return the lines they complete."""
        buffer = self._buffer
        buffer += chunk
        frames: list[Frame] = []
        start = 0
        end = buffer.find(b"\n", self._searched)
        while end >= 0:
            frames += self._line(bytes(buffer[start:end]))
            start = end + 1
            end = buffer.find(b"\n", start)
        del buffer[:start]
        self._searched = len(buffer)
        if len(buffer) > MAX_FRAME_BYTES:
            raise FrameTooLargeError(f"a line is larger than {MAX_FRAME_BYTES} bytes")
        return frames

    def close(self) -> list[Frame]:
        """Return the last line if it only lacked its end."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return self._line(rest)

    def _line(self, line: bytes) -> list[Frame]:
        """The frame of one line, none if it is blank."""
        if not self._started:
            self._started = True
            line = line.removeprefix(_BOM)
        line = line.strip(b" \t\r")
        return [Frame(line, "", line + b"\n", clean=_SPLITTER.search(line) is None)] if line else []


class Ndjson:
    """The framing of Ollama."""

    content_type = "application/x-ndjson"

    def decoder(self) -> FrameDecoder:
        """A decoder for one stream."""
        return NdjsonDecoder()

    def encoder(self) -> FrameEncoder:
        """The framing itself: its lines know nothing of each other."""
        return self

    def close(self) -> bytes:
        """Nothing: the last line is the end."""
        return b""

    def encode(self, frame: Frame) -> bytes:
        """One line. Line ends in the document stand between its tokens and become blanks."""
        line = _LINE_END.sub(b" ", frame.data).strip()
        if not line:
            return b""
        return _SPLITTER.sub(_escaped, line) + b"\n"


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())


NDJSON = Ndjson()
