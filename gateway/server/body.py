"""A request's body: read within limits that count what comes out of the compression, and parsed."""

import asyncio

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from gateway import errors
from gateway.protocols.codec import unreadable
from gateway.server.budget import Share
from gateway.wire.document import Document, NoObjectError
from gateway.wire.fast_json import JsonError

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate", "br", "zstd"})
"""What aiohttp decodes while the body is read, piece by piece, so that no bomb fills the memory."""

_SLOWEST = 64 * 1024
"""Bytes a second that buy a large body more time than the timeout."""


async def read_json(request: web.Request, limit: int, timeout_s: float, share: Share) -> Document:
    """The body of `request`, whatever type it claims to be, decoded and looked through.

    At most `limit` bytes, within `timeout_s` and the time that a slow line needs for a large body; `share`
    holds them.

    Raises:
        TooLarge, RequestTimeout, InvalidRequest: it is too big, comes too slowly, or is no JSON object.
        Unavailable: it is not, but too much is held for other requests.
    """
    body = await _read(request, limit, timeout_s, share)
    try:
        document = Document(body)
    except NoObjectError as error:
        raise errors.InvalidRequest("the request body must be a JSON object") from error
    except JsonError as error:
        raise unreadable(error) from error
    # Of two names an upstream could take the other one.
    if document.is_repeated("model"):
        raise errors.InvalidRequest("model: given twice", param="model")
    return document


async def _read(request: web.Request, limit: int, timeout_s: float, share: Share) -> bytes:
    announced = request.content_length or 0
    if announced > limit:
        raise _too_large(limit)
    share.expect(announced)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise errors.InvalidRequest("content-encoding: one of gzip, deflate, br, zstd is required")
    if "expect" in request.headers:
        await _invite(request)
    content = request.content
    try:
        if content.is_eof() and content.total_bytes <= limit:
            # It came along with the header.
            share.grow(content.total_bytes)
            return content.read_nowait()
        async with asyncio.timeout(timeout_s) as patience:
            return await _pieces(request, limit, patience, share)
    except TimeoutError as error:
        raise errors.RequestTimeout("the request body did not arrive in time") from error
    except RequestPayloadError as error:
        raise errors.InvalidRequest(
            f"the request body is not what its content-encoding ({encoding}) says"
            if encoding
            else "the request body is cut short or badly framed"
        ) from error


async def _pieces(request: web.Request, limit: int, patience: asyncio.Timeout, share: Share) -> bytes:
    pieces: list[bytes] = []
    size = 0
    until = patience.when() or 0.0
    while piece := await request.content.readany():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        share.grow(len(piece))
        patience.reschedule(until + size / _SLOWEST)
        # What is unpacked is there without waiting, piece after piece; others want their turn.
        await asyncio.sleep(0)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _invite(request: web.Request) -> None:
    """Tell a client that waits for it to send the body: only now is it certain that it will be read."""
    if request.headers["expect"].lower() != "100-continue":
        raise errors.InvalidRequest("expect: only 100-continue is known")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # The reply proper has not begun.
    request.writer.output_size = 0


def _too_large(limit: int) -> errors.TooLarge:
    return errors.TooLarge(f"the request body is larger than {limit} bytes")


async def expect(_: web.Request) -> None:
    """An `expect_handler` that waits: whether the body is wanted shows when the request has been judged."""
