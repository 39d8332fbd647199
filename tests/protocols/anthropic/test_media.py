from dataclasses import replace
from typing import Any

import pytest

from gateway.canonical.content import (
    Base64,
    Blocks,
    CacheMark,
    FileRef,
    Media,
    PlainText,
    Text,
    Url,
)
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import foreign_fields
from gateway.protocols.target import Capabilities
from tests.protocols.anthropic.exchange import blocks_of, decoded, said

PICTURE = Media("image", Base64("iVBORw0KGgo="), "image/png", origin="pic")
PAPER = Media("document", Base64("JVBERi0="), "application/pdf", origin="pdf")


def source(**fields: Any) -> dict[str, Any]:
    return {"type": "document", "source": fields}


BLOCKS: list[tuple[dict[str, Any], Media]] = [
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
        PICTURE,
    ),
    (
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        Media("image", Url("https://x.example/a.png")),
    ),
    (
        source(type="url", url="https://x.example/a.pdf"),
        Media("document", Url("https://x.example/a.pdf"), "application/pdf"),
    ),
    (source(type="file", file_id="file_1"), Media("document", FileRef("file_1", "anthropic"))),
    (
        source(type="text", media_type="text/plain", data="words"),
        Media("document", PlainText("words"), "text/plain"),
    ),
    (
        source(type="content", content=[{"type": "text", "text": "a"}]),
        Media("document", Blocks([Text("a")])),
    ),
    (
        {**source(type="base64", media_type="application/pdf", data="JVBERi0="), "title": "T", "context": "C",
         "citations": {"enabled": True}, "cache_control": {"type": "ephemeral"}},
        replace(PAPER, title="T", context="C", citations=True, cache=CacheMark()),
    ),
    (
        {**source(type="file", file_id="file_1", new={"a": 1}), "beside": 1},
        Media("document", FileRef("file_1", "anthropic"),
              extras={"anthropic": {"beside": 1, "source": {"new": {"a": 1}}}}),
    ),
    (
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png", "new": 1}},
        Media("image", Url("https://x.example/a.png"), extras={"anthropic": {"source": {"new": 1}}}),
    ),
    (
        {"type": "search_result", "source": "https://x.example", "title": "T",
         "content": [{"type": "text", "text": "found"}], "citations": {"enabled": False}},
        Media("document", Blocks([Text("found")]), title="T", citations=False,
              extras={"anthropic": {"source": "https://x.example"}}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("block", "media"), BLOCKS)
def test_a_block_of_media_goes_there_and_back(block: dict[str, Any], media: Media) -> None:
    parts = said(block)
    assert parts == [media]
    blocks, losses = blocks_of(*parts)
    assert blocks == [block]
    assert not losses


def test_what_nobody_knows_of_a_source_is_named_where_it_is_lost() -> None:
    block = source(type="text", media_type="text/plain", data="words", new=1)
    request = decoded(messages=[{"role": "user", "content": [block]}])
    assert list(foreign_fields(request, "gemini")) == ["messages[0].content[0].source.new"]


def test_a_document_may_be_given_as_one_string_of_content() -> None:
    assert said(source(type="content", content="words")) == [Media("document", Blocks([Text("words")]))]


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({"type": "image", "source": {"type": "ftp"}}, "source.type"),
        (source(type="content", content=7), "source.content"),
        ({"type": "image"}, "source"),
        (source(type="base64", data="JVBERi0="), "source.media_type"),
    ],
)
def test_a_malformed_source_is_named_by_its_path(block: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        said(block)
    assert caught.value.param == f"messages[0].content[0].{param}"


def test_media_types_have_one_spelling() -> None:
    spelled = {"type": "base64", "media_type": "Image/JPG", "data": "/9j/"}
    assert said({"type": "image", "source": spelled}) == [Media("image", Base64("/9j/"), "image/jpeg")]
    blocks, losses = blocks_of(replace(PICTURE, mime="image/jpg"))
    assert blocks[0]["source"]["media_type"] == "image/jpeg"
    assert losses.repaired == ["pic media type spelled image/jpeg"]


@pytest.mark.parametrize(
    ("data", "mime"), [("/9j/4AAQ", "image/jpeg"), ("R0lGODlh", "image/gif"), ("UklGRg==", "image/webp")]
)
def test_a_picture_of_untold_type_is_recognised(data: str, mime: str) -> None:
    blocks, losses = blocks_of(replace(PICTURE, source=Base64(data), mime=None))
    assert blocks[0]["source"] == {"type": "base64", "media_type": mime, "data": data}
    assert losses.repaired == [f"pic recognised as {mime}"]


@pytest.mark.parametrize(
    "media",
    [
        replace(PICTURE, source=Base64("Qk0="), mime=None),
        replace(PICTURE, source=PlainText("words")),
        replace(PICTURE, source=FileRef("f", "openai_chat")),
        replace(PAPER, source=Base64("UEsDBA=="), mime="application/zip"),
        replace(PAPER, source=Base64("UEsDBA=="), mime=None),
        replace(PAPER, source=Base64("no base64"), mime="text/plain"),
        Media("video", Url("https://x.example/a.mp4"), origin="film"),
    ],
)
def test_media_that_the_api_does_not_read_are_refused_by_their_path(media: Media) -> None:
    with pytest.raises(Unsayable) as caught:
        blocks_of(media)
    assert caught.value.param == media.origin


def test_a_model_without_eyes_is_shown_nothing() -> None:
    with pytest.raises(Unsayable, match="pic: the model does not read image content"):
        blocks_of(PICTURE, capabilities=Capabilities(media=frozenset({"document"})))


def test_a_file_of_text_is_said_as_plain_text() -> None:
    blocks, losses = blocks_of(replace(PAPER, source=Base64("IyBIaQ=="), mime="text/markdown"))
    assert blocks == [source(type="text", media_type="text/plain", data="# Hi")]
    assert losses.repaired == ["pdf said as plain text"]


def test_words_of_another_type_are_said_as_plain_text() -> None:
    blocks, losses = blocks_of(replace(PAPER, source=PlainText("a,b"), mime="text/csv"))
    assert blocks == [source(type="text", media_type="text/plain", data="a,b")]
    assert losses.repaired == ["pdf said as text/plain"]


def test_the_type_of_what_is_fetched_is_left_to_who_fetches_it() -> None:
    blocks, losses = blocks_of(replace(PICTURE, source=Url("https://x.example/a")))
    assert blocks[0]["source"] == {"type": "url", "url": "https://x.example/a"}
    assert losses.repaired == ["pic media type left to the upstream"]


def test_a_documents_file_name_is_its_title_unless_it_has_one() -> None:
    (named, titled), losses = blocks_of(
        replace(PAPER, filename="a.pdf"), replace(PAPER, filename="a.pdf", title="T")
    )
    assert (named["title"], titled["title"]) == ("a.pdf", "T")
    assert losses.repaired == ["pdf.filename said as the title", "pdf.filename left out"]


def test_what_a_picture_cannot_be_described_by_is_a_named_loss() -> None:
    described = replace(PICTURE, detail="low", filename="a.png", title="T", context="C")
    blocks, losses = blocks_of(described)
    assert blocks[0].keys() == {"type", "source"}
    assert losses.dropped == ["pic.detail", "pic.title", "pic.context"]
    assert losses.repaired == ["pic.filename left out"]
