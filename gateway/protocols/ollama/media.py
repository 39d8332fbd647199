"""Pictures, which this protocol carries as bare base64 beside the words, and documents, which it has not."""

from collections.abc import Iterator, Mapping

from gateway.canonical.content import Base64, Blocks, Media, PlainText, Text
from gateway.errors import Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.target import Capabilities

NAME = "ollama"

_MAGIC: Mapping[str, str] = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "Qk": "image/bmp",
}
"""How the base64 of each kind of picture begins."""

_MANNERS = ("filename", "title", "context", "detail", "citations")


def decode_images(wire: Fields) -> list[Media]:
    """The pictures of a message or prompt. The wire has no media type: their first bytes tell it."""
    return [
        Media("image", Base64(bare), mime_of(bare), origin=f"{wire.at('images')}[{index}]")
        for index, data in enumerate(wire.texts("images") or ())
        # Some send a data URL; the protocol wants what stands behind its comma.
        for bare in (data.partition(",")[2] if data.startswith("data:") else data,)
    ]


def mime_of(data: str) -> str | None:
    """The media type that the first bytes of base64 `data` tell, None if it is no known picture."""
    return next((mime for magic, mime in _MAGIC.items() if data.startswith(magic)), None)


def encode_image(media: Media, capabilities: Capabilities, losses: Losses) -> str:
    """The bare base64 of a picture.

    Raises:
        Unsayable: it is none, its bytes are elsewhere, or the model reads no pictures.
    """
    if media.kind != "image":
        raise Unsayable(
            f"{media.origin}: no {media.kind} can be said here; send its text or choose another model",
            param=media.origin,
        )
    if "image" not in capabilities.media:
        raise Unsayable(
            f"{media.origin}: the model reads no images; leave it out or choose another model",
            param=media.origin,
        )
    if not isinstance(media.source, Base64):
        raise Unsayable(
            f"{media.origin}: the upstream fetches no pictures; send the bytes as base64", param=media.origin
        )
    _drop_manners(media, losses)
    if media.mime != mime_of(media.source.data):
        losses.repair(media.origin, "without its media type: its first bytes tell it")
    return media.source.data


def encode_document(media: Media, losses: Losses) -> Iterator[Text | Media]:
    """A document made of words as words, its title in front; the parts of one made of parts.

    Raises:
        Unsayable: a part inside it is neither text nor media.
    """
    losses.repair(media.origin, "document said as text")
    _drop_manners(media, losses, said=("filename", "title", "context"))
    header = "\n".join(filter(None, (media.title or media.filename, media.context)))
    match media.source:
        case PlainText(text):
            yield Text(f"{header}\n\n{text}" if header else text, origin=media.origin)
        case Blocks(parts):
            if header:
                yield Text(header, origin=media.origin)
            for part in parts:
                if not isinstance(part, (Text, Media)):
                    where = part.origin or media.origin
                    raise Unsayable(f"{where}: only text and media may stand in a document", param=where)
                yield part
        case _:
            raise Unsayable(
                f"{media.origin}: no document can be said here; send its text or choose another model",
                param=media.origin,
            )


def _drop_manners(media: Media, losses: Losses, said: tuple[str, ...] = ()) -> None:
    for name in _MANNERS:
        if getattr(media, name) is not None and name not in said:
            losses.drop(f"{media.origin}.{name}")
    if media.cache is not None:
        losses.drop(f"{media.origin}.cache_control")
