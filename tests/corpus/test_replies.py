"""Every recorded reply is understood: whole, in pieces, and cut off anywhere."""

import random
from collections.abc import Mapping

import pytest

from gateway.canonical.events import Collector, Response, collect
from gateway.errors import BadUpstreamReply, ContentRefused, UpstreamError
from gateway.protocols import CODECS
from gateway.protocols.codec import Asked, Codec, Losses, Sent
from gateway.wire.json_array import JSON_ARRAY
from tests.corpus.conftest import Report
from tests.corpus.recordings import NO_REPLIES, Recording, recordings

pytestmark = pytest.mark.shared

CUTS = 12
ERRORS_WITH_200: Mapping[str, type[UpstreamError]] = {
    "openai_chat/json/azure-openllmetry-testing-a84bb3ef.json": ContentRefused,
}
"""Whole replies whose status says success and whose body says why not."""


def read(codec: Codec, chunks: list[bytes], sent: Sent) -> Response:
    """The reply that a stream tells; a Collector watches that it keeps the grammar.

    Raises:
        UpstreamError: the stream says so, or does not end as it must.
    """
    framing, decoder, collector = codec.framing.decoder(), codec.stream_decoder(sent), Collector()
    frames = [frame for chunk in chunks for frame in framing.feed(chunk)] + framing.close()
    for frame in frames:
        for event in decoder.decode(frame):
            collector.feed(event)
    for event in decoder.close():
        collector.feed(event)
    return collector.response()


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(20))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def streams(protocol: str) -> list[Recording]:
    said = [one for one in recordings(protocol) if one.stream and one.status == 200]
    return [one for one in said if one.framing != "json_array" and one.name not in NO_REPLIES]


@pytest.mark.parametrize("protocol", CODECS)
def test_every_recorded_stream_is_understood_however_it_is_cut(protocol: str, report: Report) -> None:
    codec, chance, understood, failed = CODECS[protocol], random.Random(7), 0, 0
    for recording in streams(protocol):
        if "expect_error" in recording.features:
            with pytest.raises(UpstreamError):
                read(codec, [recording.reply], Sent())
            failed += 1
            continue
        whole = read(codec, [recording.reply], Sent())
        assert whole.choices, recording.name
        assert read(codec, pieces(recording.reply, chance), Sent()) == whole, recording.name
        understood += 1
    report(f"{protocol}: {understood} recorded streams understood, {failed} failed as expected")
    assert understood


@pytest.mark.parametrize("protocol", CODECS)
def test_a_recorded_stream_cut_off_anywhere_fails_or_says_all_there_was(protocol: str) -> None:
    codec, chance = CODECS[protocol], random.Random(11)
    for recording in streams(protocol):
        if "expect_error" in recording.features:
            continue
        whole = read(codec, [recording.reply], Sent())
        for _ in range(CUTS):
            end = chance.randrange(len(recording.reply))
            try:
                cut = read(codec, [recording.reply[:end]], Sent())
            except BadUpstreamReply:
                continue
            assert cut.choices == whole.choices, f"{recording.name} cut at {end}"


@pytest.mark.parametrize("protocol", CODECS)
def test_every_recorded_whole_reply_is_understood_and_says_the_same_when_streamed(
    protocol: str, report: Report
) -> None:
    codec = CODECS[protocol]
    replies = [one for one in recordings(protocol) if not one.stream and one.status == 200]
    replies = [one for one in replies if one.name not in NO_REPLIES]
    errors = [one for one in replies if one.name in ERRORS_WITH_200]
    for recording in errors:
        with pytest.raises(ERRORS_WITH_200[recording.name]):
            codec.decode_response(recording.reply, Sent())
    for recording in replies:
        if recording in errors:
            continue
        reply = codec.decode_response(recording.reply, Sent())
        assert reply.choices, recording.name
        asked = Asked(reply.model, include_usage=True, reply_id="0123abcd", created=1767225600)
        body = codec.encode_response(reply, asked, Losses())
        again = codec.decode_response(body, Sent())
        assert codec.encode_response(again, asked, Losses()) == body, recording.name
    report(f"{protocol}: {len(replies)} recorded whole replies understood, {len(errors)} of them as errors")
    assert replies


@pytest.mark.parametrize("protocol", CODECS)
def test_every_recorded_refusal_is_told_as_an_upstream_error(protocol: str) -> None:
    codec = CODECS[protocol]
    refusals = [one for one in recordings(protocol) if one.status != 200]
    for recording in refusals:
        error = codec.decode_error(recording.status, {}, recording.reply)
        assert error.upstream_status == recording.status
        assert "HTTP status" not in error.message, recording.name
    assert refusals


@pytest.mark.parametrize("protocol", CODECS)
def test_a_recorded_stream_written_again_says_the_same(protocol: str) -> None:
    codec = CODECS[protocol]
    for recording in streams(protocol):
        if "expect_error" in recording.features:
            continue
        reply = read(codec, [recording.reply], Sent())
        asked = Asked(reply.model, stream=True, include_usage=True, reply_id="0123abcd", created=1767225600)
        once = codec.encode_response(reply, asked, Losses())
        decoder = codec.stream_decoder(Sent())
        encoder = codec.stream_encoder(asked, Losses())
        framing = codec.framing.decoder()
        frames = [*framing.feed(recording.reply), *framing.close()]
        events = [event for frame in frames for event in decoder.decode(frame)] + decoder.close()
        written = b"".join(
            codec.framing.encoder().encode(frame) for event in events for frame in encoder.encode(event)
        )
        assert collect(events) == reply
        streamed = read(codec, [written], Sent())
        assert codec.encode_response(streamed, asked, Losses()) == once, recording.name


def test_a_recorded_array_says_the_same_cut_or_read_as_a_whole_reply() -> None:
    codec, chance = CODECS["gemini"], random.Random(3)
    arrays = [one for one in recordings("gemini") if one.framing == "json_array" and one.status == 200]
    for recording in arrays:
        whole = codec.decode_response(recording.reply, Sent())
        decoder, collector = codec.stream_decoder(Sent()), Collector()
        framing = JSON_ARRAY.decoder()
        frames = [frame for piece in pieces(recording.reply, chance) for frame in framing.feed(piece)]
        for frame in frames:
            for event in decoder.decode(frame):
                collector.feed(event)
        for event in decoder.close():
            collector.feed(event)
        assert collector.response() == whole, recording.name
    assert arrays


def test_what_is_no_reply_does_not_pass_for_one() -> None:
    for recording in (one for one in recordings() if one.name in NO_REPLIES):
        codec = CODECS[recording.protocol]
        with pytest.raises(BadUpstreamReply):
            if recording.stream:
                read(codec, [recording.reply], Sent())
            else:
                codec.decode_response(recording.reply, Sent())
