"""Images, sound, films and documents, both ways."""

from dataclasses import replace

import pytest

from gateway.canonical.content import (
    Base64,
    Blocks,
    CacheMark,
    FileRef,
    Media,
    Part,
    PlainText,
    Refusal,
    Text,
    Url,
)
from gateway.canonical.json import JsonObject
from gateway.errors import Unsayable
from gateway.protocols.codec import Losses, foreign_fields
from tests.protocols.gemini.exchange import asking, decoded, sent, user

PDF = Media("document", Base64("JVBERi0="), "application/pdf", origin="p")
PICTURE = Media("image", Base64("iVBORw0KGgo="), "image/png", origin="p")


def said(medium: Media, losses: Losses, **can: object) -> list[JsonObject]:
    """The parts that say a medium."""
    parts: list[JsonObject] = sent(asking(user(medium)), losses, **can)["contents"][0]["parts"]
    return parts


def test_what_the_model_does_not_read_is_refused() -> None:
    with pytest.raises(Unsayable, match="reads no videos"):
        said(Media("video", Url("https://x.example/a.mp4")), Losses(), media=frozenset({"image"}))


def test_what_is_said_beside_a_document_is_named_and_its_file_name_no_loss() -> None:
    losses = Losses()
    document = replace(
        PDF, title="T", context="C", citations=True, filename="a.pdf", cache=CacheMark(), detail="auto"
    )
    assert said(document, losses) == [{"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}]
    assert losses.dropped == ["p.cache_control", "p.title", "p.context", "p.citations"]
    assert losses.repaired == ["p.filename left out", "p.detail left to the model"]


def test_how_closely_to_look_is_said_where_it_can_be() -> None:
    losses = Losses()
    closely = replace(PICTURE, detail="high")
    level = {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}
    assert said(closely, losses)[0].items() >= level.items()
    assert not losses
    assert "mediaResolution" not in said(closely, losses, media_detail=False)[0]
    assert losses.dropped == ["p.detail"]


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ({"inlineData": {"mimeType": "image/png", "data": "AA==", "new": 1}}, "inlineData.new"),
        ({"fileData": {"mimeType": "image/png", "fileUri": "https://x.example/a", "new": 1}}, "fileData.new"),
        (
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}, "mediaResolution": {"level": "NEW"}},
            "mediaResolution",
        ),
        (
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}, "videoMetadata": {"fps": 1}},
            "videoMetadata",
        ),
    ],
)
def test_what_nobody_knows_of_a_medium_goes_back_and_is_named_elsewhere(part: JsonObject, lost: str) -> None:
    request = decoded({"role": "user", "parts": [part]})
    assert sent(request)["contents"][0]["parts"] == [part]
    assert list(foreign_fields(request, "anthropic")) == [f"contents[0].parts[0].{lost}"]


@pytest.mark.parametrize(
    ("media", "file"),
    [
        (Media("video", Url("https://youtu.be/1")), {"fileUri": "https://youtu.be/1"}),
        (Media("document", FileRef("files/1", "gemini")), {"fileUri": "files/1"}),
        (
            Media("image", FileRef("files/1", "gemini"), "image/png"),
            {"fileUri": "files/1", "mimeType": "image/png"},
        ),
        (
            Media("document", Url("https://x.example/a.png")),
            {"fileUri": "https://x.example/a.png", "mimeType": "application/pdf"},
        ),
    ],
)
def test_what_stands_at_an_address_has_a_media_type_where_the_api_does_not_know_it(
    media: Media, file: JsonObject
) -> None:
    assert said(media, Losses()) == [{"fileData": file}]


def test_a_document_of_words_is_words_with_its_title_in_front() -> None:
    losses = Losses()
    marked = Media("document", PlainText("words"), cache=CacheMark(), citations=True, origin="p")
    assert said(marked, losses) == [{"text": "words"}]
    assert losses.dropped == ["p.cache_control", "p.citations"]
    blocks: list[Part] = [Text("a"), PICTURE]
    titled = Media("document", Blocks(blocks), title="T", origin="p")
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    assert said(titled, Losses()) == [{"text": "T"}, {"text": "a"}, picture]
    assert said(replace(titled, title=None), Losses()) == [{"text": "a"}, picture]


def test_only_text_and_media_stand_in_a_document() -> None:
    with pytest.raises(Unsayable, match="only text and media"):
        said(Media("document", Blocks([Refusal("no")]), origin="p"), Losses())


@pytest.mark.parametrize(
    ("part", "media"),
    [
        (
            {
                "inlineData": {"data": "AA==", "displayName": "a.bin"},
                "videoMetadata": {"fps": 1},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
            },
            Media(
                "document",
                Base64("AA=="),
                filename="a.bin",
                detail="low",
                extras={"gemini": {"videoMetadata": {"fps": 1}}},
            ),
        ),
        (
            {"fileData": {"fileUri": "https://x.example/a.MP3"}},
            Media("audio", Url("https://x.example/a.MP3")),
        ),
    ],
)
def test_a_medium_is_read_with_all_that_is_known_of_it(part: JsonObject, media: Media) -> None:
    assert decoded({"parts": [part]}).messages[0].parts == [media]
