"""The six laws that every codec keeps, run for each one in the table of codecs.

1. Decoding an encoded request gives the request back, whenever the encoder reported no loss and no repair.
2. Decoding an encoded reply gives the reply back, as far as its wire can say it; once more changes nothing.
3. Streaming says the same as not streaming.
4. A framing's bytes cut anywhere yield the same frames.
5. Any prefix of a stream keeps the grammar, and is complete only if it says all that the whole stream says.
6. Encoding never changes its arguments.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.canonical.events import Collector, Event, Response, collect, explode
from gateway.canonical.request import Request
from gateway.errors import BadUpstreamReply, Unsayable
from gateway.protocols import CODECS
from gateway.protocols.codec import Asked, Call, Codec, Losses, Operation, Sent, foreign_fields
from gateway.protocols.target import Capabilities, Target
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame, Framing
from gateway.wire.json_array import JSON_ARRAY
from gateway.wire.ndjson import NDJSON
from gateway.wire.sse import SSE
from tests.forgetting import forget, forget_rendering
from tests.strategies import FEATURES, requests, responses

Sample: TypeAlias = tuple[Request, frozenset[str]]
"""A request and the names of the features in it."""

codecs = pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))

TARGETS: Mapping[str, Target] = {
    "most capable": Target("up-1", Capabilities(cache_marks=True, reasoning_replay=True)),
    "thinking by budget": Target(
        "up-1", Capabilities(cache_marks=True, reasoning_replay=True, thinking="budget")
    ),
    "unknown": Target("up-1"),
    "old": Target(
        "up-1",
        Capabilities(
            max_output=4096, thinking="budget", sampling="one_of", system="top", structured_output=False
        ),
    ),
    "reasoning": Target(
        "up-1",
        Capabilities(
            sampling="never",
            thinking="adaptive",
            efforts=("low", "medium", "high"),
            can_disable=False,
            forced_tool_choice="without_thinking",
            prefill=False,
            max_tokens_field="max_completion_tokens",
            roles="developer",
        ),
    ),
    "small": Target(
        "up-1",
        Capabilities(
            sampling="without_effort",
            top_k=False,
            penalties=False,
            seed=False,
            stop=False,
            logprobs=False,
            choices=False,
            thinking="none",
            forced_tool_choice="never",
            parallel_tool_calls=False,
            media=frozenset({"image"}),
            stream_usage=False,
            tools_with_effort=False,
        ),
    ),
}

MOST_CAPABLE = ("most capable", "thinking by budget")
"""Some wires have two words for the same, and no model takes both."""

MOST_REFUSED = 0.6
"""The share of samples that a codec may refuse or change: a law that is never applied says nothing."""
SURVEY = settings(max_examples=25)
COUNT = settings(max_examples=1000, derandomize=True)
LAW = settings(max_examples=400)


def named(names: str) -> frozenset[str]:
    """The features that a text names."""
    return frozenset(names.split())


_EVERYWHERE = """
    max_tokens stop temperature top_p stream user service_tier extras
    system system.blocks system.cache system.inline
    prefill tool tool.strict tool_choice.auto tool_choice.none tool_choice.any tool_choice.one
    parallel_tool_calls reasoning.off user.text user.text.cache user.image.base64
    user.image.url user.media.cache assistant.text call result.empty
