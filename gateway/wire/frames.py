"""One message on a wire, and how a stream of bytes is cut into messages."""

from dataclasses import dataclass
from typing import Protocol

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""The largest record a decoder buffers: room for a base64 image, an end to a runaway upstream."""


@dataclass(slots=True)
class Frame:
    """One message: its payload, its event name where the framing has names, and the bytes it came as (line
    ends apart).

    `clean` says that `raw` holds only line forms that every client's SDK survives, so it may be passed on as
    it is.
    """

    data: bytes
    event: str = ""
    raw: bytes = b""
    clean: bool = False


class FrameTooLargeError(ValueError):
    """A record outgrew `MAX_FRAME_BYTES`."""


class FrameDecoder(Protocol):
    """The state of one stream being cut into frames. Total cost is linear in the bytes fed."""

    @property
    def idle(self) -> bool:
        """Whether it holds nothing: what comes next begins a record."""
        ...

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take bytes as they come, cut anywhere; return the frames they complete.

        Raises:
            FrameTooLargeError: a record is larger than `MAX_FRAME_BYTES`.
        """
        ...

    def close(self) -> list[Frame]:
        """The bytes have ended: return a last frame that only lacked its terminator, if there is one."""
        ...


class FrameEncoder(Protocol):
    """The state of one stream being put on a wire."""

    def encode(self, frame: Frame) -> bytes:
        """The bytes of one message, in the forms that every client survives."""
        ...

    def close(self) -> bytes:
        """What the end of a whole stream still owes its reader; one that broke off must not have it."""
        ...


class Framing(Protocol):
    """A way to put messages on a wire."""

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        ...

    def decoder(self) -> FrameDecoder:
        """A decoder for one stream."""
        ...

    def encoder(self) -> FrameEncoder:
        """An encoder for one stream."""
        ...
