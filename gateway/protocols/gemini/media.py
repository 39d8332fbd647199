"""Images, sound, films and documents: `inlineData` holds bytes, `fileData` an address, both ways.

https://ai.google.dev/api/caching#Part
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from gateway.canonical.content import Base64, Blocks, FileRef, Media, Part, PlainText, Source, Text, Url
from gateway.canonical.json import JsonObject, JsonValue, Untaken
from gateway.errors import Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.gemini.signatures import FAMILY, standard
from gateway.protocols.target import Capabilities

_STORED = re.compile(r"https://generativelanguage\.googleapis\.com/|(?!https?://)")
_FILMS = re.compile(r"https://(www\.)?(youtube\.com|youtu\.be)/")
_NAMED = frozenset({"inlineData", "fileData", "mediaResolution", "thoughtSignature", "thought"})
_TAKEN = frozenset({"data", "fileUri", "mimeType", "displayName"})

_MIME_OF_ENDING: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
}
_LIKELY: Mapping[str, str] = {
    "image": "image/jpeg",
    "document": "application/pdf",
    "audio": "audio/mpeg",
    "video": "video/mp4",
}
"""What the API is told of an address that does not show its media type: it demands one."""

_MAGIC: Mapping[str, str] = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi0": "application/pdf",
}

_LEVELS: Mapping[str, str] = {
    "low": "MEDIA_RESOLUTION_LOW",
    "medium": "MEDIA_RESOLUTION_MEDIUM",
    "high": "MEDIA_RESOLUTION_HIGH",
    "original": "MEDIA_RESOLUTION_ULTRA_HIGH",
}
_DETAILS: Mapping[JsonValue, str] = {level: detail for detail, level in _LEVELS.items()}

Kind = Literal["image", "audio", "video", "document"]


def decode_media(part: JsonObject, origin: str = "") -> Media | None:
    """The medium that a part holds, None where it lacks what makes it one."""
    inline, file = part.get("inlineData"), part.get("fileData")
    blob = inline if isinstance(inline, dict) else file if isinstance(file, dict) else {}
    name = "data" if isinstance(inline, dict) else "fileUri"
    word, mime, label = blob.get(name), blob.get("mimeType"), blob.get("displayName")
    if not isinstance(word, str):
        return None
    mime = _mime(mime) if isinstance(mime, str) and mime else None
    source: Source = Base64(standard(word)) if name == "data" else _addressed(word)
    media = Media(_kind(mime, word), source, mime, origin=origin)
    media.filename = label if isinstance(label, str) else None
    resolution = part.get("mediaResolution")
    level = resolution.get("level") if isinstance(resolution, dict) else None
    media.detail = _DETAILS.get(level) if isinstance(level, str) else None
    left: JsonObject = {name: value for name, value in part.items() if name not in _NAMED}
    if resolution is not None and media.detail is None:
        left["mediaResolution"] = resolution
    inside = Untaken((name, value) for name, value in blob.items() if name not in _TAKEN)
    if inside:
        left["inlineData" if blob is inline else "fileData"] = inside
    media.extras = {FAMILY: left} if left else {}
    return media


def _mime(word: str) -> str:
    word = word.lower()
    return "image/jpeg" if word == "image/jpg" else word


def _addressed(uri: str) -> Source:
    return FileRef(uri, FAMILY) if _STORED.match(uri) else Url(uri)


def _kind(mime: str | None, uri: str) -> Kind:
    if mime is None and _FILMS.match(uri):
        return "video"
    mime = mime or _MIME_OF_ENDING.get(uri.rpartition(".")[2].lower(), "")
    match mime.partition("/")[0]:
        case "image" | "audio" | "video" as kind:
            return kind
        case _:
            return "document"


def encode_media(media: Media, capabilities: Capabilities, losses: Losses) -> Iterator[JsonObject]:
    """The parts that say `media`.

    Raises:
        Unsayable: the model does not read it, or another provider stores it.
    """
    if isinstance(media.source, (PlainText, Blocks)):
        yield from _encode_words(media, media.source, capabilities, losses)
        return
    if media.kind not in capabilities.media:
        raise Unsayable(
            f"{media.origin}: the model reads no {media.kind}s; leave it out or choose another model",
            param=media.origin,
        )
    _note_unsaid(media, losses)
    name, blob = _data(media, losses)
    own = media.extras.get(FAMILY, {})
    beside = own.get(name)
    wire: JsonObject = {**own, name: {**beside, **blob} if isinstance(beside, dict) else blob}
    level = _LEVELS.get(media.detail or "")
    if level is not None and capabilities.media_detail:
        wire["mediaResolution"] = {"level": level}
    elif media.detail is not None and media.detail != "auto":
        losses.drop(f"{media.origin}.detail")
    elif media.detail is not None:
        losses.repair(f"{media.origin}.detail", "left to the model")
    yield wire


def _note_unsaid(media: Media, losses: Losses) -> None:
    if media.cache is not None:
        losses.drop(f"{media.origin}.cache_control")
    for name in ("title", "context", "citations"):
        if getattr(media, name) is not None:
            losses.drop(f"{media.origin}.{name}")
    if media.filename is not None:
        losses.repair(f"{media.origin}.filename", "left out")


def _data(media: Media, losses: Losses) -> tuple[str, JsonObject]:
    """The field of a part that holds `media`, and what stands in it."""
    match media.source:
        case Base64(data):
            return "inlineData", {"mimeType": _mime_of(media, data, losses), "data": data}
        case Url(uri) | FileRef(uri, "gemini"):
            # Of its own files and of films on YouTube the API knows what they are.
            known = media.mime is None and (not isinstance(media.source, Url) or _FILMS.match(uri))
            if known and _kind(None, uri) == media.kind:
                return "fileData", {"fileUri": uri}
            return "fileData", {"fileUri": uri, "mimeType": _mime_at(media, uri, losses)}
        case _:
            raise Unsayable(
                f"{media.origin}: the file is stored at another provider; send its content instead",
                param=media.origin,
            )


def _mime_of(media: Media, data: str, losses: Losses) -> str:
    if media.mime is not None:
        return media.mime
    mime = next((mime for magic, mime in _MAGIC.items() if data.startswith(magic)), None)
    if mime is None:
        raise Unsayable(f"{media.origin}: say its media type", param=media.origin)
    losses.repair(media.origin, f"recognised as {mime}")
    return mime


def _mime_at(media: Media, url: str, losses: Losses) -> str:
    if media.mime is not None:
        return media.mime
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    mime = _MIME_OF_ENDING.get(ending, "")
    if _kind(mime, "") != media.kind or not mime:
        mime = _LIKELY[media.kind]
    losses.repair(media.origin, f"said to be {mime}")
    return mime


def _encode_words(
    media: Media, source: PlainText | Blocks, capabilities: Capabilities, losses: Losses
) -> Iterator[JsonObject]:
    """A document made of words becomes words with its title in front."""
    losses.repair(media.origin, "document said as text")
    if media.cache is not None:
        losses.drop(f"{media.origin}.cache_control")
    if media.citations:
        losses.drop(f"{media.origin}.citations")
    header = "\n".join(filter(None, (media.title or media.filename, media.context)))
    if isinstance(source, PlainText):
        yield {"text": f"{header}\n\n{source.text}" if header else source.text}
        return
    if header:
        yield {"text": header}
    for part in source.parts:
        yield from _encode_block(part, media, capabilities, losses)


def _encode_block(
    part: Part, document: Media, capabilities: Capabilities, losses: Losses
) -> Iterator[JsonObject]:
    match part:
        case Text(text):
            yield {"text": text}
        case Media():
            yield from encode_media(part, capabilities, losses)
        case _:
            where = part.origin or document.origin
            raise Unsayable(f"{where}: only text and media may stand in a document here", param=where)
