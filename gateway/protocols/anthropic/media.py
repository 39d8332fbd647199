"""Images, documents and search results, both ways.

A search result is a document of blocks; that it was one is told by its `source`, a field that only this
protocol knows. https://platform.claude.com/docs/en/build-with-claude/vision, …/pdf-support, …/search-results
"""

from base64 import b64decode
from collections.abc import Callable, Mapping

from gateway.canonical.content import Base64, Blocks, FileRef, Media, Part, PlainText, Source, Text, Url
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.anthropic.caching import CacheMarks, settle
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.target import Capabilities

FAMILY = "anthropic"

_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"

_MAGIC: Mapping[str, str] = {
    "/9j/": "image/jpeg",
    "iVBOR": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": _PDF,
}
"""How the base64 of files begins whose type nobody said."""

_SAME_TYPE: Mapping[str, str] = {"image/jpg": "image/jpeg"}


def media_type(word: str) -> str:
    """A media type in the one spelling used inside."""
    return _SAME_TYPE.get(word.lower(), word.lower())


def decode_image(fields: Fields, decode: Callable[[JsonValue, str], Part]) -> Media:
    """An `image` block."""
    inner = _source_fields(fields)
    source, mime = _decode_source(inner, decode)
    return _settled(Media("image", source, mime), fields, inner)


def decode_document(fields: Fields, decode: Callable[[JsonValue, str], Part]) -> Media:
    """A `document` block; `decode` reads the blocks of a document that is made of blocks."""
    inner = _source_fields(fields)
    source, mime = _decode_source(inner, decode)
    if isinstance(source, Url):
        mime = _PDF  # the only kind of document that the API fetches
    document = Media("document", source, mime, title=fields.text("title"), context=fields.text("context"))
    document.citations = _decode_citations(fields)
    return _settled(document, fields, inner)


def _settled(media: Media, fields: Fields, source: Fields) -> Media:
    """`media` with what is left of its block and of the `source` in it."""
    media.origin = fields.path
    media.cache, media.extras = settle(fields)
    inside = source.rest("source")
    if inside:
        media.extras[FAMILY] = {**media.extras.get(FAMILY, {}), **inside}
    return media


def decode_search_result(fields: Fields, decode: Callable[[JsonValue, str], Part]) -> Media:
    """A `search_result` block; its `source` stays in the extras, where the other fields' absence tells it."""
    parts = _decode_blocks(fields, decode)
    result = Media("document", Blocks(parts), title=fields.text("title"), origin=fields.path)
    result.citations = _decode_citations(fields)
    result.cache, result.extras = settle(fields)
    return result


def _source_fields(fields: Fields) -> Fields:
    source = fields.fields("source")
    if source is None:
        raise InvalidRequest(f"{fields.at('source')}: an object is required", param=fields.at("source"))
    return source


def _decode_source(fields: Fields, decode: Callable[[JsonValue, str], Part]) -> tuple[Source, str | None]:
    kind = fields.required_text("type")
    match kind:
        case "base64":
            return Base64(fields.required_text("data")), media_type(fields.required_text("media_type"))
        case "url":
            return Url(fields.required_text("url")), None
        case "file":
            return FileRef(fields.required_text("file_id"), FAMILY), None
        case "text":
            fields.any("media_type")
            return PlainText(fields.required_text("data")), "text/plain"
        case "content":
            return Blocks(_decode_blocks(fields, decode)), None
        case _:
            raise InvalidRequest(f"{fields.at('type')}: unknown source type", param=fields.at("type"))


def _decode_blocks(fields: Fields, decode: Callable[[JsonValue, str], Part]) -> list[Part]:
    content = fields.any("content")
    path = fields.at("content")
    if isinstance(content, str):
        return [Text(content, origin=path)]
    if not isinstance(content, list):
        raise InvalidRequest(f"{path}: a string or a list is required", param=path)
    return [decode(block, f"{path}[{index}]") for index, block in enumerate(content)]


def _decode_citations(fields: Fields) -> bool | None:
    citations = fields.fields("citations")
    return None if citations is None else citations.boolean("enabled")


