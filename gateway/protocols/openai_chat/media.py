"""Images, sound, films and documents as content parts, both ways."""

import re
from collections.abc import Iterator, Mapping

from gateway.canonical.content import Base64, Blocks, FileRef, Media, Part, PlainText, Source, Text, Url
from gateway.canonical.json import Extras, JsonObject
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.target import Capabilities

NAME = "openai_chat"

_DATA_URL = re.compile(r"data:([^,]*);base64,", re.IGNORECASE)
_MIME_OF_FORMAT: Mapping[str, str] = {"mp3": "audio/mpeg"}
_FORMAT_OF_MIME: Mapping[str, str] = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}
_ALIASES: Mapping[str, str] = {"image/jpg": "image/jpeg"}
_MAGIC: Mapping[str, str] = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi0": "application/pdf",
}
_SAID_OF: Mapping[str, frozenset[str]] = {
    "image": frozenset({"detail"}),
    "audio": frozenset(),
    "video": frozenset(),
    "document": frozenset({"filename"}),
}
"""Which of a medium's descriptions this protocol has a word for."""


def decode_media(part: Fields, kind: str) -> Media:
    """The medium that a content part of type `kind` holds.

    Raises:
        InvalidRequest: the part lacks what makes it one.
    """
    match kind:
        case "file":
            media = _decode_file(part)
        case "input_audio":
            media = _decode_audio(part)
        case _:
            media = _decode_url(part, kind)
    media.origin = part.path
    return media


def _decode_url(part: Fields, kind: str) -> Media:
    """`image_url`, and the vendors' `video_url` and `audio_url`; some write the address without an object."""
    value = part.any(kind)
    inner = Fields({"url": value} if isinstance(value, str) else value, part.at(kind))
    source, mime = source_of(inner.required_text("url"))
    detail = inner.text("detail")
    extras = inner.rest(kind)
    match kind:
        case "image_url":
            return Media("image", source, mime, detail=detail, extras=_own(extras))
        case "video_url":
            return Media("video", source, mime, detail=detail, extras=_own(extras))
        case _:
            return Media("audio", source, mime, detail=detail, extras=_own(extras))


def _own(inner: Extras) -> Extras:
    """Unknown fields of the object inside a part, kept under that object's name."""
    return {NAME: {**inner}} if inner else {}


def source_of(url: str) -> tuple[Source, str | None]:
    """The source an address names and its media type: a `data:` address holds its bytes itself."""
    found = _DATA_URL.match(url)
    if found is None:
        return Url(url), None
    mime = found[1].lower()
    return Base64(url[found.end() :]), _ALIASES.get(mime, mime) or None


def _decode_audio(part: Fields) -> Media:
    inner = Fields(part.any("input_audio"), part.at("input_audio"))
    data, form = inner.required_text("data"), inner.required_text("format").lower()
    mime = _MIME_OF_FORMAT.get(form, f"audio/{form}")
    return Media("audio", Base64(data), mime, extras=_own(inner.rest("input_audio")))


def _decode_file(part: Fields) -> Media:
    inner = Fields(part.any("file"), part.at("file"))
    data, file_id, filename = inner.text("file_data"), inner.text("file_id"), inner.text("filename")
    extras = _own(inner.rest("file"))
    if data is not None:
        source, mime = source_of(data)
        return Media("document", source, mime, filename, extras=extras)
    if file_id is not None:
        return Media("document", FileRef(file_id, NAME), None, filename, extras=extras)
    raise InvalidRequest(f"{inner.path}: file_data or file_id is required", param=inner.path)


def encode_media(media: Media, capabilities: Capabilities, losses: Losses) -> Iterator[JsonObject]:
    """The content parts that say `media`, without its cache mark and extras.

    Raises:
        Unsayable: the model does not read such media, or the protocol has no word for its source.
    """
    words = isinstance(media.source, (PlainText, Blocks))
    if not words and media.kind not in capabilities.media:
        raise Unsayable(
            f"{media.origin}: the model reads no {media.kind}s; leave it out or choose another model",
            param=media.origin,
        )
    if words:
        yield from _encode_words(media, capabilities, losses)
        return
    _drop_unsaid(media, losses)
    match media.kind:
        case "image":
            yield _encode_image(media, losses)
        case "document":
            yield _encode_file(media, losses)
        case _:
            yield _encode_stream(media, losses)


def _drop_unsaid(media: Media, losses: Losses) -> None:
    said = _SAID_OF[media.kind]
    for name in ("filename", "title", "context", "detail", "citations"):
        as_filename = name == "title" and media.kind == "document" and not media.filename
        if getattr(media, name) is not None and name not in said and not as_filename:
            losses.drop(f"{media.origin}.{name}")
    if isinstance(media.source, (Url, FileRef)) and media.mime is not None:
        losses.repair(media.origin, "without its media type: the address says it")


