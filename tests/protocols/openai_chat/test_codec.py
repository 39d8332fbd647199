"""The codec's small functions: routing, the bytes lane, counts and models."""

import json

import pytest

from gateway.canonical.content import Signature
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import BadUpstreamReply, InvalidRequest
from gateway.protocols import carry
from gateway.protocols.codec import Call, Losses, ModelCard
from gateway.protocols.openai_chat import CODEC
from gateway.protocols.target import Capabilities, Target
from gateway.wire.document import Document

_TARGET = Target("up")


def _said(payload: JsonObject) -> Call:
    return Call(Document.of(payload))


def _redirected(text: str, target: Target = _TARGET, losses: Losses | None = None) -> tuple[str, bool]:
    call = Call(Document(text.encode()))
    body, usage_is_ours = CODEC.redirect(call, target, losses if losses is not None else Losses())
    return body.decode(), usage_is_ours


def test_routing_learns_the_model_and_how_to_answer() -> None:
    asked = CODEC.asked(_said({"model": "m", "stream": True, "stream_options": {"include_usage": True}}))
    assert (asked.model, asked.stream, asked.include_usage) == ("m", True, True)
    plain = CODEC.asked(_said({"model": "m", "stream_options": None}))
    assert (plain.stream, plain.include_usage) == (False, False)
    assert plain.thoughts
    assert not CODEC.asked(_said({"model": "m", "reasoning": {"exclude": True}})).thoughts
    assert CODEC.asked(_said({"model": "m", "reasoning": {"exclude": False}})).thoughts
    malformed: list[JsonObject] = [{}, {"model": ""}, {"model": "m", "stream": 1}]
    for payload in malformed:
        with pytest.raises(InvalidRequest):
            CODEC.asked(_said(payload))


def test_only_the_model_changes_and_every_other_byte_stays() -> None:
    text = '{ "messages":[{"content":"\\u00e9 \\/"}], "model": "m", "x": 1.0, "y": 9007199254740993 }'
    assert _redirected(text) == (text.replace('"m"', '"up"'), False)
    assert _redirected(text, Target("m")) == (text, False)


def test_usage_of_a_stream_is_asked_for_on_our_behalf() -> None:
    text = '{"model":"up","stream":true,"messages":[]}'
    body, ours = _redirected(text)
    assert ours
    assert json.loads(body) == {**json.loads(text), "stream_options": {"include_usage": True}}
    options = '{"model":"up","stream":true,"stream_options":{"include_obfuscation":false}}'
    body, ours = _redirected(options)
    assert (json.loads(body)["stream_options"], ours) == (
        {"include_obfuscation": False, "include_usage": True},
        True,
    )
    asked = '{"model":"up","stream":true,"stream_options":{"include_usage":true}}'
    assert _redirected(asked) == (asked, False)
    assert _redirected(text, Target("up", Capabilities(stream_usage=False))) == (text, False)


def test_reasoning_another_provider_signed_is_taken_out_by_name() -> None:
    foreign = carry.wrap(Signature("anthropic", "s"), "openai_chat")
    kept: JsonObject = {"type": "reasoning.text", "signature": "own"}
    gone: list[JsonValue] = [
        {"type": "reasoning.text", "signature": foreign},
        {"type": "reasoning.encrypted", "data": carry.wrap(None, "openai_chat")},
    ]
    messages: list[JsonValue] = [
        "odd",
        {"role": "assistant", "content": "a", "reasoning_details": [gone[0], kept, 7]},
        {"role": "assistant", "content": "b", "reasoning_details": gone},
    ]
    losses = Losses()
    body, _ = _redirected(json.dumps({"model": "up", "messages": messages}), losses=losses)
    assert json.loads(body)["messages"] == [
        "odd",
        {"role": "assistant", "content": "a", "reasoning_details": [kept, 7]},
        {"role": "assistant", "content": "b"},
    ]
    assert losses.dropped == [
        "messages[1].reasoning_details[0]",
        "messages[2].reasoning_details[0]",
        "messages[2].reasoning_details[1]",
    ]


def test_the_words_of_foreign_reasoning_go_with_it_unless_the_model_wants_them() -> None:
    foreign = carry.wrap(Signature("anthropic", "s"), "openai_chat")
    details = [{"type": "reasoning.text", "signature": foreign}]
    said = {"role": "assistant", "content": "a", "reasoning_content": "Hm."}
    text = json.dumps({"model": "up", "messages": [{**said, "reasoning_details": details}]})
    assert json.loads(_redirected(text)[0])["messages"] == [{"role": "assistant", "content": "a"}]
    wants = Target("up", Capabilities(reasoning_replay=True))
    assert json.loads(_redirected(text, wants)[0])["messages"] == [said]


def test_reasoning_of_its_own_leaves_the_bytes_alone() -> None:
    text = '{"model":"up", "messages":[{"role":"assistant","reasoning_details":[{"signature":"own"}]}]}'
    assert _redirected(text) == (text, False)


@pytest.mark.parametrize(
    "messages",
    ['"gw1."', '{"a":"gw1."}', '["gw1."]', '["gw1.",{"reasoning_details":[{"signature":"own"}]}]'],
)
def test_what_only_looks_like_reasoning_of_others_leaves_the_bytes_alone(messages: str) -> None:
    text = '{"model":"up", "messages" : ' + messages + "}"
    assert _redirected(text) == (text, False)


def test_counts_go_both_ways() -> None:
    assert CODEC.decode_count(CODEC.encode_count(12)) == 12
    for body in (b"{}", b"[]", b"<html>"):
        with pytest.raises(BadUpstreamReply):
            CODEC.decode_count(body)


def test_models_are_told_in_openais_shape() -> None:
    card = ModelCard("m", created=5)
    shown = {"id": "m", "object": "model", "created": 5, "owned_by": "gateway"}
    assert json.loads(CODEC.encode_model(card)) == shown
    assert json.loads(CODEC.encode_models([card])) == {"object": "list", "data": [shown]}


def test_signatures_of_calls_go_where_they_may_be_wanted() -> None:
    signed = '{"id":"c","extra_content":{"google":{"thought_signature":"c2ln"}}}'
    text = (
        '{"model":"up","messages":["odd",{"role":"user"},{"tool_calls":["odd",{"id":"b"},' + signed + "]}]}"
    )
    losses = Losses()

    assert _redirected(text, Target("up", Capabilities(signatures=True))) == (text, False)
    assert _redirected(text, losses=losses) == (text.replace(signed, '{"id":"c"}'), False)
    assert losses.dropped == ["messages[2].tool_calls[2].extra_content"]
