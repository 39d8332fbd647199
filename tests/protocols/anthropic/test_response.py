import pytest

from gateway.canonical.content import Base64, Citation, Media, Part, Signature, Text, Thinking, ToolCall, Url
from gateway.canonical.events import Choice, Response
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply, RateLimited
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Asked, Losses, ModelCard, Sent
from gateway.wire import fast_json


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"type":"message"}', b'{"content":[{"type":7}]}'])
def test_what_is_no_message_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(BadUpstreamReply):
        CODEC.decode_response(body, Sent())


def test_an_error_with_status_200_is_an_error() -> None:
    with pytest.raises(RateLimited):
        CODEC.decode_response(b'{"type":"error","error":{"type":"rate_limit_error","message":"x"}}', Sent())


def test_cached_tokens_are_taken_out_of_the_input_for_clients() -> None:
    usage = Usage(input_tokens=1000, cache_read=900, output_tokens=1)
    response = Response([Choice([Text("hi")], Stop(StopReason.END))], usage=usage)
    payload = fast_json.loads(CODEC.encode_response(response, Asked("m"), Losses()))
    assert payload["usage"]["input_tokens"] == 100
    assert payload["usage"]["cache_read_input_tokens"] == 900


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (StopReason.CONTENT_FILTER, "refusal"),
        (StopReason.LENGTH, "max_tokens"),
        (StopReason.OTHER, "end_turn"),
        (StopReason.PAUSE, "pause_turn"),
    ],
)
def test_every_reason_has_a_word(reason: StopReason, word: str) -> None:
    response = Response([Choice([Text("hi")], Stop(reason))])
    assert fast_json.loads(CODEC.encode_response(response, Asked("m"), Losses()))["stop_reason"] == word


def test_foreign_state_without_words_is_redacted_and_comes_back() -> None:
    signature = Signature("openai_responses", "gAAA", "gpt")
    response = Response(
        [Choice([Thinking(signature=signature), ToolCall("a", "run")], Stop(StopReason.TOOL_CALL))]
    )
    body = CODEC.encode_response(response, Asked("m"), Losses())
    thinking, call = CODEC.decode_response(body, Sent()).parts
    assert thinking == Thinking(signature=signature, redacted=True)
    assert call == ToolCall("a", "run")


def test_media_and_foreign_citations_are_named_losses() -> None:
    losses = Losses()
    parts: list[Part] = [
        Media("image", Url("https://pictures.example/a.png")), Media("audio", Base64("AAAA"), "audio/wav"),
        Text("hi", [Citation("url", "https://x.example")]),
    ]  # fmt: skip
    response = Response([Choice(parts, Stop(StopReason.END))])
    payload = fast_json.loads(CODEC.encode_response(response, Asked("m"), losses))
    assert [block["text"] for block in payload["content"]] == [
        "![image](https://pictures.example/a.png)", "[audio: audio/wav, 3 bytes]", "hi"
    ]  # fmt: skip
    assert losses.dropped == ["image ->text", "audio ->text", "citations"]


def test_token_counts_go_there_and_back() -> None:
    assert CODEC.decode_count(CODEC.encode_count(42)) == 42
    with pytest.raises(BadUpstreamReply):
        CODEC.decode_count(b"{}")


def test_models_carry_their_date_as_a_string() -> None:
    page = fast_json.loads(CODEC.encode_models([ModelCard("a"), ModelCard("b")]))
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("a", "b", False)
    assert page["data"][0]["created_at"] == "2026-01-01T00:00:00Z"
    assert fast_json.loads(CODEC.encode_model(ModelCard("a")))["id"] == "a"