"""
ACCEPTED: Mapping[str, frozenset[str]] = {
    "anthropic": named(
        f"""
        {_EVERYWHERE} top_k cache output.json_schema user.opaque
        reasoning.auto reasoning.budget reasoning.between_tools reasoning.visibility
        tool.cache tool.builtin user.image.file user.document.base64 user.document.url user.document.text
        user.document.blocks user.document.file user.document.described assistant.thinking.signature
        assistant.thinking.redacted assistant.citation assistant.server_tool call.cache result.error
        result.image result.document result.cache user.text.extras user.media.extras message.extras.anthropic
        tool.extras.anthropic call.extras.anthropic reasoning.extras continuation.container
        """
    ),
    "gemini": named(
        """
        max_tokens stop temperature top_p top_k seed presence_penalty frequency_penalty logprobs top_logprobs
        n stream service_tier extras system system.blocks prefill
        reasoning.off reasoning.effort.shown reasoning.visibility
        output.text output.json_object output.json_schema
        tool tool_choice.auto tool_choice.none tool_choice.any tool_choice.one tool_choice.validated
        user.text user.image.base64 user.image.url.typed user.image.detail user.document.base64
        user.document.url user.document.file user.audio user.opaque
        assistant.text call call.signature result.empty result.error result.image
        result.document user.text.extras user.media.extras message.extras.gemini tool.extras.gemini
        call.extras.gemini reasoning.extras reasoning.budget.shown tool.grounding
        assistant.server_tool.code continuation.cached
        """
    ),
    "ollama": named(
        """
        max_tokens stop temperature top_p top_k min_p seed presence_penalty frequency_penalty
        repetition_penalty logprobs top_logprobs stream extras system system.inline prefill
        reasoning.off reasoning.auto reasoning.effort output.json_object output.json_schema
        tool user.image.base64 assistant.text assistant.thinking call result.empty result.image
        message.extras.ollama tool.extras.ollama call.extras.ollama
        """
    ),
    "openai_chat": named(
        f"""
        {_EVERYWHERE} min_p top_k seed presence_penalty frequency_penalty repetition_penalty logit_bias
        logprobs top_logprobs n metadata verbosity modalities cache_key reasoning.effort output.text
        output.json_object output.named_schema tool.custom tool_choice.allowed tool.without_schema
        user.document.named user.document.file user.image.detail user.opaque user.audio user.video
        developer message.name assistant.refusal assistant.thinking assistant.thinking.signature call.custom
        call.signature call.broken_arguments call.cache result.cache tool.cache tool.searching
        user.text.extras user.media.extras message.extras.openai_chat tool.extras.openai_chat
        call.extras.openai_chat assistant.thinking.extras
        """
    ),
}
"""The features of `tests.strategies` that each codec must take without a loss: what its wire can say."""


@dataclass
class Survey:
    """What became of the samples that one codec was given."""

    samples: int = 0
    taken: int = 0
    generated: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)


def encoded(codec: Codec, request: Request, target: Target) -> Sent | None:
    """What the codec sends for `request`, None if it refuses or reports any change."""
    losses = Losses()
    try:
        sent = codec.encode_request(request, target, losses)
    except Unsayable:
        return None
    return None if losses or any(foreign_fields(request, codec.name)) else sent


def decoded(codec: Codec, sent: Sent, request: Request) -> Request:
    """What was sent for `request` as a client's own; some protocols say model and `stream` in the path."""
    body = dumps(sent.body)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    endpoint = next(
        point
        for point in codec.endpoints
        if point.operation is Operation.GENERATE and point.stream in {None, request.stream}
    )
    return codec.decode_request(Call(Document(body), headers, {"model": "up-1"}, endpoint=endpoint))


@codecs
def test_a_request_that_a_codec_can_say_comes_back_as_it_was(codec: Codec) -> None:
    survey = Survey()
    for feature in FEATURES:
        _survey(codec, SURVEY, requests(feature), survey)
    assert sorted(ACCEPTED[codec.name] - survey.generated.keys()) == []
    assert sorted(ACCEPTED[codec.name] - survey.accepted.keys()) == []


@codecs
def test_a_codec_can_say_many_requests_without_a_change(codec: Codec) -> None:
    survey = Survey()
    _survey(codec, COUNT, requests(), survey)
    assert survey.taken >= survey.samples * (1 - MOST_REFUSED), f"{survey.taken} of {survey.samples} taken"


def _survey(codec: Codec, settled: settings, samples: st.SearchStrategy[Sample], survey: Survey) -> None:
    @settled
    @given(samples)
    def law(sample: Sample) -> None:
        request, features = sample
        survey.samples += 1
        survey.generated.update(features)
        sent = [encoded(codec, request, TARGETS[target]) for target in MOST_CAPABLE]
        said = [one for one in sent if one is not None]
        if said:
            survey.taken += 1
            survey.accepted.update(features)
        for one in said:
            assert forget_rendering(decoded(codec, one, request)) == forget_rendering(renamed(request))

    law()


def renamed(request: Request) -> Request:
    """The request as its upstream sees it: by the upstream's name for the model."""
    return replace(request, model="up-1")


@codecs
@LAW
@given(requests(), st.sampled_from(sorted(TARGETS)))
def test_a_request_comes_back_from_every_kind_of_target(codec: Codec, sample: Sample, target: str) -> None:
    sent = encoded(codec, sample[0], TARGETS[target])
    if sent is not None:
        assert forget_rendering(decoded(codec, sent, sample[0])) == forget_rendering(renamed(sample[0]))


@codecs
@LAW
@given(requests(), st.sampled_from(sorted(TARGETS)))
def test_what_was_sent_with_losses_is_a_request_that_can_be_sent_without(
    codec: Codec, sample: Sample, target: str
) -> None:
    """What remains after a lossy encoding is understood, and sending it once more changes nothing."""
    try:
        sent = codec.encode_request(sample[0], TARGETS[target], Losses())
    except Unsayable:
        return
    again = codec.encode_request(decoded(codec, sent, sample[0]), TARGETS[target], Losses())
    assert again.body == sent.body


def asked_for(response: Response, *, stream: bool = False) -> Asked:
    return Asked(response.model, stream, include_usage=True, reply_id="0123abcd", created=1767225600)


def unary(codec: Codec, response: Response) -> Response | None:
    """The reply after it went over the wire whole, None if the codec reported a loss."""
    losses = Losses()
    body = codec.encode_response(response, asked_for(response), losses)
    reply = codec.decode_response(body, Sent())
    again = codec.encode_response(reply, asked_for(response), Losses())
    assert loads(again) == loads(body)
    return None if losses else reply