def encode_media(
    media: Media, capabilities: Capabilities, marks: CacheMarks, encode: Callable[[Part], JsonObject]
) -> JsonObject:
    """The block for `media`; `encode` writes the blocks of a document that is made of blocks.

    Raises:
        Unsayable: sound and film, foreign files, and media types that the API does not read.
    """
    if media.kind not in ("image", "document") or media.kind not in capabilities.media:
        raise Unsayable(
            f"{media.origin}: the model does not read {media.kind} content; leave it out", param=media.origin
        )
    own = media.extras.get(FAMILY, {})
    beside = own.get("source")
    _note_lost_fields(media, marks.losses)
    if isinstance(media.source, Blocks) and isinstance(beside, str):
        content: list[JsonValue] = [encode(part) for part in media.source.parts]
        block = {**own, "type": "search_result", "title": media.title or "", "content": content}
    else:
        source = _encode_source(media, marks.losses, encode)
        source = {**beside, **source} if isinstance(beside, dict) else source
        block = {**own, "type": media.kind, "source": source, **_described(media, marks.losses)}
    if media.citations is not None:
        block["citations"] = {"enabled": media.citations}
    marks.put(block, media.cache, media.origin)
    return block


def _described(media: Media, losses: Losses) -> JsonObject:
    """What a document is called; images have no words for it."""
    if media.kind == "image":
        return {}
    title = media.title
    if title is None and media.filename is not None:
        title = media.filename
        losses.repair(f"{media.origin}.filename", "said as the title")
    described: JsonObject = {}
    if title is not None:
        described["title"] = title
    if media.context is not None:
        described["context"] = media.context
    return described


def _note_lost_fields(media: Media, losses: Losses) -> None:
    if media.detail is not None:
        losses.drop(f"{media.origin}.detail")
    if media.filename is not None and (media.title is not None or media.kind == "image"):
        losses.repair(f"{media.origin}.filename", "left out")
    if media.kind == "image":
        for name in ("title", "context", "citations"):
            if getattr(media, name) is not None:
                losses.drop(f"{media.origin}.{name}")


def _encode_source(media: Media, losses: Losses, encode: Callable[[Part], JsonObject]) -> JsonObject:
    if media.kind == "image":
        return _encode_image_source(media, losses)
    return _encode_document_source(media, losses, encode)


def _encode_image_source(media: Media, losses: Losses) -> JsonObject:
    source = media.source
    match source:
        case Base64(data):
            mime = _mime_of(media, data, losses)
            if mime not in _IMAGE_TYPES:
                raise Unsayable(
                    f"{media.origin}: images must be JPEG, PNG, GIF or WebP, not {mime or 'of unknown type'}",
                    param=media.origin,
                )
            return {"type": "base64", "media_type": mime, "data": data}
        case Url() | FileRef():
            return _encode_reference(media, source, losses)
        case _:
            raise Unsayable(f"{media.origin}: an image cannot be given as text", param=media.origin)


def _encode_document_source(media: Media, losses: Losses, encode: Callable[[Part], JsonObject]) -> JsonObject:
    source = media.source
    match source:
        case Base64(data):
            return _encode_file(media, data, losses)
        case PlainText(text):
            if media.mime != "text/plain":
                losses.repair(media.origin, "said as text/plain")
            return {"type": "text", "media_type": "text/plain", "data": text}
        case Blocks(parts):
            blocks: list[JsonValue] = [encode(part) for part in parts]
            return {"type": "content", "content": blocks}
        case _:
            return _encode_reference(media, source, losses)


def _encode_reference(media: Media, source: Url | FileRef, losses: Losses) -> JsonObject:
    implied = _PDF if media.kind == "document" and isinstance(source, Url) else None
    if media.mime != implied:
        losses.repair(media.origin, "media type left to the upstream")
    if isinstance(source, Url):
        return {"type": "url", "url": source.url}
    if source.family != FAMILY:
        raise Unsayable(
            f"{media.origin}: the file is stored at another provider; send its content instead",
            param=media.origin,
        )
    return {"type": "file", "file_id": source.file_id}


def _encode_file(media: Media, data: str, losses: Losses) -> JsonObject:
    mime = _mime_of(media, data, losses)
    if mime == _PDF:
        return {"type": "base64", "media_type": _PDF, "data": data}
    if mime is not None and mime.startswith("text/"):
        losses.repair(media.origin, "said as plain text")
        try:
            text = b64decode(data, validate=True).decode("utf-8", "replace")
        except ValueError as error:
            raise Unsayable(f"{media.origin}: not base64", param=media.origin) from error
        return {"type": "text", "media_type": "text/plain", "data": text}
    raise Unsayable(
        f"{media.origin}: documents must be PDF or plain text, not {mime or 'of unknown type'}",
        param=media.origin,
    )


def _mime_of(media: Media, data: str, losses: Losses) -> str | None:
    if media.mime is not None:
        mime = media_type(media.mime)
        if mime != media.mime:
            losses.repair(media.origin, f"media type spelled {mime}")
        return mime
    found = next((mime for magic, mime in _MAGIC.items() if data.startswith(magic)), None)
    if found is not None:
        losses.repair(media.origin, f"recognised as {found}")
    return found
