"""What a request needs, and who has it."""

import pytest

from gateway.canonical.content import Base64, Blocks, Media, Message, Text, ToolResult
from gateway.canonical.request import Request, Tool
from gateway.protocols.target import Capabilities
from gateway.relay.needs import Needs, needs_of

IMAGE = Media("image", Base64("aaaa"), "image/png")
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("needs", "can", "met"),
    [
        (Needs(), Capabilities(tools=False, media=NONE, context=1), True),
        (Needs(tools=True), Capabilities(), True),
        (Needs(tools=True), Capabilities(tools=False), False),
        (Needs(media=frozenset({"image"})), Capabilities(media=frozenset({"image", "audio"})), True),
        (Needs(media=frozenset({"image"})), Capabilities(media=frozenset({"audio"})), False),
        (Needs(tokens=1000), Capabilities(context=None), True),
        (Needs(tokens=1000), Capabilities(context=1000), True),
        (Needs(tokens=1001), Capabilities(context=1000), False),
    ],
)
def test_needs_are_met_by_whoever_lacks_none_of_them(needs: Needs, can: Capabilities, *, met: bool) -> None:
    assert needs.met_by(can) is met


@pytest.mark.parametrize(
    "part",
    [
        IMAGE,
        ToolResult("call_1", [Text("seen"), IMAGE]),
        Media("document", Blocks([IMAGE])),
    ],
)
def test_media_are_found_wherever_they_stand(part: Media | ToolResult) -> None:
    assert "image" in needs_of(Request("m", [Message("user", [Text("look"), part])])).media


def test_a_request_of_words_alone_needs_room_for_them() -> None:
    needs = needs_of(Request("m", [Message("user", [Text("word " * 1000)])]))

    assert (needs.tools, needs.media) == (False, NONE)
    assert 500 < needs.tokens < 5000


def test_a_request_with_tools_needs_who_can_call_them() -> None:
    assert needs_of(Request("m", [Message("user", [Text("hi")])], tools=[Tool("look")])).tools