def stream_bytes(codec: Codec, response: Response, losses: Losses) -> bytes:
    encoder = codec.stream_encoder(asked_for(response, stream=True), losses)
    frames = [frame for event in explode(response) for frame in encoder.encode(event)]
    return b"".join(codec.framing.encoder().encode(frame) for frame in frames)


def events_of(codec: Codec, data: bytes) -> Iterator[Event]:
    decoder = codec.stream_decoder(Sent())
    for frame in frames_of(codec.framing, data):
        yield from decoder.decode(frame)
    yield from decoder.close()


@codecs
@LAW
@given(responses())
def test_a_reply_comes_back_as_it_was(codec: Codec, response: Response) -> None:
    reply = unary(codec, response)
    if reply is not None:
        assert forget(reply, codec.name) == forget(response, codec.name)


@codecs
@LAW
@given(responses())
def test_a_streamed_reply_comes_back_as_it_was(codec: Codec, response: Response) -> None:
    losses = Losses()
    reply = collect(events_of(codec, stream_bytes(codec, response, losses)))
    if not losses:
        assert forget(reply, codec.name) == forget(response, codec.name)


@codecs
def test_most_replies_can_be_said_whole_and_as_a_stream(codec: Codec) -> None:
    outcomes: Counter[tuple[bool, bool]] = Counter()

    @given(responses())
    def survey(response: Response) -> None:
        whole, streamed = Losses(), Losses()
        codec.encode_response(response, asked_for(response), whole)
        stream_bytes(codec, response, streamed)
        outcomes[bool(whole), bool(streamed)] += 1

    survey()
    assert outcomes[False, False] >= outcomes.total() * (1 - MOST_REFUSED), outcomes


FRAMINGS: Mapping[str, tuple[Framing, st.SearchStrategy[bytes]]] = {
    "json_array": (
        JSON_ARRAY,
        st.lists(
            st.sampled_from(
                (
                    *(b"[", b"]", b",", b"\n,\r\n", b'{"a":"}\\"]"}', b'{"b":[{}]}', b'"', b"\\", b"{", b"}"),
                    b"\xff",
                )
            ),
            max_size=24,
        ).map(b"".join),
    ),
    "ndjson": (
        NDJSON,
        st.lists(
            st.sampled_from(
                (b'{"a":"\xc3\xa9"}', b'"\xe2\x80\xa8"', b" ", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\xff")
            ),
            max_size=24,
        ).map(b"".join),
    ),
    "sse": (
        SSE,
        st.lists(
            st.sampled_from(
                (
                    *(b"data: ", b"data:", b'{"a":"\xc3\xa9"}', b"event: x", b": c", b"id: 1"),
                    *(b"\n", b"\r\n", b"\r", b"\n\n", b"\xef\xbb\xbf", b"\xff"),
                )
            ),
            max_size=24,
        ).map(b"".join),
    ),
}
"""Every framing, with bytes that it may meet."""


def frames_of(framing: Framing, *chunks: bytes) -> list[Frame]:
    decoder = framing.decoder()
    return [frame for chunk in chunks for frame in decoder.feed(chunk)] + decoder.close()


def test_every_framing_of_a_codec_is_in_the_table() -> None:
    assert {type(codec.framing) for codec in CODECS.values()} <= {type(one) for one, _ in FRAMINGS.values()}


@pytest.mark.parametrize("name", FRAMINGS)
@settings(max_examples=500)
@given(st.data())
def test_bytes_cut_anywhere_yield_the_same_frames(name: str, data: st.DataObject) -> None:
    framing, streams = FRAMINGS[name]
    stream = data.draw(streams)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = frames_of(framing, stream)
    assert frames_of(framing, *chunks) == whole
    assert frames_of(framing, *(stream[at : at + 1] for at in range(len(stream)))) == whole


@codecs
@LAW
@given(responses(), st.floats(0, 1))
def test_a_prefix_of_a_stream_keeps_the_grammar_and_never_passes_for_the_whole(
    codec: Codec, response: Response, share: float
) -> None:
    stream = stream_bytes(codec, response, Losses())
    collector = Collector()
    try:
        for event in events_of(codec, stream[: int(len(stream) * share)]):
            collector.feed(event)
    except BadUpstreamReply:
        return
    said = collector.response()
    assert said.choices == collect(events_of(codec, stream)).choices


@codecs
@LAW
@given(requests(), st.sampled_from(sorted(TARGETS)))
def test_encoding_a_request_leaves_it_alone(codec: Codec, sample: Sample, target: str) -> None:
    request = sample[0]
    before = deepcopy(request)
    encoded(codec, request, TARGETS[target])
    assert request == before


@codecs
@LAW
@given(responses())
def test_encoding_a_reply_leaves_it_alone(codec: Codec, response: Response) -> None:
    before = deepcopy(response)
    codec.encode_response(response, asked_for(response), Losses())
    stream_bytes(codec, response, Losses())
    assert response == before