def data_url(media: Media, data: str, losses: Losses) -> str:
    """`data` as a `data:` address; a missing media type is read off its first bytes.

    Raises:
        Unsayable: the bytes do not tell.
    """
    mime = media.mime
    if mime is None:
        mime = next((mime for magic, mime in _MAGIC.items() if data.startswith(magic)), None)
        if mime is None:
            raise Unsayable(f"{media.origin}: say its media type", param=media.origin)
        losses.repair(media.origin, f"named {mime}")
    return f"data:{mime};base64,{data}"


def _encode_image(media: Media, losses: Losses) -> JsonObject:
    image: JsonObject = {}
    match media.source:
        case Base64(data):
            image["url"] = data_url(media, data, losses)
        case Url(url):
            image["url"] = url
        case _:
            raise Unsayable(
                f"{media.origin}: a stored image cannot be named here; send its bytes or its address",
                param=media.origin,
            )
    if media.detail == "original":
        losses.drop(f"{media.origin}.detail", "original->high")
        image["detail"] = "high"
    elif media.detail is not None:
        image["detail"] = media.detail
    return {"type": "image_url", "image_url": image}


def _encode_stream(media: Media, losses: Losses) -> JsonObject:
    """Sound goes as bytes; films, and sound by address, in the form that vendors share."""
    word = f"{media.kind}_url"
    match media.source:
        case Base64(data) if media.kind == "audio":
            return {"type": "input_audio", "input_audio": {"data": data, "format": _format(media, losses)}}
        case Base64(data):
            return {"type": word, word: {"url": data_url(media, data, losses)}}
        case Url(url):
            return {"type": word, word: {"url": url}}
        case _:
            raise Unsayable(
                f"{media.origin}: a stored {media.kind} cannot be named here; send its bytes",
                param=media.origin,
            )


def _format(media: Media, losses: Losses) -> str:
    mime = media.mime or ""
    if not mime.startswith("audio/"):
        raise Unsayable(f"{media.origin}: say its media type, such as audio/wav", param=media.origin)
    form = _FORMAT_OF_MIME.get(mime, mime.removeprefix("audio/"))
    if _MIME_OF_FORMAT.get(form, f"audio/{form}") != mime:
        losses.repair(media.origin, f"{mime} named {form}")
    return form


def _encode_file(media: Media, losses: Losses) -> JsonObject:
    file: JsonObject = {}
    match media.source:
        case Base64(data):
            file["filename"] = _filename(media, losses)
            file["file_data"] = data_url(media, data, losses)
        case FileRef(file_id, family) if family == NAME:
            file["file_id"] = file_id
            if media.filename is not None:
                file["filename"] = media.filename
        case Url():
            raise Unsayable(
                f"{media.origin}: a document's address cannot be said here; send its bytes",
                param=media.origin,
            )
        case _:
            raise Unsayable(
                f"{media.origin}: the file is stored at another provider; send its bytes", param=media.origin
            )
    return {"type": "file", "file": file}


def _filename(media: Media, losses: Losses) -> str:
    if media.filename:
        return media.filename
    # The upstream refuses a file without a name.
    name = media.title or f"document.{(media.mime or '/pdf').rpartition('/')[2]}"
    losses.repair(media.origin, f"named {name}")
    return name


def _encode_words(media: Media, capabilities: Capabilities, losses: Losses) -> Iterator[JsonObject]:
    """A document made of words becomes words with its title in front."""
    losses.repair(media.origin, "document said as text")
    if media.citations:
        losses.drop(f"{media.origin}.citations")
    header = "\n".join(filter(None, (media.title or media.filename, media.context)))
    if isinstance(media.source, PlainText):
        yield _text(f"{header}\n\n{media.source.text}" if header else media.source.text)
        return
    if header:
        yield _text(header)
    for part in media.source.parts if isinstance(media.source, Blocks) else ():
        yield from _encode_block(part, media, capabilities, losses)


def _encode_block(
    part: Part, document: Media, capabilities: Capabilities, losses: Losses
) -> Iterator[JsonObject]:
    match part:
        case Text():
            yield _text(part.text)
        case Media():
            yield from encode_media(part, capabilities, losses)
        case _:
            where = part.origin or document.origin
            raise Unsayable(f"{where}: only text and media may stand in a document here", param=where)


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def merged(extras: Extras, said: JsonObject) -> JsonObject:
    """`said` with the unknown fields that a client of this protocol sent along, at any depth."""
    own = extras.get(NAME)
    return _deep(own, said) if own else said


def _deep(extra: JsonObject, said: JsonObject) -> JsonObject:
    wire = {**extra, **said}
    for name in extra.keys() & said.keys():
        inner, outer = extra[name], said[name]
        if isinstance(inner, dict) and isinstance(outer, dict):
            wire[name] = _deep(inner, outer)
    return wire
